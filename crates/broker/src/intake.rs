//! The byte budget of what has been delivered and is still held.
//!
//! The connection stops reading its socket while the budget is spent; the pressure then goes through
//! TCP to the server, which says so or cuts us. Nothing is dropped on our side.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// What one message costs beside its bytes: the structs that carry it.
const MESSAGE_OVERHEAD_BYTES: usize = 256;

/// The account of the bytes that subscribers hold. Clones share one account.
///
/// Bound: at most `bytes_max`, or one message if that message alone is larger.
#[derive(Clone, Debug)]
pub struct Intake(Arc<Account>);

#[derive(Debug)]
struct Account {
    held: AtomicUsize,
    bytes_max: usize,
    freed: Notify,
}

impl Intake {
    /// An empty account that lets `bytes_max` bytes be held at once.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Account { held: AtomicUsize::new(0), bytes_max, freed: Notify::new() }))
    }

    /// How many bytes are held.
    pub fn held_bytes(&self) -> usize {
        self.0.held.load(Ordering::Acquire)
    }

    /// How many bytes may be held at once.
    pub fn bytes_max(&self) -> usize {
        self.0.bytes_max
    }

    /// Takes a message of `bytes` into account, unless the budget is spent.
    ///
    /// A message larger than the whole budget passes when nothing else is held. One task admits at a
    /// time, so that a load and an add need not be one step.
    pub(crate) fn try_admit(&self, bytes: usize) -> Option<Hold> {
        let bytes = bytes.saturating_add(MESSAGE_OVERHEAD_BYTES);
        let held = self.held_bytes();
        if held != 0 && held.saturating_add(bytes) > self.0.bytes_max {
            return None;
        }
        self.0.held.fetch_add(bytes, Ordering::AcqRel);
        Some(Hold { bytes, account: Some(self.clone()) })
    }

    /// Waits until something was given back since the last wait. May also end without that.
    pub(crate) async fn freed(&self) {
        self.0.freed.notified().await;
    }
}

/// One message's part of the budget; dropping it gives the bytes back.
#[derive(Debug)]
pub struct Hold {
    bytes: usize,
    account: Option<Intake>,
}

impl Hold {
    /// A hold on nothing, for messages that no connection delivered.
    pub fn none() -> Self {
        Self { bytes: 0, account: None }
    }

    /// How many bytes of the budget this message takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(Intake(account)) = &self.account {
            account.held.fetch_sub(self.bytes, Ordering::AcqRel);
            account.freed.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn admits_until_the_budget_is_spent_and_again_when_bytes_come_back() {
        let intake = Intake::new(2 * (MESSAGE_OVERHEAD_BYTES + 100));
        let first = intake.try_admit(100).unwrap();
        let _second = intake.try_admit(100).unwrap();
        assert!(intake.try_admit(0).is_none());
        assert_eq!(intake.held_bytes(), intake.bytes_max());
        drop(first);
        assert_eq!(intake.held_bytes(), intake.bytes_max() / 2);
        assert!(intake.try_admit(100).is_some());
    }

    #[test]
    fn a_message_larger_than_the_budget_passes_alone() {
        let intake = Intake::new(10);
        let large = intake.try_admit(1000).unwrap();
        assert!(intake.try_admit(1).is_none());
        drop(large);
        assert!(intake.try_admit(1).is_some());
    }

    #[tokio::test]
    async fn a_hold_dropped_before_the_wait_ends_the_wait() {
        let intake = Intake::new(10);
        drop(intake.try_admit(1));
        intake.freed().await;
    }
}
