//! Our region's interest: read from the brokers, seen in passing, told to the others.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use antiphon_wire::{Collective, Identity, lifecycle_identity};

use crate::{
    Action, AdvertContent, CollectiveHints, Config, Gateway, GatewayId, GatewayState, Hints,
    HintsPart, IdentityHash, InterestRead, Now,
    hints::{Layout, Library, Local, Shelf, Twins},
};

/// Between two filters that are built: each costs less than a millisecond, all together no message more.
const PACE: Duration = Duration::from_millis(10);
/// Between two versions of the summary, and from a change to the first filter that shows it.
const SPACING: Duration = Duration::from_millis(100);
/// Between two versions of one filter.
const PART_SPACING: Duration = Duration::from_secs(1);
/// How long one that need not read leaves it to the one that does to tell what was seen.
const SIBLING_SPACING: Duration = Duration::from_secs(2);
/// How soon a reading that was not complete is tried again, at the earliest.
const RETRY_MIN: Duration = Duration::from_secs(5);
/// How often a gateway that need not read looks whether it must.
const DUTY_CHECK: Duration = Duration::from_secs(5);
/// After which a reading is given up, if its driver never says how it ended.
const READING_MAX: Duration = Duration::from_secs(300);

/// What we know of interest, and what we have said of it.
#[derive(Debug)]
pub(super) struct Hinting {
    pub(super) local: Local,
    pub(super) library: Library,
    /// Identities that other regions have too.
    pub(super) twins: Twins,
    /// When the reading that goes on began.
    reading: Option<Now>,
    /// When to read again, or to look whether that is up to us; `None` without monitors or broker.
    next_read: Option<Duration>,
    /// Whether reading was up to us when we last looked.
    duty: bool,
    generation: u64,
    layout: Layout,
    /// The layout is to be reviewed.
    stale: bool,
    /// Parts that may have to be built anew.
    dirty: BTreeSet<u16>,
    /// The summary that we last told, and when.
    said: Option<(Arc<Hints>, Duration)>,
    /// When there is something to build or to tell.
    due: Duration,
    /// Our own knowledge was complete when we last looked.
    complete: bool,
}

impl Hinting {
    pub(super) fn new(config: &Config, now: Duration) -> Self {
        let (limits, hints) = (&config.limits, &config.hints);
        Self {
            local: Local::new(&config.export, &hints.identities, hints.poll),
            library: Library::new(
                limits.hint_bytes_max,
                limits.gateways_max,
                config.periods.advert_expiry,
            ),
            twins: Twins::default(),
            reading: None,
            next_read: None,
            duty: false,
            generation: 0,
            layout: Layout::default(),
            stale: true,
            dirty: BTreeSet::new(),
            said: None,
            due: now,
            complete: false,
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let reading = self.reading.map(|began| began.mono + READING_MAX);
        [Some(self.due), self.next_read.or(reading), self.local.next_deadline()]
            .into_iter()
            .chain([self.library.next_deadline(), self.twins.next_deadline()])
            .flatten()
            .min()
    }

    /// Somebody else used our name: everything is said again.
    pub(super) fn say_again(&mut self) {
        self.said = None;
        self.generation += 1;
        self.dirty = (0..self.layout.len()).collect();
        self.due = Duration::ZERO;
    }

    /// Whether reading is up to us.
    pub(super) fn reads(&self) -> bool {
        self.duty
    }

    /// Whether what we do not know of in our region is not there.
    pub(super) fn has_complete(&self) -> bool {
        self.complete
    }

    fn touch(&mut self, now: Now) {
        let sibling_reads = !self.duty && self.next_read.is_some();
        let wait = if sibling_reads { SIBLING_SPACING } else { SPACING };
        self.stale = true;
        self.due = self.due.min(now.mono + wait);
    }

    /// Finds a first part that may be built now, or says when one may.
    fn next_part(&self, us: &GatewayId, now: Duration) -> Result<u16, Option<Duration>> {
        let mut soonest: Option<Duration> = None;
        for index in &self.dirty {
            let built = self.library.part(us, *index);
            let ready = built.filter(|(part, _)| part.generation == self.generation);
            let ready = ready.map_or(Duration::ZERO, |(_, at)| at + PART_SPACING);
            if ready <= now {
                return Ok(*index);
            }
            soonest = Some(soonest.map_or(ready, |one| one.min(ready)));
        }
        Err(soonest)
    }
}

impl Gateway {
    /// What time and change bring: forgets, reads, builds, tells.
    pub(super) fn tend_hints(&mut self, now: Now, out: &mut Vec<Action>) {
        self.hinting.library.expire(now.mono);
        if self.hinting.local.expire(now.mono, !self.hinting.duty) {
            self.hinting.touch(now);
        }
        self.read_interest(now, out);
        self.hinting.complete = self.broker.is_up() && self.hinting.local.is_complete(now.mono);
        if self.hinting.due <= now.mono {
            self.tell_hints(now, out);
        }
    }

