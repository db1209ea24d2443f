//! The gateways of all regions: they wait for each other, so they start together.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::Start;
use crate::gateway_config::{
    Admin, Broker, Export, Federation, GatewayConfig, Http, Link, Transit,
};
use crate::lab::relays::{Place, Relays};
use crate::lab::{Gateway, Region, Relayed, UpError};
use crate::names;
use crate::ports::{self, ATTEMPTS};
use crate::process::Process;
use crate::sockets::Sockets;

impl Start<'_> {
    /// Starts all gateways and waits until each is ready; with other ports, should others have
    /// taken theirs.
    pub(super) async fn gateways(
        &self,
        regions: &mut [Region],
        relays: &mut Relays,
        sockets: &Sockets,
    ) -> Result<(), UpError> {
        let mut attempt = 1;
        loop {
            match self.gateways_once(regions, relays, sockets).await {
                Err(UpError::Process(error)) if attempt < ATTEMPTS && error.is_port_race() => {
                    attempt += 1;
                    regions.iter_mut().for_each(|region| region.gateways.clear());
                }
                other => return other,
            }
        }
    }

    async fn gateways_once(
        &self,
        regions: &mut [Region],
        relays: &mut Relays,
        sockets: &Sockets,
    ) -> Result<(), UpError> {
        let places = self.places(regions)?;
        self.progress.begin("Starting gateways", places.len());
        if self.options.relayed != Relayed::Nothing {
            relays.start_links(&places).await?;
        }
        let federation: BTreeMap<_, _> =
            regions.iter().map(|region| (region.name.clone(), region.name.clone())).collect();
        for place in &places {
            let Some(region) = regions.iter_mut().find(|region| region.name == place.region) else {
                continue;
            };
            let files = GatewayFiles {
                config: self.files.region(&region.name)?.join(format!("{}.toml", place.gateway)),
                socket: sockets.socket(&place.gateway),
            };
            let http = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?));
            let config = GatewayConfig {
                fabric: names::FABRIC,
                region: &place.region,
                gateway: &place.gateway,
                broker: self.broker(region, &place.gateway, relays),
                link: self.link(place, &places, relays),
                transit: Transit { allow: true },
                export: Export { collectives: names::COLLECTIVES.map(str::to_owned).to_vec() },
                federation: Federation { names: federation.clone() },
                admin: Admin { listen: format!("unix:{}", files.socket.display()) },
                http: Http { listen: http },
            };
            region.gateways.push(self.gateway(&config, files, place)?);
        }
        self.all_ready(regions).await
    }

    fn places(&self, regions: &[Region]) -> Result<Vec<Place>, UpError> {
        let mut places = Vec::new();
        for region in regions {
            for number in 1..=self.options.gateways {
                places.push(Place {
                    region: region.name.clone(),
                    gateway: names::gateway(&region.name, number),
                    link: SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()?)),
                });
            }
        }
        Ok(places)
    }

    fn broker(&self, region: &Region, gateway: &str, relays: &Relays) -> Broker {
        let relayed = relays.brokers(&region.name).iter();
        let relayed: Vec<_> =
            relayed.map(|relay| format!("nats://localhost:{}", relay.address().port())).collect();
        Broker {
            servers: if relayed.is_empty() { region.broker.urls() } else { relayed },
            monitors: region.broker.monitors(),
            tls: self.pki.files(gateway),
        }
    }

    /// Everybody's seed is the first gateway of the first region.
    fn link(&self, place: &Place, places: &[Place], relays: &Relays) -> Link {
        let dial = relays.dial(&place.gateway);
        let seed = places.first().map(|seed| match dial.get(&seed.gateway) {
            Some(relay) => relay.clone(),
            None => localhost(seed.link),
        });
        Link {
            listen: place.link,
            advertise: localhost(place.link),
            seeds: seed.into_iter().collect(),
            dial,
            tls: self.pki.files(&place.gateway),
        }
    }

    fn gateway(
        &self,
        config: &GatewayConfig<'_>,
        files: GatewayFiles,
        place: &Place,
    ) -> Result<Gateway, UpError> {
        fs::write(&files.config, config.text(&self.options.gateway_settings))
            .map_err(|source| UpError::write(&files.config, source))?;
        let arguments =
            vec!["gateway".into(), "run".into(), "--config".into(), files.config.clone().into()];
        let log = files.config.with_extension("log");
        let name = format!("gateway {}", place.gateway);
        let mut process = Process::new(&name, &self.options.program, arguments, &log)
            .with_life(self.options.life);
        process.start()?;
        Ok(Gateway {
            name: place.gateway.clone(),
            config: files.config,
            socket: files.socket,
            http: config.http.listen,
            link: place.link,
            process,
        })
    }

    async fn all_ready(&self, regions: &mut [Region]) -> Result<(), UpError> {
        let gateways = regions.iter_mut().flat_map(Region::gateways_mut);
        for (index, gateway) in gateways.enumerate() {
            gateway.ready().await?;
            self.progress.done(index + 1);
        }
        Ok(())
    }
}

/// Where a gateway's files are.
struct GatewayFiles {
    config: PathBuf,
    socket: PathBuf,
}

fn localhost(address: SocketAddr) -> String {
    format!("localhost:{}", address.port())
}
