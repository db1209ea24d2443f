//! Our own adverts, and the flooding of everybody's.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    ADVERTS_MAX, Action, Advert, AdvertContent, AdvertDraft, AdvertKey, AdvertKind, Alarm, Control,
    Gateway, GatewayId, GatewayState, Incarnation, LinkId, Now, Offer, Stamp, Topology,
    database::Taken,
    gateway::{duty::Duty, peer::Peer},
    routes::Graph,
};

/// Least time between two versions of one of our adverts, so that a burst of changes is one advert.
const SPACING: Duration = Duration::from_millis(20);

/// Bytes of adverts in one message, unless a single one is larger.
const BATCH_BYTES_MAX: usize = 256 << 10;

/// What a flapping adjacency costs besides: any other way is better, and none is worse than this one.
const SUPPRESSED_COST: u32 = 1_000_000;

/// What we said last, and when.
#[derive(Debug)]
pub(super) struct Adverts {
    /// The life that our adverts carry: at first the process's, later maybe beyond it.
    incarnation: Incarnation,
    version: u64,
    said: BTreeMap<AdvertKind, (AdvertContent, Duration)>,
    /// Called when the graph changed; due when we must speak again.
    duty: Duty,
    /// How often somebody else used our name.
    usurped: u32,
}

/// Other gateways whose place in the graph has changed since routes were last computed. Bound: those
/// in the database.
#[derive(Debug, Default)]
pub(super) struct Told {
    gateways: BTreeSet<GatewayId>,
    /// Some are gone: the graph is built anew.
    pub(super) whole: bool,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.gateways.is_empty() && !self.whole
    }
}

impl Adverts {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, version: 0, said: BTreeMap::new(), duty: Duty::new(), usurped: 0 }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.duty.due
    }

    /// When it is time to speak, and whether we are called to look at what we say.
    pub(super) fn duty(&self) -> &Duty {
        &self.duty
    }

    /// Has us look at what we say.
    pub(super) fn call(&mut self) {
        self.duty.call();
    }

    /// Whether we have said something of this kind in this life.
    pub(super) fn has_said(&self, kind: AdvertKind) -> bool {
        self.said.contains_key(&kind)
    }

    fn next_stamp(&mut self) -> Stamp {
        self.version += 1;
        Stamp { incarnation: self.incarnation, version: self.version }
    }
}

impl Gateway {
    /// Says what changed, and everything again now and then.
    pub(super) fn advertise(&mut self, now: Now, out: &mut Vec<Action>) {
        if !self.adverts.duty.take(now.mono) {
            return;
        }
        let refresh = self.config.periods.advert_refresh;
        self.adverts.duty.due = None;
        let usual = [AdvertContent::Topology(self.topology()), AdvertContent::Offer(self.offer())];
        for content in usual.into_iter().chain(self.orders_to_tell()) {
            let said = self.adverts.said.get(&content.kind());
            let (changed, at) = match said {
                None => (true, None),
                Some((before, at)) => (*before != content, Some(*at)),
            };
            let wait = if changed { SPACING } else { refresh };
            let due = at.map_or(now.mono, |at| at + wait);
            if due <= now.mono {
                self.originate(content, now, out);
                self.note_due(now.mono + refresh);
            } else {
                self.note_due(due);
            }
        }
    }

    fn note_due(&mut self, due: Duration) {
        let due = self.adverts.duty.due.map_or(due, |earlier| earlier.min(due));
        self.adverts.duty.due = Some(due);
    }

    fn originate(&mut self, content: AdvertContent, now: Now, out: &mut Vec<Action>) {
        self.adverts.said.insert(content.kind(), (content.clone(), now.mono));
        self.say(content, out);
    }

    /// Orders an advert of ours.
    pub(super) fn say(&mut self, content: AdvertContent, out: &mut Vec<Action>) {
        let draft = AdvertDraft {
            gateway: self.me.gateway.clone(),
            region: self.me.region.clone(),
            stamp: self.adverts.next_stamp(),
            content,
        };
        out.push(Action::Originate { draft });
    }

