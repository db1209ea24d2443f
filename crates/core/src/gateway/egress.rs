//! Messages that leave the fabric here: subjects built anew from typed tokens, headers edited, the
//! mark set.

use std::sync::Arc;

use antiphon_wire::{
    Agent, Collective, Federation, NodeSubjects, ReplySubject, Subject, Transport,
    legal_publish_subject,
};
use bytes::Bytes;

use crate::{
    Action, Body, Creator, DropReason, EndToEnd, Gateway, Now, Outcome, ReplyBody, RequestBody,
    Target, UnitId,
    gateway::{
        ingress::{agrees, refusal_of, refusal_of_request},
        policing::Wanted,
        vetting::{FlowKey, Held},
    },
    queue::Queued,
    return_address::{ClientKind, ReturnAddress},
    subject_pattern,
};

/// A request that is to be published.
enum Checked {
    Good(Transport),
    /// It depends on its signature, or on that of an earlier one of its flow.
    Unproved(FlowKey),
}

/// What NATS headers add to a payload, the mark's value apart: version line, name, line ends.
const MARK_BYTES: usize = "NATS/1.0\r\n".len() + crate::MARK.len() + ": \r\n\r\n".len();

impl Gateway {
    /// Publishes a frame of our region, and ends its units: some at once, the others when the broker
    /// has confirmed.
    pub(super) fn egress(&mut self, queued: Queued, now: Now, out: &mut Vec<Action>) {
        let end = &queued.frame.end;
        if queued.expires <= now.mono {
            return self.drop_units(end, DropReason::Expired, now, out);
        }
        let mark = self.broker.mark(&end.creator);
        let edited = match &end.body {
            Body::Request(request) => match self.check_request(end, request, now) {
                Ok(Checked::Good(transport)) => {
                    self.edit_request(&end.creator, request, &transport)
                }
                Ok(Checked::Unproved(flow)) => {
                    return self.vet(flow, Held::Leaving(Box::new(queued)), now, out);
                }
                Err(reason) => Err(reason),
            },
            Body::Reply(reply) => self.edit_reply(reply),
        };
        let edited = match edited.and_then(|edited| self.fitting(edited, &mark)) {
            Ok(edited) => edited,
            Err(reason) => return self.drop_units(end, reason, now, out),
        };
        let mut published = 0;
        for (index, subject) in self.subjects(&end.body).into_iter().enumerate() {
            let unit = UnitId(end.unit.0.saturating_add(index as u64));
            match subject {
                Ok(subject) => {
                    published += 1;
                    let bytes = (subject.len() + edited.len()) as u64;
                    self.broker.published(&end.creator, unit, &subject, bytes);
                    let (mark, payload) = (Arc::clone(&mark), edited.clone());
                    out.push(Action::Publish { subject, mark, payload });
                }
                Err(reason) => {
                    self.note_not_returned(end, reason, now);
                    self.ended_units(end, unit, 1, Outcome::Dropped(reason), now);
                    self.note_drop_of(end, 1, reason, now, out);
                }
            }
        }
        self.note_published(end, published, now);
    }

    /// Whether a request may be published here: what it is, and what our policy says of it.
    fn check_request(
        &mut self,
        end: &EndToEnd,
        request: &RequestBody,
        now: Now,
    ) -> Result<Checked, DropReason> {
        let collective = Collective::try_from(request.collective.as_str())
            .map_err(|_| DropReason::TokenInvalid)?;
        if !self.config.export.contains(&collective) {
            return Err(DropReason::NotAccepted);
        }
        let transport = Transport::decode(request.payload.clone())
            .map_err(|error| refusal_of(error.kind()).reason)?;
        let head =
            transport.request_head().map_err(|error| refusal_of_request(error.kind()).reason)?;
        agrees(&head, &collective, &request.target)?;
        legal_publish_subject(&request.reply_to).map_err(|_| DropReason::ReplySubjectRefused)?;
        self.unhalted_leaving(end, &head)?;
        let flow = FlowKey { creator: Some(end.creator.gateway.clone()), flow: end.flow };
        if self.vetting.holds(&flow) {
            return Ok(Checked::Unproved(flow));
        }
        let proof = self.vetting.recall(&flow, &request.payload, now.mono);
        Ok(match self.let_in(end, &head, proof, now)? {
            Wanted::Proof => Checked::Unproved(flow),
            Wanted::Nothing => Checked::Good(transport),
        })
    }

