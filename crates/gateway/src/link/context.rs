//! What every connection of the links shares.

use std::sync::Arc;

use antiphon_proto::Greeting;
use tokio::sync::Semaphore;

use super::{
    config::LinkConfig, events::EventSink, nursery::Nursery, pending::PendingLinks, port::Notary,
    registry::Registry, setup_error::SetupError,
};

/// What every connection of the links shares.
pub(crate) struct LinkContext {
    pub(crate) config: LinkConfig,
    /// What we say of ourselves.
    pub(crate) own: Greeting,
    pub(crate) notary: Arc<dyn Notary>,
    pub(crate) events: EventSink,
    pub(crate) registry: Arc<Registry>,
    pub(crate) pending: PendingLinks,
    pub(crate) nursery: Nursery,
    /// Adverts that are verified at a time.
    pub(crate) verifying: Semaphore,
}

impl LinkContext {
    /// Tells why a connection did not become part of a link, where it is we who turn it away.
    pub(crate) async fn report(&self, error: &SetupError, address: &str) {
        tracing::debug!(%error, address, "a connection did not become part of a link");
        if let Some(event) = error.refusal_event(address) {
            self.events.control(event).await;
        }
    }
}
