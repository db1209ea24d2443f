//! The world of a process: the system's clocks, sockets, and a NATS broker.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use antiphon_broker::{Broker, BrokerConfig, ConfigError, MonitorUrl, Monitors, TlsOptions};
use antiphon_core::IDENTITIES_MAX;
use antiphon_identity::{Credentials, CredentialsError, tls::broker_client_config};
use ring::rand::{SecureRandom, SystemRandom};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

use crate::{
    Clock, LinkWorld, OwnCertificates, Use, World,
    config::{self, Config},
    enrolment::{self, EnrolmentError},
    renewal::{Files, Found},
};

/// Orders to the broker that may wait besides the core's publish window: what one frame may pass it
/// by, and subscriptions, barriers, beacons.
const ORDERS_BESIDES: u64 = IDENTITIES_MAX as u64 + 1024;
/// Between questions to the broker whether it lives. Two without an answer end the connection; until
/// then this gateway counts as one that can publish.
const BROKER_PING: Duration = Duration::from_secs(2);

/// Why a gateway has no world to start in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum WorldError {
    /// The links' address is taken, or not ours.
    #[error("link.listen: cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The broker's certificates are no good.
    #[error("broker.tls")]
    Credentials(#[from] CredentialsError),
    /// The broker's section makes no sense.
    #[error("broker")]
    Broker(#[from] ConfigError),
    /// The system gives no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// Nobody can be asked for our certificate.
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
}

/// Has our certificate made if that is ours to do and there is none, binds the links' address and starts
/// to connect to the broker. Waits for Vault as long as it takes.
pub(crate) async fn world(config: &Config) -> Result<World, WorldError> {
    let mut enrolment = enrolment::keeper(config)?;
    if let Some(keeper) = &mut enrolment {
        Box::pin(keeper.first()).await;
    }
    let address = config.link.listen;
    let listener = TcpListener::bind(address)
        .await
        .map_err(|source| WorldError::Listen { address, source })?;
    let own = OwnCertificates::default();
    let tls = monitor_tls(config, &own)?;
    let monitors = config.broker.monitors.clone();
    let monitors = (!monitors.is_empty()).then(|| Monitors::new(monitors, tls));
    Ok(World {
        clock: Clock::system(),
        seed: seed()?,
        broker: broker(config, &own)?,
        monitors,
        links: LinkWorld::Sockets(listener),
        enrolment,
        certificates: own,
    })
}

/// TLS for the broker's monitoring ports, where one of them asks for it.
pub(crate) fn monitor_tls(
    config: &Config,
    own: &OwnCertificates,
) -> Result<Option<TlsOptions>, WorldError> {
    let tls = config.broker.tls.as_ref().filter(|_| wants_tls(config));
    tls.map(|tls| broker_tls(Use::Monitor, tls, own)).transpose()
}

fn wants_tls(config: &Config) -> bool {
    config.broker.monitors.iter().any(MonitorUrl::wants_tls)
}

/// The adapter ends with its events: a token of its own is never needed.
pub(crate) fn broker(config: &Config, own: &OwnCertificates) -> Result<Broker, WorldError> {
    let name = format!("antiphon {} {}", config.region, config.gateway);
    let mut options = BrokerConfig::new(config.broker.servers.clone(), name);
    options.ping_interval = BROKER_PING;
    options.auth = config.broker.auth.clone();
    options.intake_bytes_max = usize::try_from(config.intake_bytes).unwrap_or(usize::MAX);
    let orders = config.limits.publish_messages_max + ORDERS_BESIDES;
    options.queue_len_max = usize::try_from(orders).unwrap_or(usize::MAX);
    let tls = config.broker.tls.as_ref();
    options.tls = tls.map(|tls| broker_tls(Use::Broker, tls, own)).transpose()?;
    Ok(antiphon_broker::connect(options, CancellationToken::new())?)
}

/// Certificates for the broker. Renewed ones serve from the next connection on, and the adapter makes
/// one when there are.
fn broker_tls(
    of: Use,
    files: &config::Tls,
    own: &OwnCertificates,
) -> Result<TlsOptions, WorldError> {
    let client = |own: &Credentials| Arc::new(broker_client_config(own.trust(), Some(own)));
    let first = Found::load(files)?;
    let (renewed, latest) = watch::channel(client(&first.credentials));
    let mut files = Files::new((of, files.clone()), &first, own.clone(), Box::new(|_| Ok(())));
    tokio::spawn(async move {
        loop {
            tokio::select! {
                // The adapter, which holds the other end, has ended.
                () = renewed.closed() => return,
                own = files.renewed() => drop(renewed.send_replace(client(&own))),
            }
        }
    });
    Ok(TlsOptions::renewed(latest))
}

fn seed() -> Result<u64, WorldError> {
    let mut bytes = [0; 8];
    SystemRandom::new().fill(&mut bytes).map_err(|_| WorldError::Random)?;
    Ok(u64::from_le_bytes(bytes))
}
