//! The two protocols of Choria.

use serde::{Deserialize, Serialize};

use crate::{v1, v2};

/// Which protocol a message speaks. A collective speaks one of them in practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// Requests signed with RSA keys and X.509 certificates.
    V1,
    /// Requests signed with ed25519 keys and JWTs.
    V2,
}

impl Version {
    /// The version whose transport carries this `protocol`.
    pub(crate) fn of_transport(protocol: &str) -> Option<Self> {
        match protocol {
            v1::TRANSPORT => Some(Self::V1),
            v2::TRANSPORT => Some(Self::V2),
            _ => None,
        }
    }

    /// The `protocol` of this version's transports.
    pub(crate) fn transport_protocol(self) -> &'static str {
        match self {
            Self::V1 => v1::TRANSPORT,
            Self::V2 => v2::TRANSPORT,
        }
    }

    /// How this version spells the transport headers.
    pub(crate) fn header_keys(self) -> &'static HeaderKeys {
        match self {
            Self::V1 => &v1::HEADERS,
            Self::V2 => &v2::HEADERS,
        }
    }
}

/// How a version spells the members of `headers`.
pub(crate) struct HeaderKeys {
    pub(crate) reply_to: &'static str,
    pub(crate) sender: &'static str,
    pub(crate) seen_by: &'static str,
    pub(crate) federation: &'static str,
    pub(crate) all: &'static [&'static str],
    pub(crate) in_federation: FederationKeys,
}

/// How a version spells the members of `headers.federation`.
pub(crate) struct FederationKeys {
    pub(crate) request: &'static str,
    pub(crate) reply_to: &'static str,
    pub(crate) targets: &'static str,
    pub(crate) all: &'static [&'static str],
}