    pub(super) fn on_broker_for_hints(&mut self, up: bool, now: Now) {
        self.hinting.reading = None;
        self.hinting.next_read = (up && self.config.hints.monitors).then_some(now.mono);
        if !up {
            // Startup events are missed from here on.
            self.hinting.local.doubt();
        }
        self.hinting.touch(now);
    }

    fn read_interest(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.hinting.reading.is_some_and(|began| began.mono + READING_MAX <= now.mono) {
            self.hinting.reading = None;
            self.hinting.next_read = Some(now.mono);
        }
        if self.hinting.next_read.is_none_or(|due| now.mono < due) {
            return;
        }
        self.hinting.duty = self.is_to_read();
        if !self.hinting.duty {
            self.hinting.next_read = Some(now.mono + DUTY_CHECK);
            return;
        }
        self.hinting.next_read = None;
        self.hinting.reading = Some(now);
        let names = self.hinting.twins.nameless();
        out.push(Action::ReadInterest { collectives: self.config.export.clone(), names });
    }

    /// One gateway of a region reads for all: the first by name that can.
    fn is_to_read(&self) -> bool {
        let earlier = |(gateway, shelf): (&GatewayId, &Shelf)| {
            shelf.monitors && *gateway < self.me.gateway && self.is_live(gateway)
        };
        self.state.takes_frames() && !self.hinting.library.shelves(self.region()).any(earlier)
    }

    /// Whether what a gateway says of its region holds: it is at work, and in reach.
    pub(super) fn is_live(&self, gateway: &GatewayId) -> bool {
        let at_work = self
            .database
            .topology(gateway)
            .is_some_and(|(_, topology)| topology.state == GatewayState::Active && topology.broker);
        let table = self.routes.peek(&self.me.region);
        at_work && table.is_some_and(|table| table.gateway(gateway).is_some())
    }

    pub(super) fn on_interest_read(&mut self, reading: InterestRead, now: Now) {
        let Some(began) = self.hinting.reading.take() else { return };
        let poll = self.config.hints.poll;
        let pause = if reading.complete { poll } else { (poll / 4).max(RETRY_MIN).min(poll) };
        self.hinting.next_read = Some(now.mono + pause);
        for name in &reading.names {
            self.hinting.twins.on_name(IdentityHash::of(name), name, now.mono);
        }
        self.hinting.twins.on_own_nodes(now.mono);
        self.hinting.local.on_read(reading, began);
        self.hinting.dirty = (0..self.hinting.layout.len()).collect();
        self.hinting.touch(now);
    }

    /// A node has started, somewhere on our broker.
    pub(super) fn on_startup(&mut self, payload: &[u8], now: Now) {
        if let Some(identity) = lifecycle_identity(payload) {
            self.note_identity(None, identity.as_str(), now);
        }
    }

    /// A node was seen on our broker, in this collective or in an unknown one.
    pub(super) fn note_identity(&mut self, collective: Option<&Collective>, name: &str, now: Now) {
        let identity = IdentityHash::of(name);
        if !self.hinting.twins.is_empty() {
            self.hinting.twins.on_name(identity, name, now.mono);
        }
        if self.hinting.local.knows(collective, identity)
            || Identity::try_from(name).is_err()
            || !self.hinting.local.on_seen(collective, identity, now.mono)
        {
            return;
        }
        let layout = &self.hinting.layout;
        let meant = self.config.export.iter().filter_map(|one| layout.part_of(one, identity));
        self.hinting.dirty.extend(meant);
        self.hinting.touch(now);
        self.look_for_twins_of(collective, name, now);
    }

