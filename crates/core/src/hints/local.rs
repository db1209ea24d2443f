//! What this gateway knows of its own region: read from the brokers, seen since, configured.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_wire::{Agent, Collective, Identity};

use super::{
    filter::IdentityHash,
    interest::{CollectiveInterest, InterestRead},
    names::NameList,
};
use crate::Now;

/// Identities seen between two readings that are kept, over all collectives.
const FRESH_MAX: usize = 65_536;
/// Identities of one reading that are kept, over all collectives: 32 MB.
const READ_MAX: usize = 4_000_000;

/// The knowledge of one region's own interest.
///
/// Bounds: what was read by the broker's own connections and [`READ_MAX`], eight bytes each; what was
/// seen since by [`FRESH_MAX`], and it is forgotten after two polls. Where a bound is passed the
/// knowledge is not complete.
#[derive(Debug)]
pub(crate) struct Local {
    collectives: BTreeMap<Collective, Known>,
    fresh_len: usize,
    /// When the last reading that gave anything began.
    read: Option<Now>,
    /// It was complete, and nothing was missed since.
    complete: bool,
    servers: u64,
    problem: String,
    poll: Duration,
    /// When to look what has become too old; early rather than late.
    wake: Option<Duration>,
}

/// The knowledge of one collective.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Read; in order, each once.
    read: Vec<IdentityHash>,
    /// Seen since, or configured (for ever), and when; none of `read`.
    fresh: BTreeMap<IdentityHash, Duration>,
    pub(crate) agents: NameList,
    pub(crate) services: NameList,
}

/// Configured identities do not age.
const FOR_EVER: Duration = Duration::MAX;

impl Local {
    pub(crate) fn new(
        collectives: &BTreeSet<Collective>,
        configured: &BTreeSet<Identity>,
        poll: Duration,
    ) -> Self {
        let fresh: BTreeMap<IdentityHash, Duration> =
            configured.iter().map(|one| (IdentityHash::of(one.as_str()), FOR_EVER)).collect();
        let known = || Known { fresh: fresh.clone(), ..Known::default() };
        Self {
            collectives: collectives.iter().map(|one| (one.clone(), known())).collect(),
            fresh_len: 0,
            read: None,
            complete: false,
            servers: 0,
            problem: String::new(),
            poll,
            wake: None,
        }
    }

    pub(crate) fn collectives(&self) -> impl Iterator<Item = (&Collective, &Known)> {
        self.collectives.iter()
    }

    pub(crate) fn get(&self, collective: &Collective) -> Option<&Known> {
        self.collectives.get(collective)
    }

    /// Whether what is not here is not there.
    pub(crate) fn is_complete(&self, now: Duration) -> bool {
        self.complete
            && self.fresh_len < FRESH_MAX
            && self.complete_until().is_some_and(|until| now < until)
    }

    fn complete_until(&self) -> Option<Duration> {
        self.read.map(|read| read.mono + self.poll * 2)
    }

