//! Requests whose signatures have to be verified before the policy can decide.
//!
//! Verifying needs keys and time, and happens outside: [`Action::Verify`] orders it,
//! [`crate::Event::Verified`] brings the answer. Until then the request waits, and behind it whatever
//! comes later of the same flow, so that order holds. Copies of a request that was verified lately
//! need no second look.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    Action, DropReason, FromBroker, Gateway, GatewayId, Now, TicketId, gateway::drops::Refused,
    policy::Proof, queue::Queued,
};

/// What may wait, in bytes of payload.
const WAITING_BYTES_MAX: usize = 16 << 20;
/// Signatures that are verified at a time, and flows that wait for one.
pub(crate) const TICKETS_MAX: usize = crate::VERIFYING_MAX;
/// How long anything waits. Verifying takes less than a millisecond, so this is a queue of thousands.
const PATIENCE: Duration = Duration::from_secs(5);
/// Flows whose last verified request is remembered, and the bytes of those requests, the latest aside.
const REMEMBERED_MAX: usize = 1024;
const REMEMBERED_BYTES_MAX: usize = 8 << 20;
/// For how long: a certificate that ends meanwhile is the nodes' to refuse.
const REMEMBERED_FOR: Duration = Duration::from_secs(60);

/// Messages of one flow: those of a client here, or those that one gateway created.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FlowKey {
    /// The gateway that created the frames; `None`: they enter the fabric here.
    pub(super) creator: Option<GatewayId>,
    pub(super) flow: u64,
}

/// Something that waits.
#[derive(Debug)]
pub(super) enum Held {
    Entering(FromBroker),
    Leaving(Box<Queued>),
}

/// Requests that wait for a verdict. Bounds: those above.
#[derive(Debug, Default)]
pub(super) struct Vetting {
    flows: BTreeMap<FlowKey, Waiting>,
    tickets: BTreeMap<TicketId, FlowKey>,
    bytes: usize,
    next_ticket: u64,
    remembered: BTreeMap<FlowKey, Remembered>,
    remembered_bytes: usize,
    /// Flows in `remembered`, the oldest first.
    order: VecDeque<FlowKey>,
}

/// One flow. The first of what it holds is being verified.
#[derive(Debug)]
struct Waiting {
    ticket: TicketId,
    until: Duration,
    held: VecDeque<Held>,
}

#[derive(Debug)]
struct Remembered {
    payload: Bytes,
    proof: Proof,
    until: Duration,
}

impl Held {
    fn payload(&self) -> &Bytes {
        match self {
            Self::Entering(message) => &message.payload,
            Self::Leaving(queued) => queued.frame.end.body.payload(),
        }
    }
}

impl Vetting {
    /// Whether anything of this flow waits: then what follows has to wait too.
    pub(super) fn holds(&self, flow: &FlowKey) -> bool {
        !self.flows.is_empty() && self.flows.contains_key(flow)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flows.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.flows.values().map(|waiting| waiting.until).min()
    }

    /// What is known of a request's signature because its bytes were verified lately.
    pub(super) fn recall(&self, flow: &FlowKey, payload: &Bytes, now: Duration) -> Proof {
        let known = self.remembered.get(flow).filter(|one| one.until > now);
        known.filter(|one| one.payload == *payload).map_or(Proof::Unasked, |one| one.proof)
    }

    /// Lets something wait, behind what waits of its flow or for its own verdict; gives it back where
    /// there is no room.
    pub(super) fn hold(
        &mut self,
        flow: FlowKey,
        held: Held,
        now: Duration,
        out: &mut Vec<Action>,
    ) -> Result<(), Held> {
        let bytes = self.bytes + held.payload().len();
        let known = self.flows.contains_key(&flow);
        if bytes > WAITING_BYTES_MAX || (!known && self.flows.len() >= TICKETS_MAX) {
            return Err(held);
        }
        self.bytes = bytes;
        if let Some(waiting) = self.flows.get_mut(&flow) {
            waiting.held.push_back(held);
            return Ok(());
        }
        self.next_ticket += 1;
        let ticket = TicketId(self.next_ticket);
        out.push(Action::Verify { ticket, payload: held.payload().clone() });
        self.tickets.insert(ticket, flow.clone());
        let waiting = Waiting { ticket, until: now + PATIENCE, held: VecDeque::from([held]) };
        self.flows.insert(flow, waiting);
        Ok(())
    }

    /// Takes out everything that waits with this ticket, and remembers the verdict about the first.
    fn take(&mut self, ticket: TicketId, proof: Proof, now: Duration) -> VecDeque<Held> {
        let Some(flow) = self.tickets.remove(&ticket) else { return VecDeque::new() };
        let Some(waiting) = self.flows.remove(&flow) else { return VecDeque::new() };
        self.bytes -= waiting.held.iter().map(|held| held.payload().len()).sum::<usize>();
        let proof = if proof == Proof::Verified { proof } else { Proof::Refused };
        if let Some(first) = waiting.held.front() {
            // Bytes of its own: what it came in may be much larger.
            let payload = Bytes::copy_from_slice(first.payload());
            let verdict = Remembered { payload, proof, until: now + REMEMBERED_FOR };
            self.remember(flow, verdict, now);
        }
        waiting.held
    }

