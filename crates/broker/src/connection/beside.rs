//! The next connection, made beside the one that stands when certificates are renewed.
//!
//! ```text
//!   Waiting ──renewed──▶ Dialling ──logged in──▶ Joining ──subscribed──▶ Settling ──▶ Ready
//!                          ▲  │ failed              │ failed
//!                          └──┴─────────────────────┘ after a pause
//! ```
//!
//! It goes to the same server. Members of a queue group are then one more for a moment, and each message still
//! goes to one of them; what arrives early waits in the new connection until the old one has handed over
//! everything. What is subscribed without a group may arrive by both.
//!
//! While Settling, both are in the groups: a server chooses from a list of members that it has looked up before,
//! and passes over those that have left since. Where that list is older than the new subscription, a message
//! for which the old one was the only member would go to nobody. So the old one leaves only after whoever
//! still works with such a list must have done so.

use std::{collections::VecDeque, future::Future, pin::Pin, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::dial::{DialError, Dialled, Subscribed, dial, next_op, send};
use crate::{
    config::{BrokerConfig, TlsOptions},
    driver::with_sources,
    protocol::{Denial, Encoder, ServerOp},
    servers::Server,
    subscriptions::Subscriptions,
};

/// Before the first attempt: certificates and keys of a whole region may be renewed at once.
const PAUSE_MIN: Duration = Duration::from_millis(10);
/// Between attempts that fail, at the most.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// What may arrive before the server says that it has our subscriptions, in bytes; then that is not waited
/// for any longer.
const EARLY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// How long both connections are in the groups. A server routes in microseconds; this is for one that waits
/// for a processor meanwhile.
const SETTLING: Duration = Duration::from_millis(200);

type Work<T> = Pin<Box<dyn Future<Output = Result<T, DialError>> + Send>>;

/// The next connection.
pub(crate) struct Beside {
    config: BrokerConfig,
    pause: Duration,
    state: State,
}

enum State {
    /// For certificates other than these; `None`: there are none.
    Waiting(Option<TlsOptions>),
    Dialling(Work<Dialled>),
    /// Subscriptions have been sent to the server.
    Joining(Work<Dialled>),
    /// It is in the groups beside the old one, until then.
    Settling(Option<Box<Dialled>>, Instant),
    /// It waits for its turn.
    Ready(Option<Box<Dialled>>),
}

/// What happened.
pub(crate) enum Turn {
    Renewed,
    Dialled(Box<Dialled>),
    /// The old one may leave.
    Settled,
    Failed {
        reason: String,
        /// It was subscribed: what the server sent to it is lost.
        subscribed: bool,
    },
}

impl Beside {
    /// None is needed yet: the connection that stands was made with `tls`.
    pub(crate) fn new(config: BrokerConfig, tls: Option<TlsOptions>) -> Self {
        Self { config, pause: PAUSE_MIN, state: State::Waiting(tls) }
    }

    /// Waits for what happens next. Safe to cancel.
    pub(crate) async fn turn(&mut self) -> Turn {
        loop {
            let (done, joined) = match &mut self.state {
                State::Waiting(Some(tls)) => {
                    tls.superseded().await;
                    return Turn::Renewed;
                }
                State::Settling(dialled, until) => {
                    sleep_until(*until).await;
                    self.state = State::Ready(dialled.take());
                    return Turn::Settled;
                }
                State::Waiting(None) | State::Ready(_) => return std::future::pending().await,
                State::Dialling(work) => (work.await, false),
                State::Joining(work) => (work.await, true),
            };
            match done {
                Err(error) => {
                    return Turn::Failed { reason: with_sources(&error), subscribed: joined };
                }
                Ok(dialled) if joined => {
                    let until = Instant::now() + SETTLING;
                    self.state = State::Settling(Some(Box::new(dialled)), until);
                }
                Ok(dialled) => {
                    self.state = State::Waiting(None);
                    return Turn::Dialled(Box::new(dialled));
                }
            }
        }
    }

    /// Makes a connection to this server, after a pause that grows with each call.
    pub(crate) fn dial(&mut self, server: Server) {
        let (config, pause) = (self.config.clone(), self.pause);
        self.pause = (pause * 4).min(PAUSE_MAX);
        self.state = State::Dialling(Box::pin(async move {
            sleep(pause).await;
            dial(server, &config).await
        }));
    }

    /// Subscribes on it what is subscribed on the one that stands.
    pub(crate) fn join(&mut self, dialled: Box<Dialled>, subscriptions: &Subscriptions) {
        let mut out = Encoder::default();
        for (id, pattern) in subscriptions.live() {
            out.subscribe(id.0, pattern);
        }
        out.ping();
        let limit = self.config.connect_timeout;
        self.state = State::Joining(Box::pin(async move {
            timeout(limit, subscribe(*dialled, out)).await.map_err(|_| DialError::Timeout)?
        }));
    }

    /// Whether it is subscribed: what happens to subscriptions from now on would be missed.
    pub(crate) fn is_taking_over(&self) -> bool {
        matches!(self.state, State::Joining(_) | State::Settling(..) | State::Ready(_))
    }

    /// The connection, if it is ready.
    pub(crate) fn take_successor(&mut self) -> Option<Box<Dialled>> {
        match &mut self.state {
            State::Settling(dialled, _) | State::Ready(dialled) => dialled.take(),
            State::Waiting(_) | State::Dialling(_) | State::Joining(_) => None,
        }
    }
}

/// Sends subscriptions, and waits until the server has them.
async fn subscribe(mut dialled: Dialled, mut out: Encoder) -> Result<Dialled, DialError> {
    send(&mut dialled.stream, &mut out).await?;
    let (mut early, mut bytes) = (VecDeque::new(), 0);
    dialled.subscribed = Subscribed::Unconfirmed;
    while bytes < EARLY_BYTES_MAX {
        let op = next_op(&mut dialled.stream, &mut dialled.incoming).await?;
        if matches!(op, ServerOp::Pong) {
            dialled.subscribed = Subscribed::Yes;
            break;
        }
        if let ServerOp::Error(text) = &op
            && matches!(Denial::of(text), Denial::Fatal)
        {
            return Err(DialError::Refused(text.clone()));
        }
        bytes += if let ServerOp::Message(message) = &op { message.bytes() } else { 0 };
        early.push_back(op);
    }
    dialled.incoming.put_back(early);
    Ok(dialled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{connection::incoming::Incoming, servers::Servers};

    fn dialled() -> Dialled {
        let mut servers = Servers::new(vec!["a:1".parse().unwrap()], true);
        Dialled {
            stream: Box::new(tokio::io::duplex(1).0),
            incoming: Incoming::default(),
            info: serde_json::from_str("{}").unwrap(),
            server: servers.take_turn().unwrap(),
            tls: None,
            subscribed: Subscribed::Yes,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn both_are_in_the_groups_for_a_while_before_the_old_one_leaves() {
        let config = BrokerConfig::new(vec!["a:1".parse().unwrap()], "test");
        let mut beside = Beside::new(config, None);
        let begun = Instant::now();
        beside.state = State::Joining(Box::pin(async { Ok(dialled()) }));
        // The pump has other things to do meanwhile.
        let turn = loop {
            match timeout(Duration::from_millis(7), beside.turn()).await {
                Ok(turn) => break turn,
                Err(_) => assert!(beside.is_taking_over(), "orders wait"),
            }
        };
        assert!(matches!(turn, Turn::Settled));
        assert!((SETTLING..SETTLING * 2).contains(&begun.elapsed()), "{:?}", begun.elapsed());
        assert!(beside.take_successor().is_some());
    }
}
