//! Time as the core sees it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Both clocks, read once per event by whoever drives the core.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Now {
    /// Time since the driver started; orders deadlines and never jumps.
    pub mono: Duration,
    /// Time since 1970-01-01 UTC; only for comparing with timestamps inside messages.
    pub unix: Duration,
}
