//! The decision about a message, explained without taking it. What is asked are the functions that
//! act: [`Gateway::read_request`], [`Gateway::decide`] and [`next_step`].

mod suppose;

use std::{collections::BTreeSet, time::Duration};

use antiphon_wire::{CallerId, Collective, RequestHead, RequestId, Subject, Version};
use bytes::Bytes;

use self::suppose::Supposed;
use crate::{
    Body, CandidateView, Check, CheckResult, Creator, DropReason, EndToEnd, ExplainAsked,
    ExplainError, Explanation, Frame, Gateway, GatewayId, Hop, NextStep, Now, RegionId, Rejection,
    RequestBody, Target, UnitId, Verdict, WayThere,
    gateway::{
        decide::{Asked, Decision, Entering},
        ingress::{addressed, flow_of},
        peer::Peer,
        policing::Known,
        vetting::FlowKey,
    },
    policy::Proof,
    routes::{Here, Step, Table, next_step},
};

/// What is not said is taken to be this.
const AGENT: &str = "discovery";
const CALLER: &str = "choria=unknown";
/// Stands for the reply subject that is not known; decides among equal next hops.
const REPLY_TO: &str = "mcollective.reply.unknown";

impl Gateway {
    /// Says what would become of a message that is published on this subject, step by step, by the
    /// functions that decide it. Nothing is changed.
    ///
    /// For a message of another region the answer is what the adverts say: that region's own rules are
    /// not known here.
    ///
    /// # Errors
    /// A name that nobody has advertised, or a text that cannot stand where it does.
    pub fn explain(&self, asked: &ExplainAsked, now: Now) -> Result<Explanation, ExplainError> {
        let from = asked.from.clone().unwrap_or_else(|| self.region().clone());
        let supposed = Supposed::new(self.routes.graph(), &asked.what_if)?;
        let entry = self.entry(&from, &supposed)?;
        let mut explanation = Explanation {
            subject: asked.subject.clone(),
            first_hand: entry == self.me.gateway,
            table_version: self.routes.version(),
            checks: Vec::new(),
            candidates: Vec::new(),
            refused: None,
            hold: self.config.periods.hold,
            from,
            entry,
        };
        match self.read(asked, &mut explanation)? {
            Ok(entering) => {
                let found = self.known(asked, &entering, now);
                match found {
                    Ok(known) => {
                        self.explain_decision(&entering, &known, &supposed, &mut explanation);
                    }
                    Err(reason) => {
                        explanation.refused =
                            Some(failed(&mut explanation.checks, "rules", reason));
                    }
                }
            }
            Err(reason) => explanation.refused = Some(reason),
        }
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

    /// The checks before anybody decides where the message goes.
    fn read(
        &self,
        asked: &ExplainAsked,
        explanation: &mut Explanation,
    ) -> Result<Result<Entering, DropReason>, ExplainError> {
        let checks = &mut explanation.checks;
        let parsed = Subject::parse(&asked.subject);
        let parsed = parsed.map_err(|error| ExplainError::Illegal(error.to_string()))?;
        let (collective, target) = match addressed(&parsed) {
            Ok(addressed) => addressed,
            Err(reason) => return Ok(Err(failed(checks, "subject", reason))),
        };
        passed(checks, "subject", describe(collective, &target));
        if !self.exports(&explanation.from, collective) {
            return Ok(Err(failed(checks, "export", DropReason::NotExported)));
        }
        let from = &explanation.from;
        passed(checks, "export", format!("region {from} exports the collective {collective}"));
        let Some(payload) = &asked.payload else {
            let detail = "no message was given: taken to be well formed".to_owned();
            checks.push(check("message", CheckResult::Unknown, detail));
            return supposed_request(asked, collective, target).map(Ok);
        };
        Ok(match self.read_request(&parsed, payload.clone()) {
            Ok(entering) => {
                let detail = format!("request {} of {}", entering.head.id, entering.head.caller);
                passed(checks, "message", detail);
                Ok(entering)
            }
            Err(refusal) => Err(failed(checks, "message", refusal.reason)),
        })
    }

    /// What is found out about a request besides its head. One that was only described has the caller
    /// and the action that were said.
    fn known(
        &self,
        asked: &ExplainAsked,
        entering: &Entering,
        now: Now,
    ) -> Result<Known, DropReason> {
        if asked.payload.is_none() {
            let action = Some(asked.action.clone());
            let proof = if asked.caller.is_some() { Proof::Verified } else { Proof::Refused };
            return Ok(Known { action, proof, at: now.mono });
        }
        let (head, payload) = (&entering.head, &entering.payload);
        let flow = FlowKey { creator: None, flow: self.flow(&entering.reply_to) };
        let mut known = Known::head(self.vetting.recall(&flow, payload, now.mono), now);
        let to = self.holding(&head.collective);
        self.learn_for_export(&mut known, head, payload, to)?;
        Ok(known)
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
        entering: &Entering,
        known: &Known,
        supposed: &Supposed<'_>,
        explanation: &mut Explanation,
    ) {
        let (head, target) = (&entering.head, &entering.target);
        let origin = explanation.from.clone();
        let table = supposed.graph().table(&explanation.entry, &origin);
        let policy = supposed.policy().unwrap_or(self.policy());
        let asked = Asked { head, origin: &origin, target, known, policy, table: Some(&table) };
        let Decision { refused, candidates } = self.decide(&asked);
        let ours = origin == *self.region();
        explanation.checks.extend(rules(refused.as_ref(), ours, self.ordered.halts()));
        let view = |region: &RegionId, verdict: &Verdict| {
            let rejection = match verdict {
                Verdict::Accepted => None,
                Verdict::Rejected(rejection) => Some(rejection.clone()),
            };
            let way = || self.way(entering, region, &explanation.entry, (supposed, &table));
            let way = rejection.is_none().then(way);
            let detail = match &rejection {
                Some(rejection) => rejection.to_string(),
                None if ours => self.lets_go(&asked, region),
                None => "it holds the collective".to_owned(),
            };
            CandidateView {
                region: region.clone(),
                why: rejection.as_ref().map_or("", |one| one.label()).to_owned(),
                detail: detail + &self.passes_rules(&origin, region, way.as_ref()),
                way,
                rejection,
            }
        };
        let views = candidates.iter().map(|one| view(&one.region, &one.verdict)).collect();
        explanation.refused = Decision { refused, candidates }.refusal();
        explanation.candidates = views;
    }

    /// How a request gets to a region that is to have it.
    fn way(
        &self,
        entering: &Entering,
        to: &RegionId,
        entry: &GatewayId,
        (supposed, table): (&Supposed<'_>, &Table),
    ) -> WayThere {
        let first_hand = *entry == self.me.gateway;
        let open = |peer: &GatewayId| match first_hand {
            true => {
                self.peers.get(peer).is_some_and(Peer::takes_frames)
                    && !supposed.cuts((entry, &self.me.region), (peer, &self.region_of(peer)))
            }
            false => true,
        };
        let frame = self.frame_to(entering, to, entry);
        let here = Here { publishes: false, prefer: None, open, table };
        let step = next_step(&frame, &here);
        let route = table.region(to);
        let path = match &step {
            Step::Hop(peer) => supposed.path(&frame, entry, peer),
            Step::Publish | Step::Wait | Step::Drop(_) => Vec::new(),
        };
        let next = match step {
            Step::Publish => NextStep::Publish,
            Step::Hop(peer) => {
                let backup = route.is_none_or(|route| !route.next_hops.contains(&peer));
                NextStep::Hop { peer, backup }
            }
            Step::Wait => NextStep::Wait,
            Step::Drop(reason) => NextStep::Drop { reason },
        };
        let queued = first_hand.then(|| self.queues.weight(to));
        WayThere { next, route: route.cloned(), path, queued }
    }

    /// What is to be said of regions on a way whose own rules refuse some of what they carry: those rules
    /// are not known here, and no route goes around a single refusal.
    fn passes_rules(&self, from: &RegionId, to: &RegionId, way: Option<&WayThere>) -> String {
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

    /// The frame that the request would become, its payload left out.
    fn frame_to(&self, entering: &Entering, to: &RegionId, entry: &GatewayId) -> Frame {
        let region = self.routes.graph().region_of(entry).unwrap_or(self.region());
        let body = RequestBody {
            request: entering.head.id.clone(),
            collective: entering.head.collective.to_string(),
            target: entering.target.clone(),
            reply_to: entering.reply_to.clone(),
            federated: None,
            payload: Bytes::new(),
        };
        let end = EndToEnd {
            creator: Creator {
                region: region.clone(),
                gateway: entry.clone(),
                incarnation: self.me.incarnation,
            },
            unit: UnitId(0),
            to: to.clone(),
            prefer: None,
            flow: flow_of(entry, &entering.reply_to),
            lifetime: entering.head.ttl,
            body: Body::Request(body),
        };
        let limit = self.config.limits.hops;
        let hop = Hop { limit, visited: vec![entry.clone()], age: Duration::ZERO };
        Frame { hop, end, verbatim: None }
    }
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

fn describe(collective: &Collective, target: &Target) -> String {
    match target {
        Target::Broadcast { agent } => {
            format!("a request for every node of {collective} with the agent {agent}")
        }
        Target::Service { agent } => {
            format!("a request for one node of {collective} that serves {agent}")
        }
        Target::Directed { identities } => {
            format!("a request for {} in {collective}", identities.join(", "))
        }
    }
}

fn rules(refused: Option<&Rejection>, ours: bool, halts: usize) -> Vec<Check> {
    let (halted, other) = match refused {
        Some(rejection @ Rejection::Halted { .. }) => (Some(rejection), None),
        other => (None, other),
    };
    let (halts, rules) = match ours {
        true => (stopped(halted, halts), ruled(other)),
        false => {
            let detail = "which halts that region follows is its own to say";
            let halts = check("halts", CheckResult::Unknown, detail.to_owned());
            let detail = "the rules of that region are its own: ask one of its gateways";
            (halts, check("rules", CheckResult::Unknown, detail.to_owned()))
        }
    };
    if halted.is_some() { vec![halts] } else { vec![halts, rules] }
}

fn stopped(halted: Option<&Rejection>, halts: usize) -> Check {
    match (halted, halts) {
        (Some(rejection), _) => check("halts", CheckResult::Failed, rejection.to_string()),
        (None, 0) => check("halts", CheckResult::Passed, "nothing is halted".to_owned()),
        (None, halts) => {
            let detail = format!("none of the {halts} halts in force is about every such request");
            check("halts", CheckResult::Passed, detail)
        }
    }
}

fn ruled(refused: Option<&Rejection>) -> Check {
    match refused {
        Some(rejection) => check("rules", CheckResult::Failed, rejection.to_string()),
        None => {
            check("rules", CheckResult::Passed, "nothing is against the request as such".to_owned())
        }
    }
}

fn check(name: &str, result: CheckResult, detail: String) -> Check {
    Check { name: name.to_owned(), result, detail }
}

fn passed(checks: &mut Vec<Check>, name: &str, detail: String) {
    checks.push(check(name, CheckResult::Passed, detail));
}

fn failed(checks: &mut Vec<Check>, name: &str, reason: DropReason) -> DropReason {
    checks.push(check(name, CheckResult::Failed, format!("it would be dropped: {reason}")));
    reason
}
