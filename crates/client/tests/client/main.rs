//! The client against an in-memory broker with scripted nodes, and against recorded messages.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod bus;
mod commands;
mod config;
mod discovery;
mod golden;
mod real;
mod signing;
mod support;
