//! Our own adverts, and the flooding of everybody's.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    ADVERTS_MAX, Action, Advert, AdvertContent, AdvertDraft, AdvertKey, AdvertKind, Alarm, Control,
    Gateway, GatewayId, Incarnation, LinkId, Now, Offer, Stamp, database::Taken,
    gateway::duty::Duty,
};

/// Least time between two versions of one of our adverts, so that a burst of changes is one advert.
const SPACING: Duration = Duration::from_millis(20);

/// Bytes of adverts in one message, unless a single one is larger: each link keeps room for what was
/// once said on it at a time.
const BATCH_BYTES_MAX: usize = 8 << 10;

/// What we said last, and when.
#[derive(Debug)]
pub(super) struct Adverts {
    /// The life that our adverts carry: at first the process's, later maybe beyond it.
    incarnation: Incarnation,
    version: u64,
    said: BTreeMap<AdvertKind, (AdvertContent, Duration)>,
    /// Called when our place changed; due when we must speak again.
    pub(super) duty: Duty,
    /// How often somebody else used our name.
    usurped: u32,
}

impl Adverts {
    pub(super) fn new(incarnation: Incarnation) -> Self {
        Self { incarnation, version: 0, said: BTreeMap::new(), duty: Duty::new(), usurped: 0 }
    }

    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.duty.due
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
        let usual =
            [AdvertContent::Topology(self.topology().into()), AdvertContent::Offer(self.offer())];
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
            self.raise_for_a_while(Alarm::DuplicateGateway { gateway }, now, out);
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
