//! INFO: what a server says of itself, first and whenever it changes.

use serde::Deserialize;

/// The fields of INFO that matter to us; others are passed over.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Info {
    /// Unique per life of the server.
    #[serde(default)]
    pub server_id: String,
    /// The configured name, or the id.
    #[serde(default)]
    pub server_name: String,
    /// The version, such as `2.9.10`.
    #[serde(default)]
    pub version: String,
    /// The cluster's name.
    #[serde(default)]
    pub cluster: Option<String>,
    /// The largest payload, headers included, in bytes.
    #[serde(default = "max_payload_default")]
    pub max_payload: usize,
    /// Whether HPUB and HMSG are spoken.
    #[serde(default)]
    pub headers: bool,
    /// Whether a client must start TLS after this INFO.
    #[serde(default)]
    pub tls_required: bool,
    /// Whether a client may start TLS after this INFO.
    #[serde(default)]
    pub tls_available: bool,
    /// What keys are proved with.
    #[serde(default)]
    pub nonce: Option<String>,
    /// `host:port` of every server of the cluster that takes clients.
    #[serde(default)]
    pub connect_urls: Vec<String>,
    /// Lame duck mode: the server is about to stop, and asks its clients to go elsewhere.
    #[serde(default)]
    pub ldm: bool,
}

/// What nats-server has unless configured.
fn max_payload_default() -> usize {
    1024 * 1024
}