    pub(super) fn on_originated(&mut self, advert: Advert, now: Now, out: &mut Vec<Action>) {
        if advert.draft.gateway == self.me.gateway {
            self.keep_and_flood(advert, None, now, out);
        }
    }

    pub(super) fn on_digest(
        &mut self,
        link: LinkId,
        digest: &[(AdvertKey, Stamp)],
        out: &mut Vec<Action>,
    ) {
        if self.peer_of(link).is_none() {
            return;
        }
        let mut lacking = self.database.newer_than(digest);
        lacking.extend(self.hinting.library.newer_than(digest));
        let batches = batches(lacking);
        let last = batches.len() - 1;
        out.extend(batches.into_iter().enumerate().map(|(index, adverts)| Action::Control {
            link,
            message: Control::Adverts { adverts, answered: index == last },
        }));
    }

    pub(super) fn on_adverts(
        &mut self,
        link: LinkId,
        adverts: Vec<Advert>,
        answered: bool,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let Some((gateway, peer)) = self.peer_of(link) else { return };
        peer.synchronised |= answered;
        if answered {
            self.joining.call();
        }
        for advert in adverts.into_iter().take(ADVERTS_MAX) {
            if advert.draft.gateway == self.me.gateway {
                self.on_own_advert(&advert, now, out);
            } else {
                self.keep_and_flood(advert, Some(&gateway), now, out);
            }
        }
    }

    /// Somebody spread an advert in our name. An earlier life of ours may have; what we say now must
    /// win over it.
    fn on_own_advert(&mut self, advert: &Advert, now: Now, out: &mut Vec<Action>) {
        self.learn_orders(&advert.draft, now);
        let theirs = advert.draft.stamp;
        let ours = Stamp { incarnation: self.adverts.incarnation, version: self.adverts.version };
        if theirs <= ours {
            return;
        }
        self.adverts.incarnation = Incarnation(theirs.incarnation.0.saturating_add(1));
        self.adverts.usurped += 1;
        if self.adverts.usurped > 1 {
            let gateway = self.me.gateway.clone();
            self.raise(Alarm::DuplicateGateway { gateway }, out);
        }
        self.adverts.said.clear();
        self.adverts.duty.call();
        self.hinting.say_again();
        self.advertise(now, out);
    }

    fn keep_and_flood(
        &mut self,
        advert: Advert,
        from: Option<&GatewayId>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let is_hint = advert.draft.content.kind().is_hint();
        let taken = match is_hint {
            true => self.hinting.library.take(advert.clone(), now.mono),
            false => self.database.take(&advert, now.mono),
        };
        match taken {
            Taken::Known | Taken::Full => return,
            Taken::Refreshed => {}
            Taken::Changed if is_hint => {
                self.on_filters_of(&advert.draft.gateway, &advert.draft.region, now);
            }
            Taken::Changed => {
                self.learn_orders(&advert.draft, now);
                self.on_told(&advert.draft);
            }
        }
        let maker = &advert.draft.gateway;
        let told = if taken == Taken::Refreshed && from == Some(maker) {
            self.database.topology(maker).map(|(_, topology)| &topology.adjacencies)
        } else {
            None
        };
        for (gateway, peer) in &self.peers {
            let Some(link) = peer.link.as_ref().filter(|_| Some(gateway) != from) else { continue };
            // What is news is told by everybody to everybody, whatever becomes of links meanwhile. What
            // is merely fresh, its maker tells its own peers; should one miss it, another comes in time.
            if told.is_some_and(|peers| peers.contains_key(gateway)) {
                continue;
            }
            let adverts = vec![advert.clone()];
            let message = Control::Adverts { adverts, answered: false };
            out.push(Action::Control { link: link.id, message });
        }
    }

