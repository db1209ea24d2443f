//! Identity as the rest of the project uses it: real handshakes, real files, and the keys, tokens
//! and messages of real Choria programs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod choria_v1;
mod choria_v2;
mod credentials;
mod golden;
mod handshake;
mod links;
mod names;
mod ordinary_tls;
mod pki;
mod revocation;
mod rollover;
mod statements;
mod tokens;
mod trust;