    /// The request with our region's reply subject and the way back in its headers.
    fn edit_request(
        &self,
        creator: &Creator,
        request: &RequestBody,
        transport: &Transport,
    ) -> Result<Bytes, DropReason> {
        let collective = Collective::try_from(request.collective.as_str())
            .map_err(|_| DropReason::TokenInvalid)?;
        let client = match request.federated {
            Some(_) => ClientKind::Federated,
            None => ClientKind::Plain,
        };
        let address = ReturnAddress {
            region: creator.region.clone(),
            gateway: creator.gateway.clone(),
            client,
            reply_to: request.reply_to.clone(),
        };
        let federation = Federation {
            request: request.request.to_string(),
            reply_to: address.pack(),
            targets: Vec::new(),
        };
        let reply_to = self.reply_subject(&collective);
        let edit = transport.edit().reply_to(Some(&reply_to)).federation(Some(&federation));
        let edit = match &request.federated {
            Some(url) => edit.append_seen_by([url, self.me.gateway.as_str(), self.broker.url()]),
            None => edit,
        };
        Ok(edit.finish())
    }

    /// The reply as its client expects it.
    fn edit_reply(&self, reply: &ReplyBody) -> Result<Bytes, DropReason> {
        let transport = Transport::decode(reply.payload.clone())
            .map_err(|error| refusal_of(error.kind()).reason)?;
        Ok(match &reply.federated {
            Some(url) => transport
                .edit()
                .append_seen_by([url, self.me.gateway.as_str(), self.broker.url()])
                .finish(),
            None => transport.into_payload(),
        })
    }

    fn fitting(&self, payload: Bytes, mark: &str) -> Result<Bytes, DropReason> {
        let max = self.broker.info.as_ref().map_or(0, |info| info.max_payload);
        let size = payload.len() + MARK_BYTES + mark.len();
        if size as u64 > max { Err(DropReason::PayloadTooLarge) } else { Ok(payload) }
    }

    /// The subject of each unit, or why there is none.
    fn subjects(&self, body: &Body) -> Vec<Result<String, DropReason>> {
        match body {
            Body::Reply(reply) => vec![self.client_subject(&reply.subject)],
            Body::Request(request) => match &request.target {
                Target::Directed { identities } => {
                    let invalid = DropReason::TokenInvalid;
                    let collective = Collective::try_from(request.collective.as_str());
                    let subjects = collective.map(|collective| NodeSubjects::of(&collective));
                    let subject = |one: &String| match &subjects {
                        Ok(subjects) => subjects.node(one).map_err(|_| invalid),
                        Err(_) => Err(invalid),
                    };
                    identities.iter().map(subject).collect()
                }
                Target::Broadcast { agent } => {
                    vec![agent_subject(&request.collective, agent, |collective, agent| {
                        Subject::Broadcast { collective, agent }
                    })]
                }
                Target::Service { agent } => {
                    vec![agent_subject(&request.collective, agent, |collective, agent| {
                        Subject::Service { collective, agent }
                    })]
                }
            },
        }
    }

    /// A node could forge the address it returns: replies go out on the exact shape of a client's
    /// reply subject and on what is configured, nowhere else.
    fn client_subject(&self, subject: &str) -> Result<String, DropReason> {
        if ReplySubject::is_legal(subject) {
            return Ok(subject.to_owned());
        }
        let legal = legal_publish_subject(subject).is_ok() && !is_reserved(subject);
        let configured = self.config.reply_subjects.iter();
        if legal && configured.into_iter().any(|one| subject_pattern::matches(one, subject)) {
            Ok(subject.to_owned())
        } else {
            Err(DropReason::ReplySubjectRefused)
        }
    }
}

/// Subjects on which no reply goes out, whatever is configured: requests, the broker's own, streams,
/// inboxes, and federation.
fn is_reserved(subject: &str) -> bool {
    let request = match Subject::parse(subject) {
        Ok(Subject::Broadcast { .. } | Subject::Service { .. } | Subject::Node { .. }) => true,
        Ok(Subject::FederationRequest { .. } | Subject::FederationReply { .. }) => true,
        Ok(Subject::Reply(_) | Subject::Lifecycle { .. } | Subject::Other(_)) | Err(_) => false,
    };
    let first = subject.split('.').next().unwrap_or_default();
    let second = subject.split('.').nth(1).unwrap_or_default();
    let own = first == "antiphon" || (first == "choria" && second == "federation");
    let addressed = second == "broadcast" || second == "node";
    request || own || addressed || first.starts_with('$') || first == "_INBOX"
}

fn agent_subject(
    collective: &str,
    agent: &str,
    build: impl FnOnce(Collective, Agent) -> Subject,
) -> Result<String, DropReason> {
    let collective = Collective::try_from(collective).map_err(|_| DropReason::TokenInvalid)?;
    let agent = Agent::try_from(agent).map_err(|_| DropReason::TokenInvalid)?;
    Ok(build(collective, agent).to_string())
}
