//! Asking all nodes by a discovery ping.

use std::time::Duration;

use antiphon_wire::{Agent, Collective, Filter, Identity};
use tokio::time::Instant;

use super::{Discovered, DiscoveryError, WINDOW};
use crate::client::{Client, ExchangeError, Next, Targets, deadline};
use crate::request::Ask;

/// The payload of a ping: `ping` in base64, which nodes decode once more than other payloads.
const PING: &[u8] = b"cGluZw==";

/// More answers than any network has nodes are not listened to.
const ANSWERS_MAX: usize = 1_000_000;

/// One answer to a ping, or trouble on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pong {
    /// A node answered.
    Answer {
        /// The node, as the transport says; any text.
        sender: String,
        /// From the publication to the answer.
        delay: Duration,
    },
    /// Answers may be missing.
    Trouble(String),
}

/// What to do after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continue {
    /// Listen until the end.
    Yes,
    /// It is enough.
    No,
}

/// Pings the nodes that match `filter`, and hands over each answer as it arrives, until `timeout` after the
/// publication, or as soon as `heard` has had enough. With `window`, ends 300 ms after the last answer.
///
/// Returns when the ping was published.
///
/// # Errors
/// [`ExchangeError`].
pub async fn ping(
    client: &mut Client,
    collective: &Collective,
    filter: &Filter,
    timing: (Duration, bool),
    heard: &mut dyn FnMut(Pong) -> Continue,
) -> Result<Instant, ExchangeError> {
    let (timeout, window) = timing;
    let agent = Agent::try_from("discovery").expect("a good name");
    let ttl = client.config.ttl;
    let mut exchange = client.open(collective, None).await?;
    let ask = Ask { collective, agent: &agent, filter, message: PING, ttl };
    let published = exchange.send(&ask, Targets::Broadcast).await?;
    let end = deadline(published, timeout);
    let mut until = end;
    for _ in 0..ANSWERS_MAX {
        let pong = match exchange.next(until).await? {
            Next::Answer { at, transport } => {
                if window {
                    until = end.min(at + WINDOW);
                }
                let delay = at.saturating_duration_since(published);
                let sender = transport.sender().unwrap_or_default().to_owned();
                Pong::Answer { sender, delay }
            }
            Next::Trouble(trouble) => Pong::Trouble(trouble),
            Next::TimedOut | Next::Stopped => break,
        };
        if heard(pong) == Continue::No {
            break;
        }
    }
    exchange.close().await?;
    Ok(published)
}

/// The nodes that answer a ping.
pub(super) async fn discover(
    client: &mut Client,
    collective: &Collective,
    filter: &Filter,
    timeout: Duration,
    window: bool,
) -> Result<Discovered, DiscoveryError> {
    let mut discovered = Discovered::default();
    ping(client, collective, filter, (timeout, window), &mut |pong| {
        match pong {
            Pong::Answer { sender, .. } => match Identity::try_from(sender) {
                Ok(node) => discovered.add(node),
                Err(error) => {
                    discovered.troubles.push(format!("a node answered whose name {error}"))
                }
            },
            Pong::Trouble(trouble) => discovered.troubles.push(trouble),
        }
        Continue::Yes
    })
    .await?;
    Ok(discovered)
}