    fn remember(&mut self, flow: FlowKey, verdict: Remembered, now: Duration) {
        self.remembered_bytes += verdict.payload.len();
        if let Some(before) = self.remembered.insert(flow.clone(), verdict) {
            self.remembered_bytes -= before.payload.len();
            self.order.retain(|one| *one != flow);
        }
        self.order.push_back(flow);
        // The latest stays whatever its size: what waits for it goes on by it.
        while self.order.len() > 1
            && let Some(oldest) = self.order.front()
        {
            let over = self.remembered.get(oldest).is_none_or(|one| one.until <= now);
            let full =
                self.order.len() > REMEMBERED_MAX || self.remembered_bytes > REMEMBERED_BYTES_MAX;
            if !over && !full {
                return;
            }
            if let Some(gone) = self.remembered.remove(oldest) {
                self.remembered_bytes -= gone.payload.len();
            }
            self.order.pop_front();
        }
    }

    /// Takes out what has waited too long.
    fn expire(&mut self, now: Duration) -> Vec<Held> {
        let late = self.flows.values().filter(|waiting| waiting.until <= now);
        let late: Vec<TicketId> = late.map(|waiting| waiting.ticket).collect();
        let mut expired = Vec::new();
        for ticket in late {
            let Some(flow) = self.tickets.remove(&ticket) else { continue };
            expired.extend(self.flows.remove(&flow).into_iter().flat_map(|one| one.held));
        }
        self.bytes -= expired.iter().map(|held| held.payload().len()).sum::<usize>();
        expired
    }
}

impl Gateway {
    /// The verdict about a signature has come: whatever waited for it goes on, in order.
    pub(super) fn on_verified(
        &mut self,
        ticket: TicketId,
        proof: Proof,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        for held in self.vetting.take(ticket, proof, now.mono) {
            match held {
                // What needs a verdict of its own waits again, and what follows behind it.
                Held::Entering(message) => {
                    self.take_message(&message.subject, message.payload, now, out);
                }
                Held::Leaving(queued) if self.broker.is_up() => self.egress(*queued, now, out),
                Held::Leaving(queued) => self.forward(*queued, now, out),
            }
        }
        self.send_gathered(now, out);
    }

    /// Lets something wait for its verdict.
    pub(super) fn vet(&mut self, flow: FlowKey, held: Held, now: Now, out: &mut Vec<Action>) {
        if let Err(held) = self.vetting.hold(flow, held, now.mono, out) {
            self.drop_unvetted(held, now, out);
        }
    }

    pub(super) fn expire_vetting(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.vetting.is_empty() {
            return;
        }
        for held in self.vetting.expire(now.mono) {
            self.drop_unvetted(held, now, out);
        }
    }

    fn drop_unvetted(&mut self, held: Held, now: Now, out: &mut Vec<Action>) {
        let reason = DropReason::VerifierBusy;
        match held {
            Held::Leaving(queued) => self.drop_units(&queued.frame.end, reason, now, out),
            Held::Entering(message) => {
                let size = message.payload.len();
                let subject = message.subject.as_str();
                self.refuse(Refused { reason, subject, request: None, size }, now, out);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_remembered_is_bounded_in_bytes_and_in_time() {
        const SIZE: usize = 3 << 20;
        let mut vetting = Vetting::default();
        let flow = |flow| FlowKey { creator: None, flow };
        let payload = Bytes::from(vec![0; SIZE]);
        let known = |vetting: &Vetting, second: u64| {
            let now = Duration::from_secs(second);
            let known = |one: &u64| vetting.recall(&flow(*one), &payload, now) == Proof::Verified;
            (0..9).filter(known).collect::<Vec<_>>()
        };
        let verify = |vetting: &mut Vetting, one: u64, second: u64| {
            let (now, proof) = (Duration::from_secs(second), Proof::Verified);
            let verdict =
                Remembered { payload: payload.clone(), proof, until: now + REMEMBERED_FOR };
            vetting.remember(flow(one), verdict, now);
        };
        let large = Bytes::from(vec![0; REMEMBERED_BYTES_MAX + 1]);
        let verdict =
            Remembered { payload: large.clone(), proof: Proof::Verified, until: REMEMBERED_FOR };
        vetting.remember(flow(9), verdict, Duration::ZERO);
        let recalled = vetting.recall(&flow(9), &large, Duration::ZERO);
        assert_eq!(recalled, Proof::Verified, "whoever waits for it would ask again for ever");
        (0..4).for_each(|one| verify(&mut vetting, one, 0));
        assert_eq!((known(&vetting, 0), vetting.remembered_bytes), (vec![2, 3], 2 * SIZE));
        verify(&mut vetting, 2, 30);
        assert_eq!((known(&vetting, 30), vetting.remembered_bytes), (vec![2, 3], 2 * SIZE));
        verify(&mut vetting, 4, 60);
        assert_eq!((known(&vetting, 60), vetting.remembered_bytes), (vec![2, 4], 2 * SIZE));
    }
}
