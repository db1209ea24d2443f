//! Both clocks, read once per event.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use antiphon_core::{Incarnation, Now};
use tokio::time::Instant;

/// What the core knows of time. Monotonic time is the runtime's, so that tests may pause it.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    started: Instant,
    unix: Unix,
}

#[derive(Clone, Copy, Debug)]
enum Unix {
    /// The system's clock.
    System,
    /// The runtime's clock, from this moment on: goes with paused time.
    Since(Duration),
}

impl Clock {
    /// The system's clocks, from now on.
    #[must_use]
    pub fn system() -> Self {
        Self { started: Instant::now(), unix: Unix::System }
    }

    /// A clock that shows `unix` now and goes as the runtime's does.
    #[must_use]
    pub fn starting_at(unix: Duration) -> Self {
        Self { started: Instant::now(), unix: Unix::Since(unix) }
    }

    /// This moment. A system clock before 1970 shows 1970.
    #[must_use]
    pub fn now(&self) -> Now {
        let mono = self.started.elapsed();
        let unix = match self.unix {
            Unix::System => SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            Unix::Since(start) => start + mono,
        };
        Now { mono, unix }
    }

    /// When the core's time will be `mono`.
    #[must_use]
    pub fn at(&self, mono: Duration) -> Instant {
        self.started + mono
    }

    /// A number for a life that begins now: microseconds since 1970, so that it grows from one
    /// start to the next.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(u64::try_from(self.now().unix.as_micros()).unwrap_or(u64::MAX))
    }
}
