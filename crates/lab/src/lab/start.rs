//! Bringing a lab up, stage by stage.

mod gateways;
mod nodes;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::spawn_blocking;

use super::files::Files;
use super::relays::Relays;
use super::{Lab, Options, Region, Relayed, UpError, Whole};
use crate::nats::{self, Cluster, ClusterOptions, NatsError};
use crate::pki::{Pki, PkiError, Profile, Tokens};
use crate::progress::Progress;
use crate::sockets::Sockets;
use crate::{names, running, wait};

/// How long a fabric may take to become whole once its gateways are ready.
const WHOLE_LIMIT: Duration = Duration::from_secs(60);
/// How often brokers ping their clients: as often as operators are advised.
const BROKER_PING: Duration = Duration::from_secs(5);

/// What every stage needs.
struct Start<'a> {
    options: &'a Options,
    files: Files,
    pki: Arc<Pki>,
    tokens: Arc<Tokens>,
    progress: Arc<dyn Progress>,
}

pub(super) async fn up(options: &Options, progress: Arc<dyn Progress>) -> Result<Lab, UpError> {
    options.check()?;
    let files = Files::create(&options.dir)?;
    refuse_second(&files)?;
    let dir = files.dir().to_owned();
    let sockets = Sockets::create(&dir).map_err(|source| UpError::write(&dir, source))?;
    let (pki, tokens) = keys(options, &files, Arc::clone(&progress)).await?;
    let user = tokens.user(names::TOKEN_USER)?;
    let start =
        Start { options, files, pki: Arc::clone(&pki), tokens: Arc::clone(&tokens), progress };

    let mut relays = Relays::default();
    let mut regions = start.brokers().await?;
    start.relay_brokers(&regions, &mut relays).await?;
    start.gateways(&mut regions, &mut relays, &sockets).await?;
    start.nodes(&mut regions).await?;
    let lab = Lab { dir, pki, tokens, user, regions, relays, sockets };
    if let Some(whole) = &options.whole {
        start.whole(whole, &lab).await?;
    }
    lab.manifest().write(&lab.dir).map_err(|source| UpError::write(&lab.dir, source))?;
    start.progress.end();
    Ok(lab)
}

fn refuse_second(files: &Files) -> Result<(), UpError> {
    let dir = || files.dir().to_owned();
    let running =
        running::find(files.dir()).map_err(|source| UpError::List { dir: dir(), source })?;
    match running.len() {
        0 => Ok(()),
        processes => Err(UpError::Running { dir: dir(), processes }),
    }
}

/// Makes keys and certificates for everyone, off the runtime's own threads.
async fn keys(
    options: &Options,
    files: &Files,
    progress: Arc<dyn Progress>,
) -> Result<(Arc<Pki>, Arc<Tokens>), UpError> {
    let (folder, profiles) = (files.pki(), profiles(options));
    let made = spawn_blocking(move || {
        progress.begin("Making keys and certificates", profiles.len());
        let pki = Pki::create(&folder)?;
        let tokens = Tokens::create(&folder)?;
        pki.issue(&profiles, &|done| progress.done(done))?;
        Ok::<_, PkiError>((Arc::new(pki), Arc::new(tokens)))
    });
    Ok(made.await.expect("making keys does not panic")?)
}

fn profiles(options: &Options) -> Vec<Profile> {
    let mut profiles = vec![Profile::client(names::USER)];
    for region in (0..options.regions).map(names::region) {
        profiles.push(Profile::broker(&broker_certificate(&region)));
        profiles.extend((1..=options.gateways).map(|number| {
            Profile::gateway(names::FABRIC, &region, &names::gateway(&region, number))
        }));
        profiles.extend(
            (1..=options.all_nodes()).map(|number| Profile::client(&names::node(&region, number))),
        );
    }
    profiles
}

/// All servers of a region share it.
fn broker_certificate(region: &str) -> String {
    format!("broker.{region}")
}

impl Start<'_> {
    async fn brokers(&self) -> Result<Vec<Region>, UpError> {
        let count = self.options.regions;
        self.progress.begin("Starting brokers", count);
        let program = nats::find().map_err(NatsError::from)?;
        let mut regions = Vec::new();
        for name in (0..count).map(names::region) {
            let cluster = ClusterOptions {
                program: program.clone(),
                folder: self.files.region(&name)?,
                name: name.clone(),
                servers: self.options.brokers,
                tls: Some(self.pki.files(&broker_certificate(&name))),
                ping_interval: Some(BROKER_PING),
                max_pending: self.options.broker_pending,
                advertise: self.options.relayed != Relayed::LinksAndBrokers,
                extra: (self.options.broker_extra)(&name),
                life: self.options.life,
            };
            let broker = Cluster::start(&cluster).await?;
            regions.push(Region { name, broker, gateways: Vec::new(), nodes: Vec::new() });
            self.progress.done(regions.len());
        }
        Ok(regions)
    }

    async fn relay_brokers(&self, regions: &[Region], relays: &mut Relays) -> Result<(), UpError> {
        if self.options.relayed == Relayed::LinksAndBrokers {
            for region in regions {
                relays.start_brokers(&region.name, &region.broker).await?;
            }
        }
        Ok(())
    }

    async fn whole(&self, whole: &Whole, lab: &Lab) -> Result<(), UpError> {
        self.progress.begin("Waiting until all regions see each other", 1);
        let missing = Mutex::new(String::new());
        let agreed = wait::until(WHOLE_LIMIT, async || match whole(lab.manifest()).await {
            Ok(()) => Some(()),
            Err(reason) => {
                *missing.lock().unwrap_or_else(PoisonError::into_inner) = reason;
                None
            }
        });
        let agreed = agreed.await;
        let missing = missing.into_inner().unwrap_or_else(PoisonError::into_inner);
        agreed.ok_or(UpError::NotWhole { limit: WHOLE_LIMIT, missing })
    }
}
