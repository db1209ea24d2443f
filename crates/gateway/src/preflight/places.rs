//! Where the gateway would listen and dial.

use std::{net::SocketAddr, time::Duration};

use antiphon_core::Endpoint;
use antiphon_identity::tls::link_client_config;
use rustls::pki_types::ServerName;
use tokio::{
    net::{TcpListener, TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    OwnCertificates,
    admin::Door,
    config::{Config, with_sources},
};

/// How long a name, a connection and a handshake may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceTry {
    /// The key that names it: `link.listen`.
    pub setting: &'static str,
    /// The place.
    pub place: String,
    /// Why nobody can listen there; `None`: it is free.
    pub error: Option<String>,
}

/// A place to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedTry {
    /// The place.
    pub place: String,
    /// Why its name leads nowhere; `None`: it leads somewhere.
    pub unresolved: Option<String>,
    /// Who answers there, or why nobody of the fabric does; `None`: it was not tried.
    pub answer: Option<Result<String, String>>,
}

/// Where others are told to dial us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvertiseTry {
    /// The place.
    pub place: String,
    /// Why its name leads nowhere.
    pub unresolved: Option<String>,
    /// Whether it leads to a host's own loopback, where nobody else can dial it.
    pub loopback: bool,
}

/// Binds each place and gives it back at once.
pub(super) async fn listen(config: &Config) -> Vec<PlaceTry> {
    let mut tries = vec![bind("link.listen", config.link.listen).await];
    if let Some(http) = config.http {
        tries.push(bind("http.listen", http).await);
    }
    let place = match &config.admin {
        crate::config::Admin::Unix { path } => format!("unix:{}", path.display()),
        crate::config::Admin::Tcp { listen, .. } => listen.to_string(),
    };
    let door = Door::open(&config.admin, &OwnCertificates::default()).await;
    let error = door.err().map(|error| with_sources(&error));
    tries.push(PlaceTry { setting: "admin.listen", place, error });
    tries
}

async fn bind(setting: &'static str, address: SocketAddr) -> PlaceTry {
    let error = TcpListener::bind(address).await.err().map(|error| error.to_string());
    PlaceTry { setting, place: address.to_string(), error }
}

/// Resolves and greets each seed, at the same time.
pub(super) async fn seeds(config: &Config) -> Vec<SeedTry> {
    let mut greeting = tokio::task::JoinSet::new();
    for (index, seed) in config.link.seeds.iter().cloned().enumerate() {
        let config = config.clone();
        greeting.spawn(async move { (index, seed_try(&config, seed).await) });
    }
    let mut tries: Vec<_> = Vec::new();
    while let Some(greeted) = greeting.join_next().await {
        tries.extend(greeted.ok());
    }
    tries.sort_by_key(|(index, _)| *index);
    tries.into_iter().map(|(_, one)| one).collect()
}

async fn seed_try(config: &Config, seed: Endpoint) -> SeedTry {
    let place = seed.to_string();
    match resolve(&seed).await {
        Err(why) => SeedTry { place, unresolved: Some(why), answer: None },
        Ok(addresses) => {
            let greeted = timeout(PATIENCE, greet(config, &seed, &addresses)).await;
            let answer = greeted.unwrap_or_else(|_| Err("no answer".to_owned()));
            SeedTry { place, unresolved: None, answer: Some(answer) }
        }
    }
}

/// A TLS handshake as a link begins with, and who showed which certificate.
async fn greet(
    config: &Config,
    seed: &Endpoint,
    addresses: &[SocketAddr],
) -> Result<String, String> {
    let tls = &config.link.tls;
    let own = tls.load().map_err(|error| with_sources(&error))?;
    let names = config.naming.to_names(&config.fabric).map_err(|error| with_sources(&error))?;
    let tcp = TcpStream::connect(addresses).await.map_err(|error| error.to_string())?;
    let name = ServerName::try_from(seed.host().to_owned()).map_err(|error| error.to_string())?;
    let connector = TlsConnector::from(link_client_config(&own, &names));
    let stream = connector.connect(name, tcp).await.map_err(|error| with_sources(&error))?;
    let peer = names.peer_identity(stream.get_ref().1.peer_certificates());
    peer.map(|peer| peer.to_string()).map_err(|error| with_sources(&error))
}

pub(super) async fn advertise(config: &Config) -> AdvertiseTry {
    let endpoint = &config.link.advertise;
    let place = endpoint.to_string();
    match resolve(endpoint).await {
        Err(why) => AdvertiseTry { place, unresolved: Some(why), loopback: false },
        Ok(addresses) => {
            let alone =
                |address: &SocketAddr| address.ip().is_loopback() || address.ip().is_unspecified();
            AdvertiseTry { place, unresolved: None, loopback: addresses.iter().all(alone) }
        }
    }
}

/// The addresses of a place, at least one.
async fn resolve(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, String> {
    let looked_up = timeout(PATIENCE, lookup_host((endpoint.host(), endpoint.port()))).await;
    let addresses = looked_up.map_err(|_| "its name is not resolved in time".to_owned())?;
    let addresses: Vec<_> = addresses.map_err(|error| error.to_string())?.collect();
    if addresses.is_empty() { Err("its name has no address".to_owned()) } else { Ok(addresses) }
}
