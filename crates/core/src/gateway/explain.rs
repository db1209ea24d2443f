//! The decision about a message, explained without taking it. What is asked are the functions that
//! act: [`Gateway::read_request`], [`Gateway::decide`], [`Gateway::read_federated`],
//! [`Gateway::read_target`], [`Gateway::read_reply`] and [`next_step`](crate::routes::next_step).

mod checks;
mod federated;
mod reply;
mod suppose;
mod way;

use std::time::Duration;

use antiphon_wire::{CallerId, Collective, RequestHead, RequestId, Subject, Transport, Version};
use bytes::Bytes;

use self::{
    checks::{check, describe, failed, hint_detail, malformed, no_message, passed, rules, unheard},
    suppose::Supposed,
    way::{Outgoing, Scene},
};
use crate::{
    CandidateView, CheckResult, DropReason, ExplainAsked, ExplainError, Explanation, Gateway,
    GatewayId, HintSaid, Interest, MessageKind, Now, RegionId, Rejection, STARTUP_SUBJECT, Target,
    Verdict,
    gateway::{
        decide::{Asked, Entering, Will},
        ingress::addressed,
        policing::{Known, Wanted},
        vetting::FlowKey,
    },
    policy::{Policy, Proof},
};

/// What is not said is taken to be this.
const AGENT: &str = "discovery";
const CALLER: &str = "choria=unknown";
/// Stands for the reply subject that is not known; decides among equal next hops.
const REPLY_TO: &str = "mcollective.reply.unknown";

/// What is asked, and of what.
#[derive(Clone, Copy, Debug)]
struct Asking<'a> {
    asked: &'a ExplainAsked,
    parsed: &'a Subject,
    supposed: &'a Supposed<'a>,
    now: Now,
}

/// How far a message came: to its candidates, or not.
type Came = Result<(), DropReason>;

impl Gateway {
    /// Says what would become of a message that is published on this subject, step by step, by the
    /// functions that decide it. Nothing is changed.
    ///
    /// Where the decision waits for somebody (a signature to be verified, the brokers to say whether a
    /// local service listens) a check says so, and the rest is told as if the answer were good.
    ///
    /// For a message of another region the answer is what the adverts say: that region's own rules are
    /// not known here.
    ///
    /// # Errors
    /// A name that nobody has advertised, or a text that cannot stand where it does.
    pub fn explain(&self, asked: &ExplainAsked, now: Now) -> Result<Explanation, ExplainError> {
        let from = asked.from.clone().unwrap_or_else(|| self.region().clone());
        let orders = |policy: &Policy| self.ordered.under(policy, self.region());
        let supposed = Supposed::new(self.routes.graph(), &asked.what_if, orders)?;
        let entry = self.entry(&from, &supposed)?;
        let parsed = Subject::parse(&asked.subject);
        let parsed = parsed.map_err(|error| ExplainError::Illegal(error.to_string()))?;
        let (caller, request) = named_in(asked);
        let mut explanation = Explanation {
            subject: asked.subject.clone(),
            kind: self.kind(&asked.subject, &parsed, &from),
            caller,
            request,
            first_hand: entry == self.me.gateway,
            table_version: self.routes.version(),
            checks: Vec::new(),
            candidates: Vec::new(),
            refused: None,
            hold: self.config.periods.hold,
            from,
            entry,
        };
        let asking = Asking { asked, parsed: &parsed, supposed: &supposed, now };
        let came = match explanation.kind {
            MessageKind::Request => self.explain_request(asking, &mut explanation)?,
            MessageKind::Federated => self.explain_federated(asking, &mut explanation)?,
            MessageKind::Reply => self.explain_reply(asking, &mut explanation),
        };
        explanation.refused = came.err();
        Ok(explanation)
    }

    /// The gateway that is taken to be the one that takes the message.
    fn entry(&self, from: &RegionId, supposed: &Supposed<'_>) -> Result<GatewayId, ExplainError> {
        if from == self.region() && !supposed.is_gone(&self.me.gateway) {
            return Ok(self.me.gateway.clone());
        }
        let mut entries = supposed.graph().entries(from);
        let entry = entries.find(|gateway| !supposed.is_gone(gateway));
        entry.cloned().ok_or_else(|| ExplainError::NoEntry(from.clone()))
    }

    fn kind(&self, subject: &str, parsed: &Subject, from: &RegionId) -> MessageKind {
        match parsed {
            Subject::FederationReply { .. } if from != self.region() => MessageKind::Reply,
            _ if from == self.region() && self.reply_subjects.contains(subject) => {
                MessageKind::Reply
            }
            Subject::FederationRequest { .. } => MessageKind::Federated,
            Subject::Broadcast { .. }
            | Subject::Service { .. }
            | Subject::Node { .. }
            | Subject::Reply(_)
            | Subject::FederationReply { .. }
            | Subject::Lifecycle { .. }
            | Subject::Other(_) => MessageKind::Request,
        }
    }

