//! Links between gateways: over TLS on loopback, and over a network in memory under paused time.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail the test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "a test waits for one event among many")]

mod memory;
mod pki;
mod raw;
mod refusals;
mod side;
mod tls;
