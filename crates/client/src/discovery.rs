//! Finding nodes: by asking all of them, or from a list.

mod broadcast;
mod list;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use antiphon_wire::{Collective, Filter, IdError, Identity};

pub use broadcast::{Continue, Pong, ping};
pub use list::{ListError, ListFormat, parse_list};

use crate::client::{Client, ExchangeError};
use crate::connection::ConnectionError;
use crate::filter::literal_identities;

/// Discovery with a sliding window ends when no node has answered for this long. Choria's value.
const WINDOW: Duration = Duration::from_millis(300);

/// How nodes are found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// All nodes are asked; those that match answer.
    Broadcast {
        /// How long to listen.
        timeout: Duration,
        /// Whether to end early once answers cease.
        window: bool,
    },
    /// The nodes are named in a text.
    List {
        /// The text.
        text: String,
        /// Its format.
        format: ListFormat,
        /// Where it is from, for messages.
        origin: PathBuf,
    },
}

/// The nodes that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovered {
    /// Each node once, in order of discovery.
    pub nodes: Vec<Identity>,
    /// Nodes that answered, or were listed, more than once, as often as they did so too much.
    pub copies: Vec<Identity>,
    /// What went wrong on the way, without ending it.
    pub troubles: Vec<String>,
    seen: BTreeSet<Identity>,
}

/// Why nodes could not be found.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// Asking them failed.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The list is of no use.
    #[error(transparent)]
    List(#[from] ListError),
    /// A node cannot have this name.
    #[error(transparent)]
    Identity(#[from] IdError),
}

impl From<ConnectionError> for DiscoveryError {
    fn from(error: ConnectionError) -> Self {
        Self::Exchange(error.into())
    }
}

/// Finds the nodes of `collective` that match `filter`. A filter of literal identities alone is not asked about.
///
/// # Errors
/// [`DiscoveryError`].
pub async fn discover(
    client: &mut Client,
    method: &Method,
    collective: &Collective,
    filter: &Filter,
    agent: &str,
) -> Result<Discovered, DiscoveryError> {
    match method {
        Method::List { text, format, origin } => Ok(parse_list(text, *format, origin)?),
        Method::Broadcast { timeout, window } => match literal_identities(filter, agent) {
            Some(identities) => literal(identities),
            None => broadcast::discover(client, collective, filter, *timeout, *window).await,
        },
    }
}

fn literal(identities: &[String]) -> Result<Discovered, DiscoveryError> {
    let mut discovered = Discovered::default();
    for identity in identities {
        discovered.add(Identity::try_from(identity.as_str())?);
    }
    // A user who names a node twice means it once.
    discovered.copies.clear();
    Ok(discovered)
}

impl Discovered {
    fn add(&mut self, node: Identity) {
        match self.seen.insert(node.clone()) {
            true => self.nodes.push(node),
            false => self.copies.push(node),
        }
    }
}
