//! Puppet's agent in memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{PuppetError, PuppetState, Summary};

/// A Puppet that runs in no time and changes nothing.
#[derive(Debug, Default)]
pub(crate) struct SimulatedPuppet(Mutex<PuppetState>);

impl SimulatedPuppet {
    pub(super) fn state(&self) -> PuppetState {
        PuppetState { daemon_present: true, ..self.lock().clone() }
    }

    pub(super) fn disable(&self, reason: &str) -> Result<(), PuppetError> {
        let mut state = self.lock();
        if state.disabled.is_some() {
            return Err(PuppetError::AlreadyDisabled);
        }
        state.disabled = Some(reason.to_owned());
        Ok(())
    }

    pub(super) fn enable(&self) -> Result<(), PuppetError> {
        self.lock().disabled.take().map(drop).ok_or(PuppetError::AlreadyEnabled)
    }

    pub(super) fn run(&self, now: u64) {
        self.lock().last_run = now;
    }

    pub(super) fn summary(&self) -> Summary {
        Summary::simulated(self.lock().last_run)
    }

    fn lock(&self) -> MutexGuard<'_, PuppetState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