    fn explain_request(
        &self,
        asking: Asking<'_>,
        explanation: &mut Explanation,
    ) -> Result<Came, ExplainError> {
        if asking.asked.subject == STARTUP_SUBJECT {
            let detail = "a node has started: learned from, and carried nowhere";
            passed(&mut explanation.checks, "subject", detail.to_owned());
            return Ok(Ok(()));
        }
        let entering = match self.read(asking, explanation)? {
            Ok(entering) => entering,
            Err(reason) => return Ok(Err(reason)),
        };
        Ok(match self.known(asking, &entering, explanation) {
            Ok(known) => self.explain_decision(asking, &entering, &known, explanation),
            Err(reason) => Err(failed(&mut explanation.checks, "rules", "", reason)),
        })
    }

    /// The checks before anybody decides where the message goes.
    fn read(
        &self,
        asking: Asking<'_>,
        explanation: &mut Explanation,
    ) -> Result<Result<Entering, DropReason>, ExplainError> {
        let Asking { asked, parsed, .. } = asking;
        let checks = &mut explanation.checks;
        let (collective, target) = match addressed(parsed) {
            Ok(addressed) => addressed,
            Err(reason) => return Ok(Err(failed(checks, "subject", unheard(parsed), reason))),
        };
        passed(checks, "subject", describe(collective, &target));
        let from = &explanation.from;
        if !self.exports(from, collective) {
            let detail = format!("region {from} does not export the collective {collective}");
            return Ok(Err(failed(checks, "export", &detail, DropReason::NotExported)));
        }
        passed(checks, "export", format!("region {from} exports the collective {collective}"));
        let Some(payload) = &asked.payload else {
            checks.push(no_message());
            return supposed_request(asked, collective, target).map(Ok);
        };
        Ok(match self.read_request(parsed, payload.clone()) {
            Ok(entering) => {
                passed(checks, "message", "a well-formed request".to_owned());
                Ok(entering)
            }
            Err(refusal) => {
                Err(malformed(checks, payload, self.config.limits.frame_bytes_max, &refusal))
            }
        })
    }

    /// What is found out about a request besides its head. One that was only described has the caller
    /// and the action that were said.
    fn known(
        &self,
        asking: Asking<'_>,
        entering: &Entering,
        explanation: &mut Explanation,
    ) -> Result<Known, DropReason> {
        let Asking { asked, now, .. } = asking;
        let Entering { head, payload, reply_to, .. } = entering;
        let ours = explanation.from == *self.region();
        let to = self.holding(&head.collective).filter(|_| ours);
        let checks = &mut explanation.checks;
        let mut known = self.learned(asking, (head, reply_to, payload), to, checks)?;
        let service = matches!(entering.target, Target::Service { .. }) && ours;
        if service && self.asks_brokers(&asked.subject, payload, now.mono) {
            known.service = Some(Interest::Absent);
            let detail = "the brokers would be asked for a local service: told is what follows \
                where there is none";
            checks.push(check("service", CheckResult::Unknown, detail.to_owned()));
        }
        Ok(known)
    }