    /// Another gateway says something new: of its place in the graph, or of its region.
    fn on_told(&mut self, draft: &AdvertDraft) {
        // Our own place is what we see, not what we last said.
        if draft.gateway != self.me.gateway && draft.content.kind() == AdvertKind::Topology {
            self.told.gateways.insert(draft.gateway.clone());
        }
        self.joining.call();
    }

    /// Brings routes up to date with what has changed of ours or of others' places.
    pub(super) fn refresh_routes(&mut self, now: Now, out: &mut Vec<Action>) {
        let ours = std::mem::take(&mut self.graph_stale);
        let told = std::mem::take(&mut self.told);
        if !ours && told.is_empty() {
            return;
        }
        if ours {
            self.adverts.duty.call();
        }
        self.joining.call();
        self.siblings.duty.call();
        self.review_native();
        if self.update_routes(ours, &told) {
            let _ = self.routes.table(&self.me.gateway, &self.me.region);
            self.reroute(now, out);
        }
    }

    /// Whether the graph has changed.
    fn update_routes(&mut self, ours: bool, told: &Told) -> bool {
        let (me, region) = (&self.me.gateway, &self.me.region);
        let topology = (ours || told.whole).then(|| self.topology());
        if !told.whole {
            let ours = topology.iter().map(|topology| (me, region, topology));
            let theirs = told.gateways.iter().filter_map(|gateway| {
                let (region, topology) = self.database.topology(gateway)?;
                Some((gateway, region, topology))
            });
            if let Some(changed) = self.routes.change(ours.chain(theirs)) {
                return changed;
            }
        }
        let topology = topology.unwrap_or_else(|| self.topology());
        let others = self.database.topologies().filter(|(gateway, ..)| *gateway != me);
        let places: Vec<_> = std::iter::once((me, region, &topology)).chain(others).collect();
        self.routes.update(Graph::new(&places))
    }

    pub(super) fn topology(&self) -> Topology {
        let used = |(_, peer): &(_, &Peer)| peer.open_link().is_some() && !peer.barred;
        let open = self.peers.iter().filter(used);
        let cost = |gateway: &GatewayId, peer: &Peer| match self.damping.is_suppressed(gateway) {
            true => peer.cost.saturating_add(SUPPRESSED_COST),
            false => peer.cost,
        };
        Topology {
            state: self.state,
            broker: self.broker.is_up(),
            transit: self.carries_transit(),
            transit_ruled: self.rules_transit(),
            adjacencies: open.map(|(name, peer)| (name.clone(), cost(name, peer))).collect(),
            native: self.beacons.native(&self.me.region),
        }
    }

    fn offer(&self) -> Offer {
        Offer { collectives: self.config.export.clone() }
    }

    /// The link over which a message for this gateway goes, if there is a route.
    pub(super) fn link_towards(&mut self, gateway: &GatewayId) -> Option<LinkId> {
        if let Some(link) = self.peers.get(gateway).and_then(|peer| peer.link.as_ref()) {
            return Some(link.id);
        }
        let table = self.routes.table(&self.me.gateway, &self.me.region);
        let route = table.gateway(gateway)?;
        let link_of = |peer: &GatewayId| self.peers.get(peer).and_then(|one| one.open_link());
        let backup = route.backup.iter().map(|backup| &backup.next_hop);
        route.next_hops.iter().chain(backup).find_map(link_of)
    }

    pub(super) fn set_state(&mut self, state: GatewayState) {
        self.state = state;
        self.graph_stale = true;
    }
}

/// Adverts in messages that are bounded in number and bytes, so that a ping never waits long behind
/// one; at least one message.
fn batches(adverts: Vec<Advert>) -> Vec<Vec<Advert>> {
    let mut batches = vec![Vec::new()];
    let mut bytes = 0;
    for advert in adverts {
        let size = advert.sealed.len();
        let last = batches.last().map_or(0, Vec::len);
        if last == ADVERTS_MAX || (last > 0 && bytes + size > BATCH_BYTES_MAX) {
            batches.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(batch) = batches.last_mut() {
            batch.push(advert);
        }
    }
    batches
}
