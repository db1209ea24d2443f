//! `discovery`: a ping is answered with `pong`; anything else is not answered.

/// Whether the payload is a ping: it holds the bytes `ping`, bare (Go) or as a JSON string (Ruby).
pub(crate) fn is_ping(payload: &[u8]) -> bool {
    payload.windows(4).any(|bytes| bytes == b"ping")
}