    /// What the rules want to know of a request that goes to these regions.
    fn learned<'r>(
        &self,
        asking: Asking<'_>,
        (head, reply_to, payload): (&RequestHead, &str, &Bytes),
        to: impl Iterator<Item = &'r RegionId> + Clone,
        checks: &mut Vec<crate::Check>,
    ) -> Result<Known, DropReason> {
        let Asking { asked, now, .. } = asking;
        let policy = self.will_in(asking).policy;
        let mut unproved = |detail: String| {
            checks.push(check("signature", CheckResult::Unknown, detail));
        };
        if asked.payload.is_none() {
            let proof = if asked.caller.is_some() { Proof::Verified } else { Proof::Refused };
            if policy.export.rules.iter().any(|rule| !rule.callers.is_empty()) {
                unproved(match &asked.caller {
                    Some(caller) => format!("taken to prove that {caller} calls"),
                    None => "nobody was said to call: taken to prove nobody".to_owned(),
                });
            }
            return Ok(Known { action: Some(asked.action.clone()), ..Known::head(proof, now) });
        }
        let flow = FlowKey { creator: None, flow: self.flow(reply_to) };
        let mut known = Known::head(self.vetting.recall(&flow, payload, now.mono), now);
        let request = (head, payload);
        if self.learn_under(policy, &mut known, request, to.clone())? == Wanted::Proof {
            unproved(format!(
                "it would be verified first: taken to prove that {} calls",
                head.caller
            ));
            known.proof = Proof::Verified;
            self.learn_under(policy, &mut known, request, to)?;
        }
        Ok(known)
    }

    /// What is supposed to be in force, or is.
    fn will_in<'a>(&'a self, asking: Asking<'a>) -> Will<'a> {
        asking.supposed.will().unwrap_or(self.will())
    }

    fn exports(&self, region: &RegionId, collective: &Collective) -> bool {
        if region == self.region() {
            return self.config.export.contains(collective);
        }
        let mut offers = self.database.offers();
        offers.any(|(one, offer)| one == region && offer.collectives.contains(collective))
    }

    fn explain_decision(
        &self,
        asking: Asking<'_>,
        entering: &Entering,
        known: &Known,
        explanation: &mut Explanation,
    ) -> Came {
        let Asking { supposed, now, .. } = asking;
        let (head, target) = (&entering.head, &entering.target);
        let origin = explanation.from.clone();
        let scene = Scene::new(supposed, explanation);
        let (will, table) = (self.will_in(asking), Some(&scene.table));
        let asked = Asked { head, origin: &origin, target, known, will, table };
        let decision = self.decide(&asked);
        let ours = origin == *self.region();
        let refused = decision.refused.as_ref();
        explanation.checks.extend(rules(refused, &asked, ours));
        let outgoing = Outgoing::request(head, target.clone(), &entering.reply_to);
        let view = |region: &RegionId, verdict: &Verdict| {
            let hint = self.hint_said(region, head, target, now);
            let rejection = match verdict {
                Verdict::Accepted => None,
                Verdict::Rejected(rejection) => Some(rejection.clone()),
            };
            let detail = match &rejection {
                Some(Rejection::NotThere { .. }) => hint_detail(hint),
                Some(rejection) => rejection.to_string(),
                None if ours => self.lets_go(&asked, region),
                None => "it holds the collective".to_owned(),
            };
            let way = rejection.is_none().then(|| self.way(&scene, &outgoing, region));
            CandidateView {
                region: region.clone(),
                why: rejection.as_ref().map_or("", |one| one.label()).to_owned(),
                detail: detail + &self.passes_rules(&origin, region, way.as_ref()),
                hint,
                way,
                rejection,
            }
        };
        let candidates = &decision.candidates;
        let views = candidates.iter().map(|one| view(&one.region, &one.verdict)).collect();
        explanation.candidates = views;
        decision.refusal().map_or(Ok(()), Err)
    }

    /// What is known of the node that is asked.
    fn hint_said(
        &self,
        region: &RegionId,
        head: &RequestHead,
        target: &Target,
        now: Now,
    ) -> Option<HintSaid> {
        let Target::Directed { identities } = target else { return None };
        let [identity] = identities.as_slice() else { return None };
        let hint = self.hint(region, &head.collective, identity);
        let age = (!hint.read.is_zero()).then(|| now.unix.saturating_sub(hint.read));
        Some(HintSaid { holding: hint.holding, age })
    }
}

/// The caller and the request id that a message names, however wrong it is otherwise.
fn named_in(asked: &ExplainAsked) -> (Option<String>, Option<String>) {
    let Some(payload) = &asked.payload else { return (asked.caller.clone(), None) };
    let head = Transport::decode(payload.clone()).ok().and_then(|one| one.request_head().ok());
    let head = head.map(|head| (head.caller.to_string(), head.id.to_string()));
    head.unzip()
}

/// A well-formed request on a subject, as far as it is said what it is like.
fn supposed_request(
    asked: &ExplainAsked,
    collective: &Collective,
    target: Target,
) -> Result<Entering, ExplainError> {
    let illegal = |error: antiphon_wire::IdError| ExplainError::Illegal(error.to_string());
    let agent = match &target {
        Target::Broadcast { agent } | Target::Service { agent } => agent.as_str(),
        Target::Directed { .. } => asked.agent.as_deref().unwrap_or(AGENT),
    };
    let caller = asked.caller.as_deref().unwrap_or(CALLER);
    let head = RequestHead {
        version: Version::V1,
        id: RequestId::try_from("0".repeat(32)).map_err(illegal)?,
        caller: CallerId::try_from(caller).map_err(illegal)?,
        collective: collective.clone(),
        agent: agent.parse().map_err(illegal)?,
        ttl: Duration::from_secs(60),
        time: Duration::ZERO,
    };
    Ok(Entering { head, target, reply_to: REPLY_TO.to_owned(), payload: Bytes::new() })
}
