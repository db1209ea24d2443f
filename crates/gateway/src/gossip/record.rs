//! What a member publishes of itself.

use antiphon_core::{Member, RegionId};
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;

/// Most that one member may publish, keys and values, in bytes: gossip carries every member's to
/// every other.
pub const MEMBER_BYTES_MAX: usize = 4096;

/// The key of the signed endpoint record: the only one that anybody believes. The others are for
/// people who look at gossip.
pub(super) const RECORD: &str = "record";

/// More than a member may publish.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the endpoint record of {gateway} takes {bytes} bytes with its certificate, \
     {MEMBER_BYTES_MAX} are allowed: use a certificate with fewer names or a smaller key"
)]
pub struct OverBudget {
    /// Whose.
    pub gateway: String,
    /// How much it is, in bytes.
    pub bytes: usize,
}

/// The keys and values of one member.
pub(super) fn keys(
    fabric: &RegionId,
    member: &Member,
    sealed: &Bytes,
) -> Result<Vec<(String, String)>, OverBudget> {
    let keys = vec![
        ("fabric".to_owned(), fabric.to_string()),
        ("region".to_owned(), member.region.to_string()),
        ("endpoint".to_owned(), member.endpoint.to_string()),
        ("protocol".to_owned(), antiphon_proto::PROTOCOL.to_string()),
        ("state".to_owned(), member.state.label().to_owned()),
        (RECORD.to_owned(), STANDARD.encode(sealed)),
    ];
    let bytes = keys.iter().map(|(key, value)| key.len() + value.len()).sum();
    if bytes > MEMBER_BYTES_MAX {
        return Err(OverBudget { gateway: member.gateway.to_string(), bytes });
    }
    Ok(keys)
}

/// The sealed record in a value; `None` if it is longer than a member may publish, or no base64.
pub(super) fn sealed(value: &str) -> Option<Bytes> {
    if value.len() > MEMBER_BYTES_MAX {
        return None;
    }
    STANDARD.decode(value).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use antiphon_core::{GatewayState, Incarnation};

    use super::*;

    fn member() -> Member {
        Member {
            gateway: "eu-1".parse().unwrap(),
            region: "eu".parse().unwrap(),
            incarnation: Incarnation(1),
            endpoint: "eu-1.example.net:7440".parse().unwrap(),
            state: GatewayState::Active,
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn a_record_survives_the_way_through_a_value() {
        let record = Bytes::from_static(b"\x00\xff record");
        let keys = keys(&"acme".parse().unwrap(), &member(), &record).unwrap();
        let (_, value) = keys.iter().find(|(key, _)| key == RECORD).unwrap();
        assert_eq!(sealed(value), Some(record));
    }

    #[test]
    fn more_than_the_budget_is_refused() {
        let record = Bytes::from(vec![7; MEMBER_BYTES_MAX]);
        let error = keys(&"acme".parse().unwrap(), &member(), &record).unwrap_err();
        assert!(error.bytes > MEMBER_BYTES_MAX && error.to_string().contains("eu-1"), "{error}");
        assert_eq!(sealed(&"A".repeat(MEMBER_BYTES_MAX + 4)), None);
        assert_eq!(sealed("not base64!"), None);
    }
}
