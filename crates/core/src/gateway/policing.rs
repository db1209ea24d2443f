//! The policy in force, where requests meet it: on their way out, in and through.
//!
//! Each end judges a request once, when it gets there; what has been let through is not called back
//! when the policy changes. Deciding changes nothing; what it spends and counts is spent and counted
//! by [`Gateway::let_out`] and [`Gateway::let_in`] afterwards.

use std::{collections::BTreeMap, time::Duration};

use antiphon_wire::{RequestHead, Transport};
use bytes::Bytes;

use crate::{
    DropReason, EndToEnd, Gateway, HitView, Interest, Now, PolicyTrial, PolicyView, RegionId,
    Rejection,
    gateway::{
        decide,
        ingress::{refusal_of, refusal_of_request},
    },
    policy::{Action, Asked, Buckets, Direction, Effect, Policy, Proof, Recent, Verdict},
};

/// The policy in force and what came of it.
///
/// Bounds: hits by the policy's rules; buckets and recent requests as their types say.
#[derive(Debug, Default)]
pub(super) struct Policing {
    pub(super) policy: Policy,
    /// When it came into force, since 1970-01-01 UTC; `None`: the default, since the start.
    since: Option<Duration>,
    hits: BTreeMap<(Direction, Option<String>), u64>,
    callers: Buckets,
    regions: Buckets,
    recent: Recent,
}

/// What has been found out about a request besides its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    /// `None`: not read. `Some(None)`: it has none.
    pub(super) action: Option<Option<String>>,
    /// Whether its signature proves its caller.
    pub(super) proof: Proof,
    /// When it is decided about; rates are looked at as of then.
    pub(super) at: Duration,
    /// What the brokers are supposed to say of a local service; `None`: what they have said.
    pub(super) service: Option<Interest>,
}

/// What still has to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Nothing,
    Proof,
}

impl Known {
    /// A request of which nothing is known but its head.
    pub(super) fn head(proof: Proof, now: Now) -> Self {
        Self { action: None, proof, at: now.mono, service: None }
    }

    fn action(&self) -> Action<'_> {
        match &self.action {
            None => Action::Unread,
            Some(None) => Action::Absent,
            Some(Some(action)) => Action::Is(action),
        }
    }

    fn asked<'a>(
        &'a self,
        direction: Direction,
        (from, to): (&'a RegionId, &'a RegionId),
        head: &'a RequestHead,
    ) -> Asked<'a> {
        Asked {
            direction,
            from,
            to,
            collective: head.collective.as_str(),
            agent: head.agent.as_str(),
            action: self.action(),
            caller: head.caller.as_str(),
            proof: self.proof,
        }
    }
}

impl Gateway {
    /// Puts a policy in force.
    pub(super) fn on_policy(&mut self, policy: Policy, now: Now) {
        let policing = &mut self.policing;
        let kept = |direction: Direction, name: &String| {
            policy.rules(direction).rules.iter().any(|rule| rule.name == *name)
        };
        policing
            .hits
            .retain(|(direction, name), _| name.as_ref().is_none_or(|name| kept(*direction, name)));
        policing.policy = policy;
        policing.since = Some(now.unix);
        self.ordered.stale = true;
        // What we carry for others is a part of our place.
        self.graph_stale = true;
    }

    /// Whether we carry traffic between other regions: what of it, the rules say. Where they let no
    /// request through there are no replies to carry either.
    pub(super) fn carries_transit(&self) -> bool {
        self.config.transit && self.policy().may(Direction::Transit, Effect::Allow)
    }

    /// Whether we carry traffic between other regions and refuse some of it.
    pub(super) fn rules_transit(&self) -> bool {
        self.carries_transit() && self.policy().may(Direction::Transit, Effect::Deny)
    }

    /// What another policy would decide about the requests of the last minutes.
    #[must_use]
    pub fn try_policy(&self, policy: &Policy, now: Now) -> PolicyTrial {
        let Policing { recent, policy: current, .. } = &self.policing;
        let (requests, others) = recent.totals(now.mono);
        PolicyTrial { requests, others, changes: recent.compare(current, policy, now.mono) }
    }

