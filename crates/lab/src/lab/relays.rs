//! The relays of a lab.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::UpError;
use crate::nats::{Cluster, Server};
use crate::relay::Relay;

/// A gateway, for whom relays are made.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) region: String,
    pub(super) gateway: String,
    /// Where it listens for links.
    pub(super) link: SocketAddr,
}

/// The relays of a lab; none unless asked for.
#[derive(Debug, Default)]
pub(super) struct Relays {
    links: Vec<LinkRelay>,
    brokers: BTreeMap<String, Vec<Relay>>,
}

/// From one gateway to another.
#[derive(Debug)]
struct LinkRelay {
    from: Place,
    to: Place,
    relay: Relay,
}

impl Relays {
    /// One relay for each ordered pair.
    pub(super) async fn start_links(&mut self, places: &[Place]) -> Result<(), UpError> {
        self.links.clear();
        for from in places {
            for to in places.iter().filter(|to| to.gateway != from.gateway) {
                let relay = Relay::start(to.link).await.map_err(UpError::Relay)?;
                self.links.push(LinkRelay { from: from.clone(), to: to.clone(), relay });
            }
        }
        Ok(())
    }

    /// One relay for each server.
    pub(super) async fn start_brokers(
        &mut self,
        region: &str,
        broker: &Cluster,
    ) -> Result<(), UpError> {
        let mut relays = Vec::new();
        for port in broker.servers().iter().map(Server::port) {
            let target = SocketAddr::from(([127, 0, 0, 1], port));
            relays.push(Relay::start(target).await.map_err(UpError::Relay)?);
        }
        self.brokers.insert(region.to_owned(), relays);
        Ok(())
    }

    /// Where `gateway` dials the others, by name.
    pub(super) fn dial(&self, gateway: &str) -> BTreeMap<String, String> {
        let from = self.links.iter().filter(|link| link.from.gateway == gateway);
        from.map(|link| (link.to.gateway.clone(), link.relay.address().to_string())).collect()
    }

    pub(super) fn link(&self, from: &str, to: &str) -> Option<&Relay> {
        let found =
            self.links.iter().find(|link| link.from.gateway == from && link.to.gateway == to);
        found.map(|link| &link.relay)
    }

    pub(super) fn links(&self, one: &str, other: &str) -> Vec<&Relay> {
        let between = |link: &&LinkRelay| {
            let (from, to) = (link.from.region.as_str(), link.to.region.as_str());
            (from, to) == (one, other) || (from, to) == (other, one)
        };
        self.links.iter().filter(between).map(|link| &link.relay).collect()
    }

    pub(super) fn brokers(&self, region: &str) -> &[Relay] {
        self.brokers.get(region).map_or(&[], Vec::as_slice)
    }
}
