//! Opening the broker connection that a configuration asks for.

use antiphon_broker::{BrokerCommand, BrokerEvent};
use tokio::sync::mpsc;

use super::StartError;
use crate::config::NodeConfig;
use crate::reply::ReplySigner;

/// Both ends of the adapter.
pub(super) type Ends = (mpsc::Sender<BrokerCommand>, mpsc::Receiver<BrokerEvent>);

/// Starts an adapter; it connects in the background.
pub(super) fn open(config: &NodeConfig, own: Option<&ReplySigner>) -> Result<Ends, StartError> {
    let _ = (config, own);
    Err(StartError::Broker { identity: String::new(), detail: "not yet".to_owned() })
}
