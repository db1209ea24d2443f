//! The conversions as a whole: what goes out comes back, what came verbatim stays so, what was
//! recorded is read for ever, and nothing panics.

#![expect(clippy::unwrap_used, reason = "a test's helpers may fail the test")]

mod arbitrary;
mod dialects;
#[path = "../entry_points/mod.rs"]
mod entry_points;
mod garbage;
mod recorded;
mod roundtrip;
mod schema;
mod verbatim;
