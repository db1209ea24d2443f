//! Literal addresses that stand for gateways, and the gateways that can be reached.

use std::{
    collections::BTreeMap,
    net::{Ipv6Addr, SocketAddr},
    sync::{Mutex, MutexGuard, PoisonError},
};

use antiphon_core::GatewayId;

/// The port in every literal; chitchat wants one, nobody listens there.
const PORT: u16 = 7440;

/// The literal that stands for a gateway wherever chitchat wants an address.
///
/// An IPv6 address of the private range `fd00::/8` (RFC 4193) whose other 120 bits are the
/// beginning of SHA-256 over the gateway's name: two of a thousand gateways share one with a chance
/// of 1 in 10^30.
pub(super) fn literal(gateway: &str) -> SocketAddr {
    let digest = ring::digest::digest(&ring::digest::SHA256, gateway.as_bytes());
    let mut octets = [0xfd; 16];
    octets.iter_mut().skip(1).zip(digest.as_ref()).for_each(|(octet, byte)| *octet = *byte);
    SocketAddr::from((Ipv6Addr::from(octets), PORT))
}

/// The gateways that we have a link with; only they can be gossiped with.
///
/// As large as the number of links. Shared by the shell, which knows of links, and the socket,
/// which sends. A link that replaces another may come up before the other goes down, so links are
/// counted.
#[derive(Debug, Default)]
pub(super) struct Linked {
    gateways: Mutex<BTreeMap<SocketAddr, (GatewayId, usize)>>,
}

impl Linked {
    pub(super) fn add(&self, gateway: &GatewayId) {
        let mut gateways = self.lock();
        let entry =
            gateways.entry(literal(gateway.as_str())).or_insert_with(|| (gateway.clone(), 0));
        entry.1 += 1;
    }

    pub(super) fn remove(&self, gateway: &GatewayId) {
        let mut gateways = self.lock();
        let address = literal(gateway.as_str());
        if let Some((_, links)) = gateways.get_mut(&address) {
            *links -= 1;
            if *links == 0 {
                gateways.remove(&address);
            }
        }
    }

    pub(super) fn at(&self, address: SocketAddr) -> Option<GatewayId> {
        self.lock().get(&address).map(|(gateway, _)| gateway.clone())
    }

    /// The next one in order after `last`, starting again at the end.
    pub(super) fn after(&self, last: Option<SocketAddr>) -> Option<SocketAddr> {
        use std::ops::Bound::{Excluded, Unbounded};
        let gateways = self.lock();
        let next = last.and_then(|last| gateways.range((Excluded(last), Unbounded)).next());
        next.or_else(|| gateways.first_key_value()).map(|(address, _)| *address)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<SocketAddr, (GatewayId, usize)>> {
        self.gateways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> GatewayId {
        name.parse().unwrap()
    }

    #[test]
    fn a_literal_is_private_and_stable() {
        let SocketAddr::V6(address) = literal("eu-1") else { panic!("not IPv6") };
        assert!(address.ip().is_unique_local());
        assert_eq!(literal("eu-1"), literal("eu-1"));
        assert_ne!(literal("eu-1"), literal("eu-2"));
    }

    #[test]
    fn a_gateway_is_reachable_while_any_link_to_it_stands() {
        let linked = Linked::default();
        linked.add(&id("us-1"));
        linked.add(&id("us-1"));
        linked.remove(&id("us-1"));
        assert_eq!(linked.at(literal("us-1")), Some(id("us-1")));
        linked.remove(&id("us-1"));
        assert_eq!(linked.at(literal("us-1")), None);
        linked.remove(&id("us-1"));
    }

    #[test]
    fn linked_gateways_take_turns() {
        let linked = Linked::default();
        assert_eq!(linked.after(None), None);
        ["a", "b", "c"].iter().for_each(|name| linked.add(&id(name)));
        let mut turns = Vec::new();
        let mut last = None;
        for _ in 0..6 {
            last = linked.after(last);
            turns.push(linked.at(last.unwrap()).unwrap());
        }
        assert_eq!(turns[..3], turns[3..]);
        turns.sort();
        turns.dedup();
        assert_eq!(turns.len(), 3);
    }
}
