//! Work that waits until something changed, or for its time, so that no event pays for what it does
//! not touch.

use std::time::Duration;

/// When a piece of work is next to be done.
///
/// Whoever changes something that the work depends on calls [`Duty::call`]; whoever does the work
/// says with `due` when time alone makes it necessary.
#[derive(Debug)]
pub(super) struct Duty {
    called: bool,
    /// When it has to be done though nothing changes; `None`: never.
    pub(super) due: Option<Duration>,
}

impl Duty {
    /// Work that is to be done at the first opportunity.
    pub(super) fn new() -> Self {
        Self { called: true, due: None }
    }

    /// Something that the work depends on has changed.
    pub(super) fn call(&mut self) {
        self.called = true;
    }

    /// Whether something has changed since the work was last done.
    pub(super) fn is_called(&self) -> bool {
        self.called
    }

    /// Whether the work is to be done now. Asking takes the call.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        std::mem::take(&mut self.called) || self.due.is_some_and(|due| due <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn work_is_done_when_called_and_when_due() {
        let mut duty = Duty::new();
        assert!(duty.take(at(0).mono));
        assert!(!duty.take(at(0).mono));
        duty.call();
        assert!(duty.take(at(0).mono));
        duty.due = Some(at(2).mono);
        assert!(!duty.take(at(1).mono));
        assert!(duty.take(at(2).mono));
    }
}
