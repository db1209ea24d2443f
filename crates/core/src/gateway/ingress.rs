//! Requests that enter the fabric here.

use std::time::Duration;

use antiphon_wire::{Collective, FaultKind, RequestHead, Subject};
use bytes::Bytes;

use crate::{
    Action, Body, DropReason, EndToEnd, Frame, FromBroker, Gateway, GatewayId, Hop, Now, RegionId,
    RequestBody, STARTUP_SUBJECT, Target,
    account::{TallyKey, UnitKind},
    gateway::{
        decide::{Asked, Entering},
        drops::Refused,
        policing::{Known, Wanted},
        vetting::{FlowKey, Held},
    },
    hash,
    queue::Queued,
    records::RecordId,
};

/// What is common to all frames that one message becomes.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) kind: UnitKind,
    pub(super) collective: Option<Collective>,
    pub(super) prefer: Option<crate::GatewayId>,
    pub(super) flow: u64,
    pub(super) lifetime: Duration,
    /// When the message came.
    pub(super) since: Duration,
    /// Where it is written down what becomes of it.
    pub(super) record: Option<RecordId>,
    pub(super) body: Body,
}

/// Of a request, or of the first of its copies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Began {
    /// When it came.
    pub(super) since: Duration,
    /// Where it is written down what becomes of it.
    pub(super) record: RecordId,
}

impl Gateway {
    /// A message from the region's broker.
    pub(super) fn on_broker(&mut self, message: FromBroker, now: Now, out: &mut Vec<Action>) {
        if message.mark.is_some() {
            self.drops.marked += 1; // It came out of the fabric.
            return;
        }
        let FromBroker { subject, payload, more, .. } = message;
        self.take_message(&subject, payload, now, out);
        if !more {
            self.send_gathered(now, out); // A batch does not wait for what may never come.
        }
    }

    /// A message that did not come out of the fabric.
    pub(super) fn take_message(
        &mut self,
        subject: &str,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if subject == STARTUP_SUBJECT {
            return self.on_startup(&payload, now);
        }
        if self.reply_subjects.contains(subject) {
            return self.on_reply(subject, payload, now, out);
        }
        let size = payload.len();
        let result = match Subject::parse(subject) {
            Ok(Subject::FederationRequest { cluster }) => {
                self.on_federated(subject, cluster.as_str(), payload, now, out)
            }
            Err(_) => Err(DropReason::NotExported.into()),
            Ok(Subject::Service { .. }) => {
                if let Err(payload) = self.wait_for_interest(subject, payload, now, out) {
                    self.take_request(subject, payload, now, out);
                }
                return;
            }
            Ok(parsed) => self.on_request(subject, &parsed, payload, now, out),
        };
        self.note_refusal(result, subject, size, now, out);
    }

    /// A message on a request subject that is to be decided about now.
    pub(super) fn take_request(
        &mut self,
        subject: &str,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let size = payload.len();
        let result = match Subject::parse(subject) {
            Ok(parsed) => self.on_request(subject, &parsed, payload, now, out),
            Err(_) => Err(DropReason::NotExported.into()),
        };
        self.note_refusal(result, subject, size, now, out);
    }

    fn note_refusal(
        &mut self,
        result: Result<(), Refusal>,
        subject: &str,
        size: usize,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if let Err(Refusal { reason, request }) = result {
            let request = request.as_deref();
            if let Some(request) = request {
                self.account.records_mut().refused(request, reason, now);
            }
            self.refuse(Refused { reason, subject, request, size }, now, out);
        }
    }

    fn on_request(
        &mut self,
        subject: &str,
        parsed: &Subject,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let entering = match self.read_before(parsed, &payload) {
            Some(entering) => entering,
            None => self.read_request(parsed, payload)?,
        };
        let Entering { head, target, reply_to, payload } = &entering;
        let refuse = |reason| Refusal { reason, request: Some(head.id.to_string()) };
        let flow = FlowKey { creator: None, flow: self.flow(reply_to) };
        let proof = self.vetting.recall(&flow, payload, now.mono);
        let mut known = Known::head(proof, now);
        let to = self.holding(&head.collective);
        let wanted = self.learn_for_export(&mut known, head, payload, to).map_err(refuse)?;
        if wanted == Wanted::Proof || self.vetting.holds(&flow) {
            let (subject, payload) = (subject.to_owned(), payload.clone());
            let message = FromBroker { subject, mark: None, payload, more: false };
            self.vet(flow, Held::Entering(message), now, out);
            return Ok(());
        }
        let (origin, table) = (self.region(), self.routes.peek(self.region()));
        let will = self.will();
        let asked = Asked { head, origin, target, known: &known, will, table };
        let decision = self.decide(&asked);
        let records = self.account.records_mut();
        let record = records.asked(head, target, &decision.candidates, now);
        self.let_out(&known, head, decision.judged(), 1);
        if let Some(reason) = decision.refusal() {
            return Err(refuse(reason));
        }
        self.charge_caller(&known, head, 1);
        let regions = decision.accepted().cloned().collect();
        self.gather_or_send(entering, (regions, record), now, out);
        Ok(())
    }

