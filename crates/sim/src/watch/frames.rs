//! Frames between gateways, and what gateways publish.

use std::{collections::BTreeSet, time::Duration};

use antiphon_core::{Body, Config, Epoch, Frame, GatewayId, RegionId, UnitKind};
use antiphon_wire::{ReplySubject, RequestHead, Subject, Transport};
use bytes::Bytes;

use super::{Invariant, Watch, policies::Judged};
use crate::{message::number_of, world::Slot};

impl Watch {
    /// A gateway with this configuration sends a frame.
    pub(crate) fn sent(&mut self, at: Duration, (slot, sender): (Slot, &Config), frame: &Frame) {
        let visited: BTreeSet<&GatewayId> = frame.hop.visited.iter().collect();
        let hops = usize::from(sender.limits.hops);
        if visited.len() < frame.hop.visited.len() || visited.len() > hops + 1 {
            let what = format!("{} sends a frame that has been at {visited:?}", sender.gateway);
            self.violated(at, Invariant::NoLoop, what);
        }
        let ends = [&frame.end.creator.region, &frame.end.to];
        let carries = !ends.contains(&&sender.region);
        if carries && !(sender.transit && self.may_carry(at, slot, frame)) {
            let what = format!("{} carries a frame of {:?}", sender.gateway, ends);
            self.violated(at, Invariant::Policy, what);
        }
    }

    /// Whether a request may pass through a place between two other regions.
    fn may_carry(&self, at: Duration, slot: Slot, frame: &Frame) -> bool {
        let Body::Request(request) = &frame.end.body else { return true };
        let Ok(transport) = Transport::decode(request.payload.clone()) else { return true };
        let Ok(head) = transport.request_head() else { return true };
        let asked = number_of(head.id.as_str()).and_then(|number| self.request(number));
        let Some(asked) = asked else { return true };
        let judged = judged((&asked.region, &frame.end.to), &head, (asked.at, at));
        self.policies.may_transit(&judged, slot)
    }

    /// What goes to nodes of another region must have been let out there, and in here; and counts if
    /// its node is not here at all.
    fn may_publish(
        &mut self,
        at: Duration,
        region: &RegionId,
        subject: &str,
        (number, head): (u64, &RequestHead),
    ) {
        let Some(asked) = self.request(number) else { return };
        let (from, since) = (asked.region.clone(), asked.at);
        if let Ok(Subject::Node { identity, .. }) = Subject::parse(subject)
            && self.region_of(&identity) != Some(region)
        {
            *self.strays.entry(since).or_default() += 1;
        }
        if from == *region {
            return; // Only what is addressed to an alias of its own region comes back to it.
        }
        if let Some(side) = self.policies.refused_by(&judged((&from, region), head, (since, at))) {
            let what = format!(
                "request {number} of {from} is published in {region}, which {} rules forbid",
                side.label()
            );
            self.violated(at, Invariant::Policy, what);
        }
    }

    /// A frame comes out of a link.
    pub(crate) fn arrived(
        &mut self,
        at: Duration,
        receiver: &GatewayId,
        session: (Slot, Epoch, u64),
        frame: &Frame,
    ) {
        let key = (receiver.clone(), frame.end.creator.clone(), frame.end.unit);
        let first = *self.frames.entry(key).or_insert(session);
        if first != session {
            let unit = frame.end.unit;
            let creator = &frame.end.creator.gateway;
            let what = format!("{receiver} gets unit {unit} of {creator} a second time");
            self.violated(at, Invariant::NoLoop, what);
        }
    }

    /// A broker takes a message from a gateway of its region.
    pub(crate) fn published(
        &mut self,
        at: Duration,
        region: &RegionId,
        subject: &str,
        payload: &Bytes,
    ) {
        let Ok(transport) = Transport::decode(payload.clone()) else {
            let what = format!("unreadable bytes are published on {subject} in {region}");
            return self.violated(at, Invariant::Poison, what);
        };
        let kind = match subject.parse::<ReplySubject>() {
            Ok(_) => UnitKind::Reply,
            Err(_) => UnitKind::Request,
        };
        *self.published.entry((region.clone(), kind)).or_default() += 1;
        if kind == UnitKind::Reply {
            return;
        }
        let addressed = matches!(
            Subject::parse(subject),
            Ok(Subject::Broadcast { .. } | Subject::Service { .. } | Subject::Node { .. })
        );
        if !addressed {
            let what = format!("a gateway publishes on {subject} in {region}");
            self.violated(at, Invariant::Policy, what);
        }
        let Ok(head) = transport.request_head() else { return };
        let Some(number) = number_of(head.id.as_str()) else { return };
        self.may_publish(at, region, subject, (number, &head));
        let count = self.requests.entry((region.clone(), number, subject.to_owned())).or_default();
        *count += 1;
        if *count > 1 {
            let what =
                format!("request {number} is published {count} times on {subject} in {region}");
            self.violated(at, Invariant::AtMostOnce, what);
        }
    }
}

fn judged<'a>(
    (from, to): (&'a RegionId, &'a RegionId),
    head: &'a RequestHead,
    (since, until): (Duration, Duration),
) -> Judged<'a> {
    Judged {
        from,
        to,
        collective: head.collective.as_str(),
        agent: head.agent.as_str(),
        caller: head.caller.as_str(),
        since,
        until,
    }
}
