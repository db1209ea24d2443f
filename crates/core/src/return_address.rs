//! The address that a request carries to its nodes and back, so that no gateway has to remember it.
//!
//! It travels in the `federation` header as a legal subject that nobody subscribes:
//! `antiphon.return.<region>.<gateway>.<kind>.<tag>.<reply subject of the client>`. The tag is room
//! for a region's message authentication code; it is `0` and ignored.

use antiphon_wire::legal_publish_subject;

use crate::id::{GatewayId, RegionId};

const PREFIX: &str = "antiphon.return.";
const NO_TAG: &str = "0";

/// Where a reply has to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReturnAddress {
    /// The region of the client.
    pub(crate) region: RegionId,
    /// The gateway that took the request: nearest to the client's connection.
    pub(crate) gateway: GatewayId,
    /// How the client speaks.
    pub(crate) client: ClientKind,
    /// The client's own reply subject.
    pub(crate) reply_to: String,
}

/// How a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClientKind {
    /// As to its own region.
    Plain,
    /// As to Choria's Federation Broker; it sees one more `seen-by` entry.
    Federated,
}

/// What is in a `federation` reply subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unpacked {
    /// One of ours.
    Ours(ReturnAddress),
    /// Ours in form, wrong in content.
    Invalid,
    /// Not ours: Choria's own broker may share the subject.
    Foreign,
}

impl ReturnAddress {
    /// The subject that stands for it.
    pub(crate) fn pack(&self) -> String {
        let kind = match self.client {
            ClientKind::Plain => "c",
            ClientKind::Federated => "f",
        };
        let Self { region, gateway, reply_to, .. } = self;
        format!("{PREFIX}{region}.{gateway}.{kind}.{NO_TAG}.{reply_to}")
    }

    /// Reads what a node brought back.
    pub(crate) fn unpack(subject: &str) -> Unpacked {
        let Some(rest) = subject.strip_prefix(PREFIX) else { return Unpacked::Foreign };
        parse(rest).map_or(Unpacked::Invalid, Unpacked::Ours)
    }
}

fn parse(rest: &str) -> Option<ReturnAddress> {
    let mut parts = rest.splitn(5, '.');
    let region = parts.next()?.parse().ok()?;
    let gateway = parts.next()?.parse().ok()?;
    let client = match parts.next()? {
        "c" => ClientKind::Plain,
        "f" => ClientKind::Federated,
        _ => return None,
    };
    let _tag = parts.next()?;
    let reply_to = parts.next()?;
    legal_publish_subject(reply_to).ok()?;
    Some(ReturnAddress { region, gateway, client, reply_to: reply_to.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(reply_to: &str) -> ReturnAddress {
        ReturnAddress {
            region: "eu".parse().unwrap(),
            gateway: "eu-1".parse().unwrap(),
            client: ClientKind::Federated,
            reply_to: reply_to.to_owned(),
        }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let address = address("mcollective.reply.0123.abc");
        assert_eq!(ReturnAddress::unpack(&address.pack()), Unpacked::Ours(address));
    }

    #[test]
    fn another_brokers_address_is_left_alone() {
        assert_eq!(ReturnAddress::unpack("mcollective.reply.0123.abc"), Unpacked::Foreign);
    }

    #[test]
    fn a_forged_address_is_told_from_a_foreign_one() {
        for forged in [
            "antiphon.return.",
            "antiphon.return.eu.eu-1.c.0",
            "antiphon.return.eu.eu-1.x.0.a.b",
            "antiphon.return.e u.eu-1.c.0.a.b",
            "antiphon.return.eu.eu-1.c.0.a.>",
            "antiphon.return.eu.eu-1.c.0.a..b",
            "antiphon.return.eu.eu-1.c.0.a b",
            "antiphon.return.eu.eu-1.c.0.a\u{1}b",
        ] {
            assert_eq!(ReturnAddress::unpack(forged), Unpacked::Invalid, "{forged:?}");
        }
    }
}
