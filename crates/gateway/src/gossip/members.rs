//! From what gossip holds to the members that we believe in.

use std::collections::BTreeMap;

use antiphon_core::{GatewayId, Member};
use bytes::Bytes;
use chitchat::ChitchatId;

use super::{GossipEvent, address::literal, record};
use crate::notary::{Notary, RefusedStatement};

/// The members that the core knows of, and the records that they follow from.
///
/// Bounds: as many records as chitchat holds live states; as many members as there are gateways
/// among them with a record that verifies.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// Records already looked at, good or not, so that each is verified once, and again when those whom
    /// we believe have changed.
    examined: BTreeMap<ChitchatId, Examined>,
    announced: BTreeMap<GatewayId, Member>,
    /// The notary's renewals when they were looked at.
    renewals: u64,
}

#[derive(Debug)]
struct Examined {
    record: String,
    member: Option<Member>,
}

impl Members {
    /// Compares what is alive now with what the core knows, and returns the difference.
    pub(super) fn update<'a>(
        &mut self,
        ourselves: &GatewayId,
        live: impl Iterator<Item = (&'a ChitchatId, &'a str)>,
        notary: &Notary,
    ) -> Vec<GossipEvent> {
        let mut events = Vec::new();
        let mut before = std::mem::take(&mut self.examined);
        let renewals = notary.renewals();
        if std::mem::replace(&mut self.renewals, renewals) != renewals {
            before.clear();
        }
        for (id, record) in live.filter(|(id, _)| *id.node_id != *ourselves.as_str()) {
            let known = before.remove(id).filter(|known| known.record == record);
            let examined = known.unwrap_or_else(|| examine(id, record, notary, &mut events));
            self.examined.insert(id.clone(), examined);
        }
        self.announce(&mut events);
        events
    }

    pub(super) fn len(&self) -> usize {
        self.announced.len()
    }

    fn announce(&mut self, events: &mut Vec<GossipEvent>) {
        let current = self.newest();
        for gateway in self.announced.keys().filter(|gateway| !current.contains_key(*gateway)) {
            events.push(GossipEvent::MemberGone { gateway: gateway.clone() });
        }
        for (gateway, member) in &current {
            if self.announced.get(gateway) != Some(member) {
                events.push(GossipEvent::MemberSeen(member.clone()));
            }
        }
        self.announced = current;
    }

    /// Of each gateway the newest life. The signed record says which that is: chitchat's own
    /// generation is not signed.
    fn newest(&self) -> BTreeMap<GatewayId, Member> {
        let mut newest = BTreeMap::<GatewayId, Member>::new();
        for member in self.examined.values().filter_map(|examined| examined.member.as_ref()) {
            let known = newest.get(&member.gateway);
            if known.is_none_or(|known| known.incarnation <= member.incarnation) {
                newest.insert(member.gateway.clone(), member.clone());
            }
        }
        newest
    }
}

fn examine(
    id: &ChitchatId,
    record: &str,
    notary: &Notary,
    events: &mut Vec<GossipEvent>,
) -> Examined {
    let member = match verify(id, record, notary) {
        Ok(member) => Some(member),
        Err((kind, detail)) => {
            let detail = format!("gossip about {:?}: {detail}", id.node_id);
            events.push(GossipEvent::Refused { kind, detail });
            None
        }
    };
    Examined { record: record.to_owned(), member }
}

fn verify(
    id: &ChitchatId,
    record: &str,
    notary: &Notary,
) -> Result<Member, (&'static str, String)> {
    if id.gossip_advertise_addr != literal(&id.node_id) {
        return Err(("not-its-own", "the address is another's".to_owned()));
    }
    let sealed: Bytes = record::sealed(record)
        .ok_or_else(|| ("malformed", "the record is no base64, or too long".to_owned()))?;
    let member = notary
        .open_endpoint(sealed)
        .map_err(|refused: RefusedStatement| (refused.kind(), refused.to_string()))?;
    if member.gateway.as_str() != &*id.node_id {
        return Err(("not-its-own", format!("the record is of {}", member.gateway)));
    }
    Ok(member)
}
