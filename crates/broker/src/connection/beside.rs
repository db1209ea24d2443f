//! The next connection, made beside the one that stands when certificates are renewed.
//!
//! ```text
//!   Waiting ──renewed──▶ Dialling ──logged in──▶ Joining ──subscribed──▶ Leaving ──▶ Ready
//!                          ▲  │ failed              │ failed
//!                          └──┴─────────────────────┘ after a pause
//! ```
//!
//! While Leaving, the old one has taken leave of its groups and is still read: a server that was about to send
//! a message to it does so after it has confirmed that.
//!
//! It goes to the same server. Members of a queue group are then one more for a moment, and each message still
//! goes to one of them; what arrives early waits in the new connection until the old one has handed over
//! everything. What is subscribed without a group may arrive by both.

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

/// How long the old connection is read after it has left its groups. A server routes in microseconds; this is
/// for one that waits for a processor meanwhile.
const LEAVING: Duration = Duration::from_millis(200);

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
    /// It waits for what the old one may still be sent, until then.
    Leaving(Option<Box<Dialled>>, Instant),
    /// It waits for its turn.
    Ready(Option<Box<Dialled>>),
}

/// What happened.
pub(crate) enum Turn {
    Renewed,
    Dialled(Box<Dialled>),
    Joined,
    Left,
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
        let (done, joined) = match &mut self.state {
            State::Waiting(Some(tls)) => {
                tls.superseded().await;
                return Turn::Renewed;
            }
            State::Leaving(dialled, until) => {
                sleep_until(*until).await;
                self.state = State::Ready(dialled.take());
                return Turn::Left;
            }
            State::Waiting(None) | State::Ready(_) => return std::future::pending().await,
            State::Dialling(work) => (work.await, false),
            State::Joining(work) => (work.await, true),
        };
        match done {
            Err(error) => Turn::Failed { reason: with_sources(&error), subscribed: joined },
            Ok(dialled) if joined => {
                self.state = State::Leaving(Some(Box::new(dialled)), Instant::now() + LEAVING);
                Turn::Joined
            }
            Ok(dialled) => {
                self.state = State::Waiting(None);
                Turn::Dialled(Box::new(dialled))
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
        matches!(self.state, State::Joining(_) | State::Leaving(..) | State::Ready(_))
    }

    /// The connection, if it is ready.
    pub(crate) fn take_successor(&mut self) -> Option<Box<Dialled>> {
        match &mut self.state {
            State::Leaving(dialled, _) | State::Ready(dialled) => dialled.take(),
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
