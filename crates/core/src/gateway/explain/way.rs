//! How a message gets to a region.

use std::{collections::BTreeSet, time::Duration};

use antiphon_wire::RequestHead;
use bytes::Bytes;

use super::suppose::Supposed;
use crate::{
    Body, Creator, EndToEnd, Explanation, Frame, Gateway, GatewayId, Hop, NextStep, RegionId,
    ReplyBody, RequestBody, Route, Target, UnitId, WayThere,
    gateway::{ingress::flow_of, peer::Peer},
    routes::{Here, Step, Table, next_step},
};

/// Where the message enters, and what is known of ways from there.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    supposed: &'a Supposed<'a>,
    entry: GatewayId,
    pub(super) table: Table,
}

impl<'a> Scene<'a> {
    pub(super) fn new(supposed: &'a Supposed<'a>, explanation: &Explanation) -> Self {
        let entry = explanation.entry.clone();
        let table = supposed.graph().table(&entry, &explanation.from);
        Self { supposed, entry, table }
    }
}

/// What becomes a frame, its payload left out.
#[derive(Clone, Debug)]
pub(super) struct Outgoing<'a> {
    body: Body,
    reply_to: &'a str,
    prefer: Option<GatewayId>,
    lifetime: Duration,
}

impl<'a> Outgoing<'a> {
    pub(super) fn request(head: &RequestHead, target: Target, reply_to: &'a str) -> Self {
        let body = Body::Request(RequestBody {
            request: head.id.clone(),
            collective: head.collective.to_string(),
            target,
            reply_to: reply_to.to_owned(),
            federated: None,
            payload: Bytes::new(),
        });
        Self { body, reply_to, prefer: None, lifetime: head.ttl }
    }

    /// An answer on its way to this reply subject, by this gateway if it can be.
    pub(super) fn reply(reply_to: &'a str, prefer: Option<GatewayId>) -> Self {
        let body = Body::Reply(ReplyBody {
            request: String::new(),
            subject: reply_to.to_owned(),
            federated: None,
            payload: Bytes::new(),
        });
        Self { body, reply_to, prefer, lifetime: Duration::ZERO }
    }
}

impl Gateway {
    /// How a message gets to a region that is to have it.
    pub(super) fn way(
        &self,
        scene: &Scene<'_>,
        outgoing: &Outgoing<'_>,
        to: &RegionId,
    ) -> WayThere {
        let Scene { supposed, entry, table } = scene;
        let first_hand = *entry == self.me.gateway;
        let open = |peer: &GatewayId| match first_hand {
            true => {
                self.peers.get(peer).is_some_and(Peer::takes_frames)
                    && !supposed.cuts((entry, &self.me.region), (peer, &self.region_of(peer)))
            }
            false => true,
        };
        let frame = self.frame_to(outgoing, to, entry);
        let end = &frame.end;
        let other = |gateway: &&GatewayId| *gateway != entry && self.is_usable(gateway, end);
        let prefer = end.prefer.as_ref().filter(other);
        let publishes = *to == end.creator.region && (!first_hand || self.broker.is_up());
        let step = next_step(&frame, &Here { publishes, prefer, open, table });
        let route = table.region(to);
        let path = match &step {
            Step::Hop(peer) => supposed.path(&frame, entry, peer),
            Step::Publish | Step::Wait | Step::Drop(_) => Vec::new(),
        };
        let next = match step {
            Step::Publish => NextStep::Publish,
            Step::Hop(peer) => {
                let among = |route: Option<&Route>| {
                    route.is_some_and(|route| route.next_hops.contains(&peer))
                };
                let preferred = prefer.and_then(|gateway| table.gateway(gateway));
                NextStep::Hop { backup: !among(route) && !among(preferred), peer }
            }
            Step::Wait => NextStep::Wait,
            Step::Drop(reason) => NextStep::Drop { reason },
        };
        let queued = first_hand.then(|| self.queues.weight(to));
        WayThere { next, route: route.cloned(), path, queued }
    }

    /// What is to be said of regions on a way whose own rules refuse some of what they carry: those rules
    /// are not known here, and no route goes around a single refusal.
    pub(super) fn passes_rules(
        &self,
        from: &RegionId,
        to: &RegionId,
        way: Option<&WayThere>,
    ) -> String {
        let passed: BTreeSet<&RegionId> =
            way.iter().flat_map(|way| &way.path).map(|leg| &leg.region).collect();
        let between = |region: &RegionId| region != from && region != to && passed.contains(region);
        let ruled: BTreeSet<&str> = self
            .database
            .topologies()
            .filter(|(_, region, topology)| topology.transit_ruled && between(region))
            .map(|(_, region, _)| region.as_str())
            .collect();
        if ruled.is_empty() {
            return String::new();
        }
        let names = ruled.into_iter().collect::<Vec<_>>().join(", ");
        format!("; on the way {names} may refuse it by transit rules of its own")
    }

    fn region_of(&self, peer: &GatewayId) -> RegionId {
        self.peers.get(peer).map_or_else(|| self.region().clone(), |one| one.hello.region.clone())
    }

    fn frame_to(&self, outgoing: &Outgoing<'_>, to: &RegionId, entry: &GatewayId) -> Frame {
        let region = self.routes.graph().region_of(entry).unwrap_or(self.region());
        let end = EndToEnd {
            creator: Creator {
                region: region.clone(),
                gateway: entry.clone(),
                incarnation: self.me.incarnation,
            },
            unit: UnitId(0),
            to: to.clone(),
            prefer: outgoing.prefer.clone(),
            flow: flow_of(entry, outgoing.reply_to),
            lifetime: outgoing.lifetime,
            body: outgoing.body.clone(),
        };
        let limit = self.config.limits.hops;
        let hop = Hop { limit, visited: vec![entry.clone()], age: Duration::ZERO };
        Frame { hop, end, verbatim: None }
    }
}
