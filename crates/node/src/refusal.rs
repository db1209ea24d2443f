//! Why a node stays silent: a closed list, counted and logged by name.

use std::fmt;

/// Why a request got no answer.
///
/// Choria's nodes are silent in all of these cases; to the client they look like a dead node. That makes the
/// counters and the log the only places where the reason can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// The payload is no transport of Choria, or one that would crash a Choria node.
    Transport,
    /// It speaks the other protocol version.
    Version,
    /// The transport names no subject for the answer, or an illegal one.
    ReplyTo,
    /// `data` holds no secure request, or a broken one.
    Request,
    /// The request does not fit Choria's schema.
    Schema,
    /// The caller id is not of the form `kind=name`, or not the token's.
    Caller,
    /// The certificate or token does not allow this caller to call.
    Credentials,
    /// The signature does not fit the request.
    Signature,
    /// The filter is for other nodes.
    Filtered,
    /// The request is for a collective that the node is not in.
    Collective,
    /// Its time is further from ours than its time to live.
    Expired,
    /// The node has no such agent.
    UnknownAgent,
    /// The payload for `discovery` is no ping.
    NotPing,
    /// As many actions run as the node allows.
    Busy,
    /// The agent did not finish within its timeout.
    Timeout,
    /// The answer is larger than the broker takes, or the broker was gone when it was ready.
    Unsent,
}

impl Refusal {
    /// All of them, in the order of their checks.
    pub const ALL: [Self; 16] = [
        Self::Transport,
        Self::Version,
        Self::ReplyTo,
        Self::Request,
        Self::Schema,
        Self::Caller,
        Self::Credentials,
        Self::Signature,
        Self::Filtered,
        Self::Collective,
        Self::Expired,
        Self::UnknownAgent,
        Self::NotPing,
        Self::Busy,
        Self::Timeout,
        Self::Unsent,
    ];

    /// Its name in logs and counters: lower case, words joined by underscores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Transport => "transport",
            Self::Version => "version",
            Self::ReplyTo => "reply_to",
            Self::Request => "request",
            Self::Schema => "schema",
            Self::Caller => "caller",
            Self::Credentials => "credentials",
            Self::Signature => "signature",
            Self::Filtered => "filtered",
            Self::Collective => "collective",
            Self::Expired => "expired",
            Self::UnknownAgent => "unknown_agent",
            Self::NotPing => "not_ping",
            Self::Busy => "busy",
            Self::Timeout => "timeout",
            Self::Unsent => "unsent",
        }
    }

    /// Its place in [`Self::ALL`].
    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_stands_at_its_index() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), index, "{refusal}");
        }
    }
}