    /// Finds out what the export rules want to know of a request for these regions.
    pub(super) fn learn_for_export<'r>(
        &self,
        known: &mut Known,
        head: &RequestHead,
        payload: &Bytes,
        to: impl Iterator<Item = &'r RegionId> + Clone,
    ) -> Result<Wanted, DropReason> {
        self.learn_under(&self.policing.policy, known, (head, payload), to)
    }

    /// The same under any policy.
    pub(super) fn learn_under<'r>(
        &self,
        policy: &Policy,
        known: &mut Known,
        request: (&RequestHead, &Bytes),
        to: impl Iterator<Item = &'r RegionId>,
    ) -> Result<Wanted, DropReason> {
        if policy.export.rules.is_empty() {
            return Ok(Wanted::Nothing);
        }
        for region in to {
            let pair = (&self.me.region, region);
            let wanted = learn(policy, known, Direction::Export, pair, request)?;
            if wanted == Wanted::Proof {
                return Ok(wanted);
            }
        }
        Ok(Wanted::Nothing)
    }

    /// Whether our export rules let a request go to this region.
    pub(super) fn may_leave(
        &self,
        entering: &decide::Asked<'_>,
        to: &RegionId,
    ) -> Result<(), Rejection> {
        match entering.will.policy.judge(&self.export_question(entering, to)) {
            Verdict::Ruled(Effect::Allow, _) => Ok(()),
            Verdict::Ruled(Effect::Deny, rule) => {
                Err(Rejection::PolicyExport { rule: rule.map(|rule| rule.name.clone()) })
            }
            Verdict::WantsAction => Err(Rejection::ActionUnknown),
            Verdict::WantsProof | Verdict::Forged => Err(Rejection::CallerUnproved),
        }
    }

    /// What an export rule is asked.
    fn export_question<'a>(&'a self, entering: &decide::Asked<'a>, to: &'a RegionId) -> Asked<'a> {
        entering.known.asked(Direction::Export, (&self.me.region, to), entering.head)
    }

    /// Which rule lets a request go to this region, for people.
    pub(super) fn lets_go(&self, entering: &decide::Asked<'_>, to: &RegionId) -> String {
        match entering.will.policy.judge(&self.export_question(entering, to)) {
            Verdict::Ruled(_, Some(rule)) => format!("export rule {} lets it go", rule.name),
            Verdict::Ruled(_, None) => "no export rule is against it".to_owned(),
            Verdict::WantsAction | Verdict::WantsProof | Verdict::Forged => String::new(),
        }
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> &Policy {
        &self.policing.policy
    }

    /// The policy in force, and the orders.
    pub(super) fn will(&self) -> decide::Will<'_> {
        decide::Will { policy: self.policy(), orders: self.ordered.in_force() }
    }

    /// Whether the caller has not asked too much lately.
    pub(super) fn may_ask(&self, entering: &decide::Asked<'_>) -> Result<(), Rejection> {
        let Some(rate) = entering.will.policy.limits.caller else { return Ok(()) };
        let (head, known) = (entering.head, entering.known);
        let has = self.policing.callers.has(head.caller.as_str(), rate, known.at);
        if has { Ok(()) } else { Err(Rejection::RateLimited) }
    }

    /// Counts a request that was decided about on its way out, and what it takes of its caller's rate.
    pub(super) fn let_out<'r>(
        &mut self,
        known: &Known,
        head: &RequestHead,
        judged: impl Iterator<Item = &'r RegionId>,
        messages: u64,
    ) {
        for to in judged {
            let asked = known.asked(Direction::Export, (&self.me.region, to), head);
            self.policing.count(&asked, messages, known.at);
        }
    }

    /// Takes messages out of the rate of a request's caller.
    pub(super) fn charge_caller(&mut self, known: &Known, head: &RequestHead, messages: u64) {
        if let Some(rate) = self.policing.policy.limits.caller {
            self.policing.callers.spend(head.caller.as_str(), rate, messages, known.at);
        }
    }

    /// Whether a request that came from another region may be published here; `Ok(Wanted::Proof)` if
    /// that depends on its signature. What it takes of its region's rate is taken.
    pub(super) fn let_in(
        &mut self,
        end: &EndToEnd,
        head: &RequestHead,
        proof: Proof,
        now: Now,
    ) -> Result<Wanted, DropReason> {
        let from = &end.creator.region;
        if *from == self.me.region {
            return Ok(Wanted::Nothing);
        }
        let mut known = Known::head(proof, now);
        let pair = (from, &self.me.region);
        let payload = end.body.payload();
        let policy = &self.policing.policy;
        let wanted = learn(policy, &mut known, Direction::Accept, pair, (head, payload))?;
        if wanted == Wanted::Proof {
            return Ok(wanted);
        }
        let asked = known.asked(Direction::Accept, pair, head);
        let policing = &mut self.policing;
        let verdict = policing.policy.judge(&asked);
        match verdict {
            Verdict::Ruled(effect, _) => {
                policing.count(&asked, end.body.units(), now.mono);
                if effect == Effect::Deny {
                    return Err(DropReason::PolicyAccept);
                }
            }
            Verdict::WantsAction | Verdict::WantsProof | Verdict::Forged => {
                return Err(DropReason::CallerUnproved);
            }
        }
        let Some(rate) = policing.policy.limits.of_region(from) else { return Ok(Wanted::Nothing) };
        if !policing.regions.has(from.as_str(), rate, now.mono) {
            return Err(DropReason::RateLimited);
        }
        policing.regions.spend(from.as_str(), rate, end.body.units(), now.mono);
        Ok(Wanted::Nothing)
    }

    /// Whether a request between two other regions may pass through ours. Looks into it only where
    /// there are rules to ask; they name no callers.
    pub(super) fn let_through(&mut self, end: &EndToEnd, now: Now) -> Result<(), DropReason> {
        let rules = &self.policing.policy.transit;
        let crate::Body::Request(request) = &end.body else { return Ok(()) };
        if rules.rules.is_empty() && rules.otherwise == Effect::Allow {
            return Ok(());
        }
        let transport = Transport::decode(request.payload.clone())
            .map_err(|error| refusal_of(error.kind()).reason)?;
        let head =
            transport.request_head().map_err(|error| refusal_of_request(error.kind()).reason)?;
        let mut known = Known::head(Proof::Unasked, now);
        let pair = (&end.creator.region, &end.to);
        let policy = &self.policing.policy;
        learn(policy, &mut known, Direction::Transit, pair, (&head, &request.payload))?;
        let asked = known.asked(Direction::Transit, pair, &head);
        self.policing.count(&asked, end.body.units(), now.mono);
        match self.policing.policy.judge(&asked) {
            Verdict::Ruled(Effect::Allow, _) => Ok(()),
            Verdict::Ruled(Effect::Deny, _)
            | Verdict::WantsAction
            | Verdict::WantsProof
            | Verdict::Forged => Err(DropReason::PolicyTransit),
        }
    }

    pub(super) fn policy_view(&self, now: Now) -> PolicyView {
        let Policing { policy, since, hits, recent, .. } = &self.policing;
        let hit = |((direction, rule), count): (&(Direction, Option<String>), &u64)| HitView {
            direction: *direction,
            rule: rule.clone(),
            count: *count,
        };
        PolicyView {
            policy: policy.clone(),
            since: *since,
            hits: hits.iter().map(hit).collect(),
            recent: recent.totals(now.mono).0,
        }
    }
}

