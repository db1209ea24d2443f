//! Names and numbers that tell things apart; each is its own type, so that swapping two is a
//! compile error.

use antiphon_wire::token_id;
use serde::{Deserialize, Serialize};

/// Checks that `text` may name a region or a gateway: 1 to 63 characters out of `A-Z a-z 0-9 - _`, so
/// that it is one NATS token, one path segment of a certificate's URI and one label.
fn name(text: &str) -> Result<(), &'static str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=63).contains(&text.len()) && text.bytes().all(plain) {
        Ok(())
    } else {
        Err("1 to 63 characters out of A-Z a-z 0-9 - _")
    }
}

token_id!(
    /// One region, as named in every gateway's configuration.
    RegionId,
    "a region",
    name
);

token_id!(
    /// One gateway; unique within the fabric, kept across restarts.
    GatewayId,
    "a gateway",
    name
);

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number_id!(
    /// One life of a gateway process; grows at every start (microseconds since 1970 when it began).
    Incarnation
);
number_id!(
    /// One pair of connections to a peer. Given by the driver, never reused within a process.
    LinkId
);
number_id!(
    /// One life of a session's sending direction; chosen by the sender, never reused by it.
    Epoch
);
number_id!(
    /// The first of a run of consecutive units, counted from 1 by the gateway that created them.
    UnitId
);
number_id!(
    /// One subscription on the region's broker.
    SubscriptionId
);
number_id!(
    /// One signature that is being verified outside.
    TicketId
);
number_id!(
    /// One question about who listens to a subject of the region's broker.
    QuestionId
);
number_id!(
    /// One question to the broker whether it has processed everything before.
    BarrierId
);

/// Where a gateway can be dialled: `host:port`, the host a DNS name or an address.
///
/// At most 255 bytes for the host; the port is not 0.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text is no [`Endpoint`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not host:port (a DNS name, an IPv4 address or [IPv6], then a port from 1)")]
pub struct EndpointError {
    /// What was given.
    pub text: String,
}

impl Endpoint {
    /// The host without brackets: a DNS name or an address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The TCP port, at least 1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl TryFrom<String> for Endpoint {
    type Error = EndpointError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        parse_endpoint(&text).ok_or(EndpointError { text })
    }
}

impl std::str::FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::try_from(text.to_owned())
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> Self {
        endpoint.to_string()
    }
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

fn parse_endpoint(text: &str) -> Option<Endpoint> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let inner = rest.strip_suffix(']')?;
            inner.parse::<std::net::Ipv6Addr>().ok()?;
            inner
        }
        None => host,
    };
    let named = text.starts_with('[')
        || host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let port = port.parse::<u16>().ok().filter(|port| *port != 0)?;
    (named && (1..=255).contains(&host.len())).then(|| Endpoint { host: host.to_owned(), port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_token_of_plain_characters() {
        assert!("eu-1".parse::<GatewayId>().is_ok());
        for bad in ["", "a.b", "a b", "*", ">", "ü", &"x".repeat(64)] {
            assert!(bad.parse::<RegionId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_endpoint_is_a_host_and_a_port() {
        for good in ["localhost:1", "10.0.0.1:7440", "[::1]:7440", "eu-1.example.net:65535"] {
            assert_eq!(good.parse::<Endpoint>().unwrap().to_string(), good);
        }
        for bad in ["", "localhost", "localhost:0", "::1:5", "a b:1", "x:70000", "[zz]:1"] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad:?}");
        }
    }
}
