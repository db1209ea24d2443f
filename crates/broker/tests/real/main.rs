//! The adapter against real servers: what no fake can vouch for.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what helpers of a test cannot do fails the test, as in the test itself"
)]

mod barrier;
mod intake;
mod leave;
mod login;
mod outage;
mod refusal;
mod srv;
mod support;
mod tls;
