//! The adapter against real servers: what no fake can vouch for.

mod leave;
mod support;
