//! Opening the broker connection that a configuration asks for.

use std::sync::Arc;

use antiphon_broker::{Broker, BrokerConfig, TlsOptions, connect};
use antiphon_identity::{Credentials, TrustBundle, tls};
use tokio_util::sync::CancellationToken;

use super::StartError;
use crate::config::{self, TlsFiles};

/// How many orders, and how many events, wait between a connection and its nodes. A node runs few things at once.
const QUEUE_LEN: usize = 1024;

/// Messages that a connection's nodes hold at once, in bytes.
const INTAKE_BYTES_MAX: usize = 16 << 20;

/// Starts an adapter that connects as `name`; it connects in the background.
pub(super) fn open(settings: &config::BrokerConfig, name: &str) -> Result<Broker, StartError> {
    let wrong = |detail: String| StartError::Broker { identity: name.to_owned(), detail };
    let mut broker = BrokerConfig::new(settings.servers.clone(), name);
    broker.auth = settings.auth.clone();
    broker.queue_len_max = QUEUE_LEN;
    broker.intake_bytes_max = INTAKE_BYTES_MAX;
    if let Some(files) = &settings.tls {
        broker.tls = Some(tls_options(files).map_err(wrong)?);
    }
    broker.auth.check().map_err(|error| wrong(error.to_string()))?;
    connect(broker, CancellationToken::new()).map_err(|error| wrong(error.to_string()))
}

fn tls_options(files: &TlsFiles) -> Result<TlsOptions, String> {
    let own = match (&files.certificate, &files.key) {
        (Some(certificate), Some(key)) => Some(
            Credentials::from_files(certificate, key, &files.ca).map_err(|error| chain(&error))?,
        ),
        _ => None,
    };
    let trust = TrustBundle::from_file(&files.ca).map_err(|error| chain(&error))?;
    Ok(TlsOptions::fixed(Arc::new(tls::broker_client_config(&trust, own.as_ref()))))
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    crate::security::Refused::because(crate::Refusal::Credentials, error).detail
}
