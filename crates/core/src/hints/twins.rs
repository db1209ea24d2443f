//! Twins: identities that our region has and another region has too.
//!
//! What other regions say of their nodes are filters, which err. So a match is only a reason to ask: a
//! twin is what the other side holds for certain, as we do. Where neither side knows the name yet, only
//! its hash, the name is looked for.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_wire::Collective;

use super::filter::IdentityHash;
use crate::id::{GatewayId, RegionId};

/// Twins that are kept: more than anybody looks at.
const TWINS_MAX: usize = 64;
/// Matches that wait to be asked about; those of one step are asked at once.
const MATCHES_MAX: usize = 4096;
/// From a change of another gateway's filters to their comparison with what we hold.
const SPACING: Duration = Duration::from_secs(30);
/// From the first filters of a gateway to the same.
const FIRST: Duration = Duration::from_secs(1);
/// Between two steps of a comparison.
const PACE: Duration = Duration::from_millis(10);
/// How soon what was found is asked about again.
const AGAIN: Duration = Duration::from_secs(60);
/// After so long without another word of it, it is over.
const EXPIRY: Duration = Duration::from_secs(200);
/// How long the name is looked for before the alarm is raised without it.
const NAME_WAIT: Duration = Duration::from_secs(30);

/// What was found, and how far comparing has come.
///
/// Bounds: [`TWINS_MAX`], [`MATCHES_MAX`], and one entry for each gateway whose filters are kept. A twin
/// goes [`EXPIRY`] after its last confirmation.
#[derive(Debug, Default)]
pub(crate) struct Twins {
    /// When to compare each gateway's filters with what we hold.
    compare: BTreeMap<GatewayId, Duration>,
    step: Option<Step>,
    matches: BTreeMap<(GatewayId, Collective), BTreeMap<IdentityHash, String>>,
    matches_len: usize,
    found: BTreeMap<(RegionId, IdentityHash), Twin>,
    wake: Option<Duration>,
}

/// The next step of a comparison: identities from here on.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) gateway: GatewayId,
    pub(crate) collective: Collective,
    pub(crate) from: IdentityHash,
    due: Duration,
}

/// An identity that two regions have.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    pub(crate) collective: Collective,
    /// The gateway of the other region that says so.
    pub(crate) gateway: GatewayId,
    /// Empty while nobody knows it.
    pub(crate) name: String,
    since: Duration,
    confirmed: Duration,
    ask_at: Duration,
    /// The name under which the alarm stands.
    pub(crate) raised: Option<String>,
}

