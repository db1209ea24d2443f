//! Opening the broker connection that a configuration asks for.

use antiphon_broker::{Broker, BrokerConfig, connect};
use tokio_util::sync::CancellationToken;

use super::StartError;
use super::renewal::Renewal;
use crate::config;

/// How many orders, and how many events, wait between a connection and its nodes. A node runs few things at once.
const QUEUE_LEN: usize = 1024;

/// Messages that a connection's nodes hold at once, in bytes.
const INTAKE_BYTES_MAX: usize = 16 << 20;

/// Starts an adapter that connects as `name`, in the background; gives it, and what renews its certificates.
pub(super) fn open(
    settings: &config::BrokerConfig,
    name: &str,
) -> Result<(Broker, Option<Renewal>), StartError> {
    let wrong = |detail: String| StartError::Broker { identity: name.to_owned(), detail };
    let mut broker = BrokerConfig::new(settings.servers.clone(), name);
    broker.srv = settings.srv.clone();
    broker.auth = settings.auth.clone();
    broker.queue_len_max = QUEUE_LEN;
    broker.intake_bytes_max = INTAKE_BYTES_MAX;
    let mut renewal = None;
    if let Some(files) = &settings.tls {
        let (watched, options) = Renewal::new(files).map_err(wrong)?;
        (renewal, broker.tls) = (Some(watched), Some(options));
    }
    broker.auth.check().map_err(|error| wrong(error.to_string()))?;
    let broker = connect(broker, CancellationToken::new());
    Ok((broker.map_err(|error| wrong(error.to_string()))?, renewal))
}