    /// Creates the frame of a request for one region. What came before with the same reply subject
    /// must have been sent.
    pub(super) fn send_request(
        &mut self,
        head: &RequestHead,
        body: RequestBody,
        (region, began): (RegionId, Began),
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let draft = Draft {
            kind: UnitKind::Request,
            collective: Some(head.collective.clone()),
            prefer: None,
            flow: self.flow(&body.reply_to),
            lifetime: head.ttl.min(self.config.periods.lifetime_max),
            since: began.since,
            record: Some(began.record),
            body: Body::Request(body),
        };
        self.create(draft, region, now, out);
    }

    /// Creates the units of one frame for one region, and sends it on its way.
    pub(super) fn create(&mut self, draft: Draft, to: RegionId, now: Now, out: &mut Vec<Action>) {
        let Draft { kind, collective, prefer, flow, lifetime, since, record, body } = draft;
        let key = TallyKey { to: to.clone(), kind, collective };
        let deadline = now.mono + self.config.periods.receipt_timeout;
        let unit = self.account.create(key, body.units(), deadline, record);
        let end = EndToEnd {
            creator: self.me.clone(),
            unit: unit.unwrap_or_default(),
            to,
            prefer,
            flow,
            lifetime,
            body,
        };
        if unit.is_none() {
            let count = end.body.units();
            return self.note_drop_of(&end, count, DropReason::AccountFull, now, out);
        }
        let hop = Hop {
            limit: self.config.limits.hops,
            visited: vec![self.me.gateway.clone()],
            age: Duration::ZERO,
        };
        let frame = Frame { hop, end, verbatim: None };
        let expires = since + lifetime;
        let queued = Queued { weight: frame.weight(), frame, since, expires };
        self.forward(queued, now, out);
    }

    pub(super) fn flow(&self, reply_to: &str) -> u64 {
        flow_of(&self.me.gateway, reply_to)
    }
}

/// What keeps the frames of one client's run on one path.
pub(super) fn flow_of(entry: &GatewayId, reply_to: &str) -> u64 {
    hash::fnv1a_of(&[entry.as_str().as_bytes(), b"/", reply_to.as_bytes()])
}

/// What a fault in a transport is called when the message is dropped for it.
pub(super) fn refusal_of(fault: FaultKind) -> Refusal {
    let reason = match fault {
        FaultKind::TooLarge => DropReason::FrameTooLarge,
        FaultKind::NotJson | FaultKind::BadField | FaultKind::HashMismatch => {
            DropReason::NotTransport
        }
        FaultKind::TooDeep => DropReason::TooDeep,
        FaultKind::AmbiguousKey => DropReason::AmbiguousJson,
        FaultKind::UnknownProtocol => DropReason::UnknownProtocol,
        FaultKind::HeadersMissing => DropReason::HeadersMissing,
    };
    reason.into()
}

/// The same for the signed request inside a transport.
pub(super) fn refusal_of_request(fault: FaultKind) -> Refusal {
    let refusal = refusal_of(fault);
    let unreadable = refusal.reason == DropReason::NotTransport;
    if unreadable { DropReason::RequestUnreadable.into() } else { refusal }
}

/// Why a message was refused before routing.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: DropReason,
    pub(super) request: Option<String>,
}

impl From<DropReason> for Refusal {
    fn from(reason: DropReason) -> Self {
        Self { reason, request: None }
    }
}

/// The collective and the target of a request subject.
pub(super) fn addressed(subject: &Subject) -> Result<(&Collective, Target), DropReason> {
    match subject {
        Subject::Broadcast { agent, .. } if agent.as_str() == "registration" => {
            Err(DropReason::Registration)
        }
        Subject::Broadcast { collective, agent } => {
            Ok((collective, Target::Broadcast { agent: agent.to_string() }))
        }
        Subject::Service { collective, agent } => {
            Ok((collective, Target::Service { agent: agent.to_string() }))
        }
        Subject::Node { collective, identity } => {
            Ok((collective, Target::Directed { identities: vec![identity.to_string()] }))
        }
        Subject::Reply(_)
        | Subject::FederationRequest { .. }
        | Subject::FederationReply { .. }
        | Subject::Lifecycle { .. }
        | Subject::Other(_) => Err(DropReason::NotExported),
    }
}

/// Nodes dispatch by the envelope: the subject must say the same.
pub(super) fn agrees(
    head: &RequestHead,
    collective: &Collective,
    target: &Target,
) -> Result<(), DropReason> {
    let same = head.collective == *collective
        && match target {
            Target::Broadcast { agent } | Target::Service { agent } => head.agent.as_str() == agent,
            Target::Directed { .. } => true,
        };
    if same { Ok(()) } else { Err(DropReason::SubjectMismatch) }
}
