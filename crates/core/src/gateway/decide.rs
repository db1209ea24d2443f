//! Where a request that enters the fabric goes, as a value that says why. The one place that decides
//! it: [`Gateway::handle`] acts on the value, [`Gateway::explain`] shows it.
//!
//! Deciding changes nothing. In this order:
//!
//! 1. [`Gateway::read_request`]: subject, export, size, transport, signed head, agreement of the two,
//!    reply subject. What fails here never was a request.
//! 2. [`Gateway::decide`]: [`Gateway::rule`] about the request as a whole, then for each region that
//!    has advertised anything a [`Candidate`]: [`Gateway::admit`] says whether it may be asked,
//!    [`ask_one_of_joined`] drops the regions that hear another one that is asked, [`Gateway::prune`]
//!    those that do not have the node, [`Gateway::choose_service`] all but one for a service.
//! 3. Each accepted region gets a frame, and [`next_step`](crate::routes::next_step) says where it
//!    goes; a region without a route keeps its frame waiting for a while.
//!
//! What spends something (a rate limit's tokens) is asked in `rule` without spending it; `handle`
//! spends it after the decision. Gathering directed requests into one frame comes after the decision:
//! each of the gathered requests has been decided by itself.

use std::collections::BTreeSet;

use antiphon_wire::{Collective, RequestHead, Subject, Transport};
use bytes::Bytes;

use crate::{
    Candidate, DropReason, Gateway, Offer, RegionId, Rejection, Target, Topology, Verdict,
    gateway::{
        ingress::{Refusal, addressed, agrees, refusal_of, refusal_of_request},
        orders::{unhalted, unhalted_pair},
        policing::Known,
    },
    order::InForce,
    policy::Policy,
    routes::Table,
};

/// A request as far as it has been read, nothing of it verified.
#[derive(Debug)]
pub(super) struct Entering {
    pub(super) head: RequestHead,
    pub(super) target: Target,
    pub(super) reply_to: String,
    pub(super) payload: Bytes,
}

/// What the decision is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Caller, collective, agent and times, as claimed.
    pub(super) head: &'a RequestHead,
    /// The region where it was published: ours, unless what another would do is explained.
    pub(super) origin: &'a RegionId,
    /// Whom it is for; one identity where it is directed, for each copy is decided by itself.
    pub(super) target: &'a Target,
    /// What has been found out about it besides.
    pub(super) known: &'a Known,
    /// What our operators want.
    pub(super) will: Will<'a>,
    /// Our routes for frames that are created in our region; those of another graph where it is
    /// explained what would be.
    pub(super) table: Option<&'a Table>,
}

/// What operators want: our policy, and the orders that hold under it; others where it is explained
/// what would be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Will<'a> {
    pub(super) policy: &'a Policy,
    pub(super) orders: &'a InForce,
}

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(super) struct Decision {
    /// Why it goes nowhere, whatever the regions.
    pub(super) refused: Option<Rejection>,
    /// Every region that was looked at, by name; empty if it is refused.
    pub(super) candidates: Vec<Candidate>,
}

impl Decision {
    /// The regions about which our policy was asked.
    pub(super) fn judged(&self) -> impl Iterator<Item = &RegionId> {
        let judged = self.candidates.iter().filter(|one| one.verdict.is_policys());
        judged.map(|one| &one.region)
    }

    /// The regions that get it, by name.
    pub(super) fn accepted(&self) -> impl Iterator<Item = &RegionId> {
        self.candidates.iter().filter(|one| one.is_accepted()).map(|one| &one.region)
    }

    /// Why nobody gets it, if nobody does: the reason against the whole request, else the one against
    /// the region that came farthest.
    pub(super) fn refusal(&self) -> Option<DropReason> {
        if let Some(rejection) = &self.refused {
            return Some(rejection.reason());
        }
        let mut farthest = None;
        for candidate in &self.candidates {
            match &candidate.verdict {
                Verdict::Accepted => return None,
                Verdict::Rejected(rejection) => {
                    farthest = farthest.max(Some((rejection.depth(), rejection.reason())));
                }
            }
        }
        Some(farthest.map_or(DropReason::NoRegion, |(_, reason)| reason))
    }
}

impl Gateway {
    /// Reads a message on a request subject: what a request must be before anybody decides about it.
    pub(super) fn read_request(
        &self,
        parsed: &Subject,
        payload: Bytes,
    ) -> Result<Entering, Refusal> {
        let (collective, target) = addressed(parsed)?;
        if !self.config.export.contains(collective) {
            return Err(DropReason::NotExported.into());
        }
        if payload.len() as u64 > self.config.limits.frame_bytes_max {
            return Err(DropReason::FrameTooLarge.into());
        }
        let transport = Transport::decode(payload).map_err(|error| refusal_of(error.kind()))?;
        if transport.federation().is_some() {
            return Err(DropReason::AlreadyFederated.into());
        }
        let head = transport.request_head().map_err(|error| refusal_of_request(error.kind()))?;
        let refuse = |reason| Refusal { reason, request: Some(head.id.to_string()) };
        agrees(&head, collective, &target).map_err(refuse)?;
        let reply_to = transport.reply_to().unwrap_or_default().to_owned();
        if reply_to.is_empty() {
            return Err(refuse(DropReason::ReplyToMissing));
        }
        if antiphon_wire::legal_publish_subject(&reply_to).is_err() {
            return Err(refuse(DropReason::ReplySubjectRefused));
        }
        Ok(Entering { head, target, reply_to, payload: transport.into_payload() })
    }