impl Policing {
    fn count(&mut self, asked: &Asked<'_>, messages: u64, now: Duration) {
        let Verdict::Ruled(_, rule) = self.policy.judge(asked) else { return };
        let key = (asked.direction, rule.map(|rule| rule.name.clone()));
        *self.hits.entry(key).or_default() += messages;
        self.recent.note(asked, messages, now);
    }
}

/// Finds out what the rules of one direction want to know of a request between two regions.
fn learn(
    policy: &Policy,
    known: &mut Known,
    direction: Direction,
    pair: (&RegionId, &RegionId),
    (head, payload): (&RequestHead, &Bytes),
) -> Result<Wanted, DropReason> {
    if policy.judge(&known.asked(direction, pair, head)) == Verdict::WantsAction {
        known.action = Some(read_action(payload)?);
    }
    let wants = policy.judge(&known.asked(direction, pair, head)) == Verdict::WantsProof;
    Ok(if wants { Wanted::Proof } else { Wanted::Nothing })
}

/// The action of a request; `None` if what it carries is no RPC body at all, such as a discovery ping.
fn read_action(payload: &Bytes) -> Result<Option<String>, DropReason> {
    let transport =
        Transport::decode(payload.clone()).map_err(|error| refusal_of(error.kind()).reason)?;
    let request = transport.request().map_err(|error| refusal_of_request(error.kind()).reason)?;
    let body = request.payload();
    if !body.trim_ascii_start().starts_with(b"{") {
        return Ok(None);
    }
    // What we cannot read a node might: a rule that names actions must not be passed that way.
    request.action().map(Some).map_err(|error| refusal_of_request(error.kind()).reason)
}