    /// When time alone may change something: the end of completeness, or of what was seen.
    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.wake
    }

    /// When the servers were last read, since 1970-01-01 UTC, to the second; zero: never.
    pub(crate) fn read_at(&self) -> Duration {
        Duration::from_secs(self.read.map_or(0, |read| read.unix.as_secs()))
    }

    pub(crate) fn servers(&self) -> u64 {
        self.servers
    }

    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }

    /// Something may have been missed: the knowledge is not complete until the next reading.
    pub(crate) fn doubt(&mut self) {
        self.complete = false;
    }

    /// Takes a reading that began at `began`. A complete one replaces what was known, but for what
    /// was seen since it began; another one adds to it.
    pub(crate) fn on_read(&mut self, reading: InterestRead, began: Now) {
        let InterestRead { complete, servers, collectives, problem, names: _ } = reading;
        self.servers = servers;
        self.problem = problem;
        let count: usize = collectives.iter().map(|one| one.identities.len()).sum();
        self.complete = complete && count <= READ_MAX;
        if servers > 0 {
            self.read = Some(began);
        }
        self.wake = self.complete_until();
        let mut found: BTreeMap<Collective, CollectiveInterest> =
            collectives.into_iter().map(|one| (one.collective.clone(), one)).collect();
        let mut room = READ_MAX;
        for (collective, known) in &mut self.collectives {
            let found = found.remove(collective);
            known.on_read(found, complete, began.mono, room);
            room = room.saturating_sub(known.read.len());
        }
        self.count_fresh();
    }

    /// Whether an identity is known in a collective, or without one anywhere in the region.
    pub(crate) fn knows(&self, collective: Option<&Collective>, identity: IdentityHash) -> bool {
        match collective {
            Some(one) => self.get(one).is_some_and(|known| known.holds(identity)),
            None => self.collectives.values().any(|known| known.holds(identity)),
        }
    }

    /// An identity was seen that is not known in this collective, or in the whole region; whether it
    /// is kept.
    pub(crate) fn on_seen(
        &mut self,
        collective: Option<&Collective>,
        identity: IdentityHash,
        now: Duration,
    ) -> bool {
        let mut new = false;
        for (name, known) in &mut self.collectives {
            let meant = collective.is_none_or(|one| one == name);
            if meant && self.fresh_len < FRESH_MAX && known.on_seen(identity, now) {
                self.fresh_len += 1;
                new = true;
                self.wake = self.wake.or(Some(now + self.poll * 2));
            }
        }
        new
    }

    /// Forgets what is too old: what was seen, and what was read if reading is up to a sibling.
    /// Whether anything changed.
    pub(crate) fn expire(&mut self, now: Duration, siblings_read: bool) -> bool {
        if self.wake.is_none_or(|due| now < due) {
            return false;
        }
        let ends = self.complete_until().is_some_and(|until| until <= now);
        let before = (self.complete, self.fresh_len, self.read.is_some());
        self.complete &= !ends;
        if ends && siblings_read {
            self.read = None;
        }
        let horizon = now.saturating_sub(self.poll * 2);
        for known in self.collectives.values_mut() {
            known.fresh.retain(|_, seen| *seen > horizon);
            if self.read.is_none() {
                known.read = Vec::new();
            }
        }
        self.count_fresh();
        let busy = self.fresh_len > 0 || (self.read.is_some() && siblings_read);
        self.wake =
            if self.complete { self.complete_until() } else { busy.then(|| now + self.poll) };
        before != (self.complete, self.fresh_len, self.read.is_some())
    }

    fn count_fresh(&mut self) {
        let ages = |known: &Known| known.fresh.values().filter(|seen| **seen != FOR_EVER).count();
        self.fresh_len = self.collectives.values().map(ages).sum();
    }
}

impl Known {
    /// Exactly, as far as anything is known.
    pub(crate) fn holds(&self, identity: IdentityHash) -> bool {
        self.read.binary_search(&identity).is_ok() || self.fresh.contains_key(&identity)
    }

    /// Some `count` identities from this one on, in order, and where the others begin.
    pub(crate) fn some_from(
        &self,
        from: IdentityHash,
        count: usize,
    ) -> (Vec<IdentityHash>, Option<IdentityHash>) {
        let begin = self.read.partition_point(|one| *one < from);
        let read = self.read.iter().skip(begin).take(count).copied();
        let mut some: Vec<IdentityHash> =
            read.chain(self.fresh.range(from..).take(count).map(|(one, _)| *one)).collect();
        some.sort_unstable();
        some.truncate(count);
        let whole = some.len() < count;
        let next = some.last().filter(|_| !whole).and_then(|last| last.0.checked_add(1));
        (some, next.map(IdentityHash))
    }

    pub(crate) fn read(&self) -> &[IdentityHash] {
        &self.read
    }

    pub(crate) fn fresh(&self) -> impl Iterator<Item = IdentityHash> {
        self.fresh.keys().copied()
    }

    fn on_seen(&mut self, identity: IdentityHash, now: Duration) -> bool {
        if self.read.binary_search(&identity).is_ok() {
            return false;
        }
        let seen = self.fresh.entry(identity);
        let new = matches!(seen, std::collections::btree_map::Entry::Vacant(_));
        let seen = seen.or_insert(now);
        *seen = now.max(*seen);
        new
    }

    fn on_read(
        &mut self,
        found: Option<CollectiveInterest>,
        complete: bool,
        began: Duration,
        room: usize,
    ) {
        let (mut read, mut agents, mut services) = match found {
            Some(found) => (found.identities, found.agents, found.services),
            None => (Vec::new(), Vec::new(), Vec::new()),
        };
        if complete {
            self.fresh.retain(|_, seen| *seen >= began);
        } else {
            read.append(&mut self.read);
            agents.extend(self.agents.iter().filter_map(|one| Agent::try_from(one).ok()));
            services.extend(self.services.iter().filter_map(|one| Agent::try_from(one).ok()));
        }
        // Cheap where it is in order already.
        read.sort_unstable();
        read.dedup();
        read.truncate(room);
        read.shrink_to_fit();
        self.read = read;
        let read = &self.read;
        self.fresh
            .retain(|identity, seen| *seen == FOR_EVER || read.binary_search(identity).is_err());
        self.agents = NameList::new(&agents);
        self.services = NameList::new(&services);
    }
}