    /// Reads again soon, though it is not time yet.
    pub(super) fn hasten_reading(&mut self, now: Now) {
        let soon = now.mono + RETRY_MIN;
        let due = self.hinting.next_read.filter(|_| self.hinting.duty);
        if let Some(due) = due.filter(|due| *due > soon) {
            self.hinting.next_read = Some(due.min(soon));
        }
    }

    /// Builds one filter, or tells the summary.
    fn tell_hints(&mut self, now: Now, out: &mut Vec<Action>) {
        if std::mem::take(&mut self.hinting.stale) {
            self.lay_out();
        }
        let refresh = self.config.periods.advert_refresh;
        match self.hinting.next_part(&self.me.gateway, now.mono) {
            Ok(index) => {
                self.hinting.dirty.remove(&index);
                self.hinting.due = now.mono + PACE;
                let part = self.build(index);
                let told = self.hinting.library.part(&self.me.gateway, index);
                if told.is_none_or(|(told, _)| *told != part) {
                    let content = AdvertContent::HintsPart(Arc::new(part));
                    self.say(content, out);
                }
            }
            Err(wait) => {
                let said = self.hinting.said.as_ref();
                let hints = self.own_hints();
                let changed = said.is_none_or(|(told, _)| **told != hints);
                let due =
                    said.map_or(now.mono, |(_, at)| *at + if changed { SPACING } else { refresh });
                let due = if due <= now.mono {
                    let hints = Arc::new(hints);
                    self.hinting.said = Some((Arc::clone(&hints), now.mono));
                    self.say(AdvertContent::Hints(hints), out);
                    now.mono + refresh
                } else {
                    due
                };
                self.hinting.due = wait.map_or(due, |wait| wait.min(due));
            }
        }
    }

    fn lay_out(&mut self) {
        let told = |collective: &Collective, identity| self.is_ours_to_tell(collective, identity);
        let layout = Layout::new(&self.hinting.local, &told);
        if layout != self.hinting.layout {
            self.hinting.generation += 1;
            self.hinting.dirty = (0..layout.len()).collect();
            self.hinting.layout = layout;
        }
    }

    fn build(&self, index: u16) -> HintsPart {
        let told = |collective: &Collective, identity| self.is_ours_to_tell(collective, identity);
        let Hinting { layout, generation, local, .. } = &self.hinting;
        layout.build(index, *generation, local, &told)
    }

    /// Who has read tells everything; the others tell what none of their siblings does.
    fn is_ours_to_tell(&self, collective: &Collective, identity: IdentityHash) -> bool {
        if self.hinting.local.read_at() > Duration::ZERO {
            return true;
        }
        let told = |(gateway, shelf): (&GatewayId, &Shelf)| {
            *gateway != self.me.gateway
                && shelf.get(collective).is_some_and(|volume| volume.may_hold(identity))
                && self.is_live(gateway)
        };
        !self.hinting.library.shelves(self.region()).any(told)
    }

    fn own_hints(&self) -> Hints {
        let Hinting { local, layout, generation, .. } = &self.hinting;
        let complete = self.hinting.complete && layout.is_whole();
        let mut hints = Hints {
            monitors: self.config.hints.monitors,
            generation: *generation,
            parts: layout.len(),
            ..Hints::default()
        };
        for (collective, known) in local.collectives() {
            let fresh = known.fresh().filter(|one| self.is_ours_to_tell(collective, *one)).count();
            let identities = (known.read().len() + fresh) as u64;
            if identities > 0 || complete {
                let said = CollectiveHints {
                    complete,
                    identities,
                    read: local.read_at(),
                    agents: known.agents.clone(),
                    services: known.services.clone(),
                };
                hints.collectives.insert(collective.clone(), said);
            }
        }
        hints
    }
}