    /// Decides where a request goes.
    pub(super) fn decide(&self, asked: &Asked<'_>) -> Decision {
        if let Err(rejection) = self.rule(asked) {
            return Decision { refused: Some(rejection), candidates: Vec::new() };
        }
        let mut candidates = self.holders(asked);
        for candidate in &mut candidates {
            if candidate.is_accepted()
                && let Err(rejection) = self.admit(asked, &candidate.region)
            {
                candidate.verdict = Verdict::Rejected(rejection);
            }
        }
        self.ask_one_of_joined(asked, &mut candidates);
        self.prune(asked, &mut candidates);
        if let Err(rejection) = self.choose_service(asked, &mut candidates) {
            return Decision { refused: Some(rejection), candidates: Vec::new() };
        }
        Decision { refused: None, candidates }
    }

    /// Whether the request may leave this region at all, whoever would get it.
    ///
    /// Here belongs what looks at the request alone: halts of a caller or collective, export rules
    /// without a destination, and rate limits (asked, not spent). Whether a local service took it is
    /// asked last, in [`Gateway::choose_service`].
    pub(super) fn rule(&self, asked: &Asked<'_>) -> Result<(), Rejection> {
        // The halts that another region follows, and its rules, are not ours to say.
        if asked.origin != self.region() {
            return Ok(());
        }
        unhalted(asked.will.orders, asked.head)?;
        self.may_ask(asked)
    }

    /// Whether the request may go to this region, which holds the collective; asked for a federated
    /// request's target too, whose region the client names.
    ///
    /// Here belongs what looks at the pair of request and region, the cheapest first: halts of a pair of
    /// regions, export rules that name destinations. What hints rule out depends on all regions: see
    /// [`Gateway::prune`].
    pub(super) fn admit(&self, asked: &Asked<'_>, region: &RegionId) -> Result<(), Rejection> {
        let ours = asked.origin == self.region();
        let native = match ours {
            true => self.is_native(region),
            false => self.says_native(asked.origin, region),
        };
        if native {
            return Err(Rejection::NativelyJoined);
        }
        // What another region lets out is not ours to say.
        if !ours {
            return Ok(());
        }
        unhalted_pair(asked.will.orders, self.region(), region)?;
        self.may_leave(asked, region)
    }

    /// Whether one of two regions says that it hears the other's broker.
    fn says_native(&self, one: &RegionId, other: &RegionId) -> bool {
        let hears = |(_, region, topology): (_, &RegionId, &Topology)| {
            (region == one && topology.native.contains(other))
                || (region == other && topology.native.contains(one))
        };
        self.database.topologies().any(hears)
    }

    /// The other regions that hold a collective.
    pub(super) fn holding<'a>(
        &'a self,
        collective: &'a Collective,
    ) -> impl Iterator<Item = &'a RegionId> + Clone {
        let offers = self.database.offers();
        let holding = offers.filter(move |(region, offer)| {
            *region != self.region() && offer.collectives.contains(collective)
        });
        holding.map(|(region, _)| region)
    }

    /// Every region that has advertised what it offers, by name; the other ones that hold the
    /// collective are accepted so far.
    fn holders(&self, asked: &Asked<'_>) -> Vec<Candidate> {
        let holds = |offer: &Offer| offer.collectives.contains(&asked.head.collective);
        let mut regions: Vec<(&RegionId, bool)> =
            self.database.offers().map(|(region, offer)| (region, holds(offer))).collect();
        // One gateway of a region that holds it is enough: such a one comes first.
        regions.sort_unstable_by_key(|(region, holds)| (*region, !holds));
        regions.dedup_by_key(|(region, _)| *region);
        let candidate = |(region, holds): (&RegionId, bool)| {
            let verdict = match () {
                () if region == asked.origin => Verdict::Rejected(Rejection::OwnRegion),
                () if holds => Verdict::Accepted,
                () => Verdict::Rejected(Rejection::CollectiveNotHeld),
            };
            Candidate { region: region.clone(), verdict }
        };
        regions.into_iter().map(candidate).collect()
    }

    /// Of regions whose brokers are joined natively one is enough, for the others hear what is
    /// published there: the first that has a route. Only where both regions say so: one that lies
    /// about it must not take what is meant for another.
    fn ask_one_of_joined(&self, asked: &Asked<'_>, candidates: &mut [Candidate]) {
        let joined: BTreeSet<(&RegionId, &RegionId)> = self
            .database
            .topologies()
            .flat_map(|(_, region, topology)| topology.native.iter().map(move |one| (region, one)))
            .collect();
        if joined.is_empty() {
            return;
        }
        let routed =
            |region: &RegionId| asked.table.is_some_and(|table| table.region(region).is_some());
        let mut kept: Vec<RegionId> = Vec::new();
        for near in [true, false] {
            for Candidate { region, verdict } in candidates.iter_mut() {
                if *verdict != Verdict::Accepted || routed(region) != near {
                    continue;
                }
                match kept.iter().find(|one| hear_each_other(&joined, one, region)) {
                    Some(through) => {
                        let through = through.clone();
                        *verdict = Verdict::Rejected(Rejection::HeardThrough { through });
                    }
                    None => kept.push(region.clone()),
                }
            }
        }
    }
}

fn hear_each_other(
    joined: &BTreeSet<(&RegionId, &RegionId)>,
    one: &RegionId,
    other: &RegionId,
) -> bool {
    joined.contains(&(one, other)) && joined.contains(&(other, one))
}
