//! Control connections that wait for their data connection.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use antiphon_identity::PeerIdentity;
use antiphon_proto::Token;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::sync::{mpsc, oneshot};

use super::{
    compress::Compression, outbox::DataItem, running::DataSide, setup_error::SetupError,
    stream::Wire,
};

/// Tokens and what waits for them.
pub(crate) struct PendingLinks {
    waiting: Mutex<BTreeMap<Token, Pending>>,
    random: SystemRandom,
    waiting_max: usize,
}

/// A control connection that waits for its data connection.
pub(crate) struct Pending {
    /// Who opened the control connection; nobody else may open the data connection.
    pub(crate) identity: PeerIdentity,
    pub(crate) joined: oneshot::Sender<DataSide>,
    /// The queue of the data connection to come.
    pub(crate) queue: mpsc::Receiver<DataItem>,
    /// Of what the hellos agreed on.
    pub(crate) compression: Compression,
    /// Counts of the control connection.
    pub(crate) control: Arc<Wire>,
}

impl PendingLinks {
    /// At most `waiting_max` at one time.
    pub(crate) fn new(waiting_max: usize) -> Self {
        Self { waiting: Mutex::default(), random: SystemRandom::new(), waiting_max }
    }

    /// Waits under a token of 128 random bits.
    pub(crate) fn insert(&self, pending: Pending) -> Result<Token, SetupError> {
        let mut token = [0; antiphon_proto::TOKEN_BYTES];
        self.random
            .fill(&mut token)
            .map_err(|_| SetupError::unreachable("the system gives no randomness"))?;
        let mut waiting = self.waiting();
        if waiting.len() >= self.waiting_max {
            return Err(SetupError::refused("busy", "too many links are being set up"));
        }
        waiting.insert(Token(token), pending);
        Ok(Token(token))
    }

    /// Takes what waits for this token, if it is the same peer that asks.
    pub(crate) fn take(&self, token: Token, asker: &PeerIdentity) -> Result<Pending, SetupError> {
        let mut waiting = self.waiting();
        match waiting.remove(&token) {
            None => Err(SetupError::refused("unknown-token", format!("from {asker}"))),
            Some(pending) if pending.identity == *asker => Ok(pending),
            Some(pending) => {
                let detail = format!("from {asker}, given to {}", pending.identity);
                waiting.insert(token, pending);
                Err(SetupError::refused("foreign-token", detail))
            }
        }
    }

    /// Waits no longer.
    pub(crate) fn forget(&self, token: Token) {
        self.waiting().remove(&token);
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<Token, Pending>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
