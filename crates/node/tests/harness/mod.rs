//! What the tests of this crate share.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses some of it")]

pub(crate) mod vectors;
