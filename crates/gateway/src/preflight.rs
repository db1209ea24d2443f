//! What a gateway would meet if it were started with a configuration, tried without doing harm.
//!
//! Ports are bound and given back. The broker is logged in to, and on each subject that the gateway
//! will use something is tried that nobody acts on: see [`subjects`]. Seeds are greeted by TLS and left. Vault
//! signs a certificate that lasts a minute and is thrown away.

mod broker;
mod files;
mod places;
pub mod subjects;
mod vault;

use std::{path::Path, time::Duration};

use antiphon_broker::TlsOptions;
use antiphon_core::{GatewayId, RegionId};

use crate::{
    Clock, OwnCertificates,
    config::{self, Config},
    real,
    shell::{ProcessFacts, Settings},
};

pub use broker::{BrokerTry, Denied, HeardBeacon, Server};
pub use files::CertificateTry;
pub use places::{AdvertiseTry, PlaceTry, SeedTry};
pub use vault::VaultTry;

/// What was met.
#[derive(Clone, Debug, Default)]
pub struct Preflight {
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// What is wrong with the configuration, one line each; if anything is, the rest is empty.
    pub problems: Vec<String>,
    /// Who would start.
    pub who: Option<Who>,
    /// What is configured.
    pub settings: Settings,
    /// Certificates and their keys.
    pub certificates: Vec<CertificateTry>,
    /// What Vault says to what is configured; `None`: nobody asks it.
    pub vault: Option<VaultTry>,
    /// Places to listen at.
    pub places: Vec<PlaceTry>,
    /// The broker.
    pub broker: BrokerTry,
    /// Places to dial.
    pub seeds: Vec<SeedTry>,
    /// Where others are told to dial us.
    pub advertise: AdvertiseTry,
    /// What the process may have: that of this command, started as the gateway would be.
    pub process: ProcessFacts,
    /// The largest message that becomes a frame, in bytes.
    pub frame_bytes_max: u64,
    /// TLS for monitoring ports that ask for it.
    pub monitor_tls: Option<TlsOptions>,
}

/// Who would start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// The fabric.
    pub fabric: RegionId,
    /// The region.
    pub region: RegionId,
    /// The gateway.
    pub gateway: GatewayId,
}

/// Tries everything; takes some seconds where somebody does not answer.
pub async fn look(file: &Path) -> Preflight {
    let clock = Clock::system();
    let at = clock.now().unix;
    match config::check(file) {
        Ok(config) => try_all(&config, clock).await,
        Err(problems) => {
            let problems = problems.list().iter().map(ToString::to_string).collect();
            Preflight { at, problems, ..Preflight::default() }
        }
    }
}

async fn try_all(config: &Config, clock: Clock) -> Preflight {
    let at = clock.now().unix;
    let (places, broker, seeds, advertise, vault) = tokio::join!(
        places::listen(config),
        Box::pin(broker::try_broker(config, clock)),
        places::seeds(config),
        places::advertise(config),
        Box::pin(vault::try_vault(config)),
    );
    Preflight {
        at,
        problems: Vec::new(),
        who: Some(Who {
            fabric: config.fabric.clone(),
            region: config.region.clone(),
            gateway: config.gateway.clone(),
        }),
        settings: Settings::of(config),
        certificates: files::certificates(config, at),
        vault,
        places,
        broker,
        seeds,
        advertise,
        process: ProcessFacts::read(),
        frame_bytes_max: config.limits.frame_bytes_max,
        monitor_tls: real::monitor_tls(config, &OwnCertificates::default()).ok().flatten(),
    }
}
