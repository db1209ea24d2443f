//! From a configuration to a client with a broker connection.

use std::sync::Arc;

use antiphon_broker::{
    Auth, BrokerConfig, ConfigError, Secret, ServerUrl, ServerUrlError, TlsOptions,
};
use antiphon_identity::tls::broker_client_config;
use antiphon_identity::{Credentials, CredentialsError, TrustBundle};
use rustls::ClientConfig;
use tokio_util::sync::CancellationToken;

use crate::client::Client;
use crate::config::{Config, Security, TlsFiles};
use crate::connection::{Connection, ConnectionError};
use crate::signer::{Signer, SignerError};

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The caller's keys.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The files of the broker connection.
    #[error(transparent)]
    Tls(#[from] CredentialsError),
    /// A broker's address.
    #[error(transparent)]
    Server(#[from] ServerUrlError),
    /// The settings of the broker connection.
    #[error("broker connection")]
    Settings(#[from] ConfigError),
    /// The broker.
    #[error(transparent)]
    Broker(#[from] ConnectionError),
}

/// Reads the caller's keys and connects to a broker.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(config: Config, stop: CancellationToken) -> Result<Client, ConnectError> {
    let signer = Signer::new(&config)?;
    // The adapter does not share `stop`: who interrupts a command still wants what has arrived.
    let settings = broker_config(&config, &signer)?;
    let broker = antiphon_broker::connect(settings, CancellationToken::new())?;
    let srv = config.srv.iter().map(ToString::to_string);
    let servers: Vec<_> = srv.chain(config.brokers.iter().cloned()).collect();
    let connection =
        Connection::establish(broker.commands, broker.events, &servers, config.connect_timeout);
    let connection = connection.await?;
    Ok(Client::new(config, signer, connection, stop))
}

fn broker_config(config: &Config, signer: &Signer) -> Result<BrokerConfig, ConnectError> {
    let servers: Result<Vec<ServerUrl>, _> =
        config.brokers.iter().map(|server| server.parse()).collect();
    let mut broker = BrokerConfig::new(servers?, signer.caller().as_str());
    broker.srv = config.srv.clone();
    broker.connect_timeout = config.connect_timeout;
    if let Some(files) = &config.tls {
        broker.tls = Some(tls_options(files)?);
    }
    broker.auth = match (&config.login, &config.security) {
        (Some(login), _) => Auth::Password {
            user: login.user.clone(),
            password: Secret::Text(login.password.clone()),
        },
        (None, Security::V2 { token, seed }) => {
            Auth::Choria { token: Secret::File(token.clone()), seed: Secret::File(seed.clone()) }
        }
        (None, Security::V1 { .. }) => Auth::Anonymous,
    };
    Ok(broker)
}

/// TLS as these files say, for a broker or what belongs to it.
///
/// # Errors
/// A file cannot be read, or is not what it should be.
pub fn tls_options(files: &TlsFiles) -> Result<TlsOptions, CredentialsError> {
    tls_config(files).map(|config| TlsOptions::fixed(Arc::new(config)))
}

fn tls_config(files: &TlsFiles) -> Result<ClientConfig, CredentialsError> {
    match &files.own {
        Some((certificate, key)) => {
            let own = Credentials::from_files(certificate, key, &files.ca)?;
            Ok(broker_client_config(own.trust(), Some(&own)))
        }
        None => {
            let trust = TrustBundle::from_file(&files.ca)?;
            Ok(broker_client_config(&trust, None))
        }
    }
}
