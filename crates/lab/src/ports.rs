//! Free TCP ports of 127.0.0.1.
//!
//! A server's port stands in files before it is bound: its own, so that it comes back in the same
//! place after a restart, and others'. Between choosing and binding somebody else may take it. To
//! make that rare, ports lie below the range from which systems take local ports of outgoing
//! connections (32768 on Linux), every process begins elsewhere, and none is given out twice;
//! callers try again with other ports if it happens all the same.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Ports that are given out.
const FIRST: u16 = 15_000;
const COUNT: u16 = 17_000;

/// How often a server is started before its callers give up because others took its ports.
pub const ATTEMPTS: usize = 5;

/// How many were tried so far.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// A port that nobody listened on a moment ago.
///
/// # Errors
/// No port of the whole range is free.
pub fn free() -> Result<u16, NoPort> {
    (0..COUNT).map(|_| next()).find(|port| is_free(*port)).ok_or(NoPort)
}

/// None of the ports that the lab uses is free.
#[derive(Debug, thiserror::Error)]
#[error("no port of 127.0.0.1 from {FIRST} to {} is free", FIRST + COUNT - 1)]
pub struct NoPort;

fn next() -> u16 {
    /// Far enough that two test processes with neighbouring ids do not meet.
    const STRIDE: u32 = 211;
    let start = std::process::id().wrapping_mul(STRIDE);
    let offset = start.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed)) % u32::from(COUNT);
    FIRST + u16::try_from(offset).expect("the remainder is below COUNT")
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_given_out_once() {
        let (one, other) = (free().unwrap(), free().unwrap());
        assert_ne!(one, other);
    }

    #[test]
    fn a_port_that_is_taken_is_not_given_out() {
        let port = free().unwrap();
        assert!(is_free(port));
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(!is_free(port));
    }
}
