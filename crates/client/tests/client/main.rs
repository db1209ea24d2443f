//! The client against an in-memory broker with scripted nodes, and against recorded messages.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod commands;
mod config;
mod config_own;
mod discovery;
mod golden;
mod nodes;
mod real;
mod req;
mod signing;
mod support;
