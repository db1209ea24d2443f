//! One server's pages, for those who look at more than who listens.

use serde_json::Value;

use super::{Client, MonitorUrl, documents::Connection, read_connections};
use crate::config::TlsOptions;

/// A connection to one server's monitoring port: one request at a time, each bounded as the module says.
pub struct MonitorPages(Client);

/// Why a page could not be read, for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct MonitorError(String);

impl MonitorPages {
    /// Connects; `tls` is for a URL with `https`.
    ///
    /// # Errors
    /// Nobody answers there, or not as they should.
    pub async fn connect(url: &MonitorUrl, tls: Option<&TlsOptions>) -> Result<Self, MonitorError> {
        Client::connect(url, tls).await.map(Self).map_err(MonitorError)
    }

    /// A page as it is, such as `/varz`.
    ///
    /// # Errors
    /// The server has no such page, or went away.
    pub async fn page(&mut self, path: &str) -> Result<Value, MonitorError> {
        self.0.get(path).await.map_err(MonitorError)
    }

    /// Hands every connection to `on`, once. Those that begin or end meanwhile may be missed.
    ///
    /// # Errors
    /// The server went away, or its connections come and go too fast.
    pub async fn connections(
        &mut self,
        mut on: impl FnMut(&Connection) + Send,
    ) -> Result<(), MonitorError> {
        read_connections(&mut self.0, &mut on).await.map_err(MonitorError)
    }
}
