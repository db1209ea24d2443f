//! One life of a connection: dialled, logged in, served, ended.

mod beside;
mod dial;
mod incoming;
mod pump;
mod session;

pub(crate) use dial::{Dialled, dial};
pub(crate) use pump::{Outcome, Pump};
pub(crate) use session::Ended;
