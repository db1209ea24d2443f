//! How a link begins: who a gateway says it is, and the token that ties two connections together.

use std::collections::BTreeSet;

use antiphon_core::{Endpoint, Hello, Incarnation, RegionId};
use bytes::Bytes;

use crate::{
    FieldError, Problem,
    field::{invalid, list, name, text},
    v1,
};

/// The newest version of the link's protocol that we speak.
pub const PROTOCOL: u32 = 1;
/// The oldest version of the link's protocol that we speak.
pub const PROTOCOL_OLDEST: u32 = 1;
/// The feature of a gateway that reads compressed batches: see `Batch` in the schema.
pub const BATCH_ZSTD: &str = "batch-zstd";
/// Length of a [`Token`].
pub const TOKEN_BYTES: usize = 16;

const VERSION_BYTES_MAX: usize = 64;
const FEATURES_MAX: usize = 64;

/// What a gateway says of itself when a link begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// The fabric that it belongs to.
    pub fabric: RegionId,
    /// Who it is.
    pub hello: Hello,
    /// The newest version of the protocol that it speaks.
    pub protocol: u32,
    /// The oldest version of the protocol that it speaks.
    pub protocol_oldest: u32,
    /// What it can do beyond the version; at most 64 words of at most 64 bytes.
    pub features: BTreeSet<String>,
}

impl Greeting {
    /// Our own greeting, with the protocol and the features of this build.
    #[must_use]
    pub fn own(fabric: RegionId, hello: Hello) -> Self {
        Self {
            fabric,
            hello,
            protocol: PROTOCOL,
            protocol_oldest: PROTOCOL_OLDEST,
            features: BTreeSet::from([BATCH_ZSTD.to_owned()]),
        }
    }

    /// Whether both have this feature.
    #[must_use]
    pub fn shares(&self, other: &Self, feature: &str) -> bool {
        self.features.contains(feature) && other.features.contains(feature)
    }

    /// The newest version that both speak; `None` if there is none.
    #[must_use]
    pub fn common_protocol(&self, other: &Self) -> Option<u32> {
        let newest = self.protocol.min(other.protocol);
        (newest >= self.protocol_oldest.max(other.protocol_oldest)).then_some(newest)
    }
}

impl From<&Greeting> for v1::Hello {
    fn from(greeting: &Greeting) -> Self {
        let Hello { region, gateway, incarnation, version, endpoint } = &greeting.hello;
        Self {
            fabric: greeting.fabric.to_string(),
            region: region.to_string(),
            gateway: gateway.to_string(),
            incarnation: incarnation.0,
            version: version.clone(),
            protocol: greeting.protocol,
            protocol_oldest: greeting.protocol_oldest,
            features: greeting.features.iter().cloned().collect(),
            endpoint: endpoint.to_string(),
        }
    }
}

impl TryFrom<v1::Hello> for Greeting {
    type Error = FieldError;

    fn try_from(message: v1::Hello) -> Result<Self, FieldError> {
        let features = list("features", message.features, FEATURES_MAX)?
            .into_iter()
            .map(|word| text("features", word, VERSION_BYTES_MAX))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            fabric: name("fabric", &message.fabric)?,
            hello: Hello {
                region: name("region", &message.region)?,
                gateway: name("gateway", &message.gateway)?,
                incarnation: Incarnation(message.incarnation),
                version: text("version", message.version, VERSION_BYTES_MAX)?,
                endpoint: endpoint("endpoint", message.endpoint)?,
            },
            protocol: message.protocol,
            protocol_oldest: message.protocol_oldest,
            features,
        })
    }
}

/// Names a link to the answerer: a secret of the two gateways while the link is being set up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token(pub [u8; TOKEN_BYTES]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<Token> for Bytes {
    fn from(token: Token) -> Self {
        Self::copy_from_slice(&token.0)
    }
}

impl TryFrom<&Bytes> for Token {
    type Error = FieldError;

    fn try_from(bytes: &Bytes) -> Result<Self, FieldError> {
        let token = bytes.as_ref().try_into().map_err(|_| {
            let number = bytes.len() as u64;
            FieldError::new("token", Problem::OutOfRange { number, range: "16 to 16 bytes".into() })
        })?;
        Ok(Self(token))
    }
}

/// `host:port` out of a text.
pub(crate) fn endpoint(field: &str, text: String) -> Result<Endpoint, FieldError> {
    Endpoint::try_from(text).map_err(|error| invalid(field, &error))
}

/// A release, for people.
pub(crate) fn version(field: &str, version: String) -> Result<String, FieldError> {
    text(field, version, VERSION_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn speaking(oldest: u32, newest: u32) -> Greeting {
        let hello = Hello {
            region: "eu".parse().unwrap(),
            gateway: "eu-1".parse().unwrap(),
            incarnation: Incarnation(1),
            version: "0.1.0".into(),
            endpoint: "localhost:7440".parse().unwrap(),
        };
        let own = Greeting::own("acme".parse().unwrap(), hello);
        Greeting { protocol: newest, protocol_oldest: oldest, ..own }
    }

    #[test]
    fn two_gateways_speak_the_newest_version_that_both_know() {
        assert_eq!(speaking(1, 3).common_protocol(&speaking(2, 4)), Some(3));
        assert_eq!(speaking(1, 1).common_protocol(&speaking(1, 2)), Some(1));
        assert_eq!(speaking(1, 1).common_protocol(&speaking(2, 2)), None);
    }

    #[test]
    fn a_hello_says_which_of_its_fields_is_wrong() {
        let mut hello = v1::Hello::from(&speaking(1, 1));
        hello.endpoint = "nowhere".into();
        let error = Greeting::try_from(hello).unwrap_err();
        assert!(error.to_string().starts_with("endpoint: \"nowhere\" is not host:port"), "{error}");
    }
}
