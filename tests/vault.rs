//! Certificates from Vault, against a real OpenBao: `make test-vault`. Each test has a server of its
//! own, set up by `deploy/vault/setup`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test may say what it counted")]

#[path = "vault/commands.rs"]
mod commands;
#[path = "vault/enrol.rs"]
mod enrol;
#[path = "vault/gateways.rs"]
mod gateways;
#[path = "vault/kept.rs"]
mod kept;
#[path = "vault/lasting.rs"]
mod lasting;
#[path = "vault/refused.rs"]
mod refused;
#[path = "vault/server.rs"]
mod server;
#[path = "vault/setup.rs"]
mod setup;
