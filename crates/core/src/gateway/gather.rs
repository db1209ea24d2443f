//! Directed requests: copies of one are gathered, and sent as one frame for each region.
//!
//! Each copy is decided about by itself, for hints may send each to other regions. What the copies
//! have in common is read once.

use antiphon_wire::{RequestHead, Subject};
use bytes::Bytes;

use crate::{
    Action, Gateway, Now, RegionId, RequestBody, Target,
    coalesce::{Batch, Coalescer, Copy},
    gateway::{decide::Entering, ingress::Began},
    records::RecordId,
};

/// What was read of the first copy.
#[derive(Debug)]
pub(super) struct Read {
    head: RequestHead,
    reply_to: String,
    record: RecordId,
}

impl Gateway {
    /// What was read of a copy of this message that is being gathered: it holds for this one too.
    pub(super) fn read_before(&self, subject: &Subject, payload: &Bytes) -> Option<Entering> {
        let Subject::Node { collective, identity } = subject else { return None };
        let batch = self.gathering.like(payload)?;
        let Read { head, reply_to, .. } = &batch.read;
        (head.collective == *collective).then(|| Entering {
            head: head.clone(),
            target: Target::Directed { identities: vec![identity.to_string()] },
            reply_to: reply_to.clone(),
            payload: batch.payload.clone(),
        })
    }

    /// Gathers a request that is for one node, and sends any other to these regions. Whatever came
    /// before with the same reply subject goes first.
    pub(super) fn gather_or_send(
        &mut self,
        entering: Entering,
        (regions, record): (Vec<RegionId>, RecordId),
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let Entering { head, target, reply_to, payload } = entering;
        if let Target::Directed { identities } = &target
            && let [identity] = identities.as_slice()
            && Coalescer::<Read>::takes(&payload)
        {
            let copy = Copy { payload, reply_to: &reply_to, identity, regions: &regions };
            let read = || Read { head, reply_to: reply_to.clone(), record };
            for batch in self.gathering.add(&copy, now.mono, read).into_iter().flatten() {
                self.send_batch(batch, now, out);
            }
            return;
        }
        self.send_gathered_of(&reply_to, now, out);
        let body = body(&head, target, reply_to, payload);
        for region in regions {
            let began = Began { since: now.mono, record };
            self.send_request(&head, body.clone(), (region, began), now, out);
        }
    }

    /// Sends what is gathered with this reply subject.
    pub(super) fn send_gathered_of(&mut self, reply_to: &str, now: Now, out: &mut Vec<Action>) {
        if let Some(batch) = self.gathering.close(reply_to) {
            self.send_batch(batch, now, out);
        }
    }

    /// Sends everything that is gathered.
    pub(super) fn send_gathered(&mut self, now: Now, out: &mut Vec<Action>) {
        while let Some(batch) = self.gathering.close_next() {
            self.send_batch(batch, now, out);
        }
    }

    /// Sends what has been gathered for long enough.
    pub(super) fn send_gathered_due(&mut self, now: Now, out: &mut Vec<Action>) {
        while let Some(batch) = self.gathering.close_due(now.mono) {
            self.send_batch(batch, now, out);
        }
    }

    fn send_batch(&mut self, batch: Batch<Read>, now: Now, out: &mut Vec<Action>) {
        let Batch { read: Read { head, reply_to, record }, payload, since, identities, .. } = batch;
        for (region, identities) in identities {
            let target = Target::Directed { identities };
            let body = body(&head, target, reply_to.clone(), payload.clone());
            let began = Began { since, record };
            self.send_request(&head, body, (region, began), now, out);
        }
    }
}

fn body(head: &RequestHead, target: Target, reply_to: String, payload: Bytes) -> RequestBody {
    RequestBody {
        request: head.id.clone(),
        collective: head.collective.to_string(),
        target,
        reply_to,
        federated: None,
        payload,
    }
}
