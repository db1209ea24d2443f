//! Frames between gateways, and what gateways publish.

use std::{collections::BTreeSet, time::Duration};

use antiphon_core::{Config, Epoch, Frame, GatewayId, RegionId, UnitKind};
use antiphon_wire::{ReplySubject, Subject, Transport};
use bytes::Bytes;

use super::{Invariant, Watch};
use crate::{message::number_of, world::Slot};

impl Watch {
    /// A gateway with this configuration sends a frame.
    pub(crate) fn sent(&mut self, at: Duration, sender: &Config, frame: &Frame) {
        let visited: BTreeSet<&GatewayId> = frame.hop.visited.iter().collect();
        let hops = usize::from(sender.limits.hops);
        if visited.len() < frame.hop.visited.len() || visited.len() > hops + 1 {
            let what = format!("{} sends a frame that has been at {visited:?}", sender.gateway);
            self.violated(at, Invariant::NoLoop, what);
        }
        let ends = [&frame.end.creator.region, &frame.end.to];
        if !sender.transit && !ends.contains(&&sender.region) {
            let what = format!("{} carries a frame of {:?}", sender.gateway, ends);
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
        let Some(number) = transport.request_head().ok().and_then(|one| number_of(one.id.as_str()))
        else {
            return;
        };
        let count = self.requests.entry((region.clone(), number, subject.to_owned())).or_default();
        *count += 1;
        if *count > 1 {
            let what =
                format!("request {number} is published {count} times on {subject} in {region}");
            self.violated(at, Invariant::AtMostOnce, what);
        }
    }
}