impl Twins {
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.wake
    }

    pub(crate) fn is_due(&self, now: Duration) -> bool {
        self.wake.is_some_and(|due| due <= now)
    }

    /// Another region's gateway says something new of its nodes.
    pub(crate) fn on_filters(&mut self, gateway: &GatewayId, now: Duration) {
        let due = self.compare.entry(gateway.clone()).or_insert(now + FIRST);
        *due = (*due).min(now + SPACING);
        let due = *due;
        self.wake_by(due);
    }

    /// We know something new of our own nodes.
    pub(crate) fn on_own_nodes(&mut self, now: Duration) {
        for due in self.compare.values_mut() {
            *due = (*due).min(now + FIRST);
        }
        if !self.compare.is_empty() {
            self.wake_by(now + FIRST);
        }
    }

    /// The step that is due; its comparison goes on after it, or a new one begins. `collectives` are
    /// ours, in order; what is compared is compared again after `again`.
    pub(crate) fn next_step<'a>(
        &mut self,
        mut collectives: impl Iterator<Item = &'a Collective>,
        now: Duration,
        again: Duration,
    ) -> Option<Step> {
        if let Some(step) = self.step.take_if(|step| step.due <= now) {
            return Some(step);
        }
        if self.step.is_some() {
            return None;
        }
        let (gateway, due) = self.compare.iter_mut().find(|(_, due)| **due <= now)?;
        *due = now + again;
        let collective = collectives.next()?.clone();
        Some(Step { gateway: gateway.clone(), collective, from: IdentityHash(0), due: now })
    }

    /// Where a comparison goes on: with this identity, or with the next of our collectives.
    pub(crate) fn go_on<'a>(
        &mut self,
        step: Step,
        from: Option<IdentityHash>,
        mut collectives: impl Iterator<Item = &'a Collective>,
        now: Duration,
    ) {
        let due = now + PACE;
        self.step = match from {
            Some(from) => Some(Step { from, due, ..step }),
            None => collectives.find(|one| **one > step.collective).map(|one| Step {
                collective: one.clone(),
                from: IdentityHash(0),
                due,
                ..step
            }),
        };
    }

    /// One of our identities that a gateway's filter holds; its name, or empty.
    pub(crate) fn on_match(
        &mut self,
        gateway: &GatewayId,
        collective: &Collective,
        (identity, name): (IdentityHash, &str),
        now: Duration,
    ) {
        if self.matches_len >= MATCHES_MAX {
            return;
        }
        let of_one = self.matches.entry((gateway.clone(), collective.clone())).or_default();
        if of_one.insert(identity, name.to_owned()).is_none() {
            self.matches_len += 1;
        }
        self.wake_by(now);
    }

    /// Everything that is to be asked: new matches, and twins that were last confirmed long ago.
    pub(crate) fn take_questions(
        &mut self,
        now: Duration,
    ) -> BTreeMap<(GatewayId, Collective), BTreeMap<IdentityHash, String>> {
        self.matches_len = 0;
        let mut asked = std::mem::take(&mut self.matches);
        for ((_, identity), twin) in &mut self.found {
            if twin.ask_at <= now {
                twin.ask_at = now + AGAIN;
                let of_one = asked.entry((twin.gateway.clone(), twin.collective.clone()));
                of_one.or_default().insert(*identity, twin.name.clone());
            }
        }
        asked
    }

    /// Both regions have it; its name, or empty.
    pub(crate) fn on_confirmed(
        &mut self,
        (region, gateway): (&RegionId, &GatewayId),
        collective: &Collective,
        (identity, name): (IdentityHash, &str),
        now: Duration,
    ) {
        let key = (region.clone(), identity);
        if self.found.len() >= TWINS_MAX && !self.found.contains_key(&key) {
            return;
        }
        let twin = self.found.entry(key).or_insert_with(|| Twin {
            collective: collective.clone(),
            gateway: gateway.clone(),
            name: String::new(),
            since: now,
            confirmed: now,
            ask_at: now + AGAIN,
            raised: None,
        });
        (twin.confirmed, twin.ask_at) = (now, now + AGAIN);
        twin.gateway.clone_from(gateway);
        if twin.name.is_empty() {
            name.clone_into(&mut twin.name);
        }
        self.wake_by(now);
    }

    /// Forgets those that are over; which were, and where.
    pub(crate) fn retain(
        &mut self,
        stays: impl Fn(&RegionId, IdentityHash, &Twin) -> bool,
    ) -> Vec<(RegionId, Twin)> {
        let mut gone = Vec::new();
        self.found.retain(|(region, identity), twin| {
            let stays = stays(region, *identity, twin);
            if !stays {
                gone.push((region.clone(), twin.clone()));
            }
            stays
        });
        gone
    }

    /// Identities whose names are looked for.
    pub(crate) fn nameless(&self) -> BTreeSet<IdentityHash> {
        let nameless = self.found.iter().filter(|(_, twin)| twin.name.is_empty());
        nameless.map(|((_, identity), _)| *identity).collect()
    }

    /// The name of one of them, or empty.
    pub(crate) fn name_of(&self, identity: IdentityHash) -> &str {
        let named = |((_, one), twin): &(&(RegionId, IdentityHash), &Twin)| {
            *one == identity && !twin.name.is_empty()
        };
        self.found.iter().find(named).map_or("", |(_, twin)| &twin.name)
    }

    /// A node of this name was seen, or read.
    pub(crate) fn on_name(&mut self, identity: IdentityHash, name: &str, now: Duration) {
        for ((_, one), twin) in &mut self.found {
            if *one == identity && twin.name.is_empty() {
                name.clone_into(&mut twin.name);
                self.wake = Some(now);
            }
        }
    }

    pub(crate) fn found_mut(
        &mut self,
    ) -> impl Iterator<Item = (&RegionId, IdentityHash, &mut Twin)> {
        self.found.iter_mut().map(|((region, identity), twin)| (region, *identity, twin))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// After everything due was done: when there is something to do next.
    pub(crate) fn plan(&mut self, now: Duration) {
        let twins = self.found.values().flat_map(|twin| {
            let name = twin.since + NAME_WAIT;
            let name = (twin.raised.is_none() && name > now).then_some(name);
            [Some(twin.ask_at), Some(twin.confirmed + EXPIRY), name]
        });
        let compare = match &self.step {
            Some(step) => Some(step.due),
            None => self.compare.values().min().copied(),
        };
        self.wake = twins.flatten().chain(compare).min().map(|due| due.max(now + PACE));
    }

    /// Forgets when to compare gateways that say nothing any more.
    pub(crate) fn forget(&mut self, known: impl Fn(&GatewayId) -> bool) {
        self.compare.retain(|gateway, _| known(gateway));
    }

    fn wake_by(&mut self, due: Duration) {
        self.wake = Some(self.wake.map_or(due, |wake| wake.min(due)));
    }
}

impl Twin {
    pub(crate) fn is_over(&self, now: Duration) -> bool {
        self.confirmed + EXPIRY <= now
    }

    /// What the alarm calls it; `None` while its name is still looked for.
    pub(crate) fn title(&self, identity: IdentityHash, now: Duration) -> Option<String> {
        if !self.name.is_empty() {
            return Some(self.name.clone());
        }
        (self.since + NAME_WAIT <= now).then(|| format!("#{:016x}", identity.0))
    }
}
