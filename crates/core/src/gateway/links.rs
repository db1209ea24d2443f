//! Links that come and go, the sessions over them, and whether they live.

use std::time::Duration;

use crate::{
    Accept, Action, Alarm, Connection, Control, DialFailure, DialTarget, Epoch, Gateway, GatewayId,
    GatewayState, Hello, LinkId, Now, Open, Outcome,
    gateway::peer::{Heard, Link, Peer, Phase, next_beat},
    session::Inbox,
};

/// Why a link ends that another one succeeds.
const REPLACED: &str = "replaced by another link";
const NAME_TAKEN: &str = "a gateway of another region has this name";

impl Gateway {
    pub(super) fn on_link_up(
        &mut self,
        link: LinkId,
        hello: Hello,
        dialed: Option<DialTarget>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let gateway = hello.gateway.clone();
        self.dialing.call();
        if let Some(refusal) = self.refusal_of(&hello) {
            if refusal == NAME_TAKEN {
                self.raise_for_a_while(Alarm::DuplicateGateway { gateway }, now, out);
            }
            if let Some(target) = &dialed {
                // It would be the same at once again.
                let failure = DialFailure::Refused { reason: refusal.to_owned() };
                self.dialer.on_failed(target, &failure, now.mono, &mut self.rng);
            }
            return out.push(close(link, refusal));
        }
        if let Some(target) = &dialed {
            self.dialer.on_linked(target, &gateway);
        }
        if !self.prefers(&gateway, &hello, dialed.is_some()) {
            return out.push(close(link, "another link to this gateway stays"));
        }
        let epoch = self.new_epoch();
        let peer =
            self.peers.entry(gateway.clone()).or_insert_with(|| Peer::new(hello.clone(), epoch));
        // The peer, in the same life, has another link besides one that is good: no path is lost.
        let handover = peer.is_adjacent() && hello.incarnation == peer.hello.incarnation;
        if peer.is_adjacent() && !handover {
            self.damping.on_flap(&gateway, now.mono);
        }
        if let Some(old) = peer.link.take() {
            self.links.remove(&old.id);
            // Only what was open may still bring what its peer sent before it knew of this link.
            match handover && old.phase == Phase::Open {
                true => peer.previous = Some(old.id),
                false => out.push(close(old.id, REPLACED)),
            }
        }
        if !handover {
            out.extend(peer.previous.take().map(|old| close(old, REPLACED)));
        }
        if hello.incarnation != peer.hello.incarnation {
            peer.inbox = None;
            peer.draining = false;
        }
        self.gone.remove(&gateway);
        peer.barred = self.ordered.bars(&hello.region);
        peer.hello = hello;
        peer.synchronised &= handover;
        peer.down_since = None;
        peer.link = Some(Link {
            id: link,
            dialed,
            phase: if handover { Phase::Handover } else { Phase::Opening },
            since: now.mono,
            heard: Heard::at(now.mono),
            next_ping: now.mono,
            asked: None,
        });
        let open = peer.outbox.open();
        peer.review_cost(&self.config.costs);
        self.timers.arm(&gateway, peer, now.mono);
        let digest = self.database.digest().into_iter().chain(self.hinting.library.digest());
        let digest = digest.collect();
        self.links.insert(link, gateway);
        self.graph_stale = true;
        out.push(Action::Control { link, message: Control::Open(open) });
        out.push(Action::Control { link, message: Control::Digest(digest) });
    }

    /// Why there can be no link with this peer.
    fn refusal_of(&self, hello: &Hello) -> Option<&'static str> {
        let known = self.peers.contains_key(&hello.gateway);
        if hello.gateway == self.me.gateway {
            Some("a peer with our own name")
        } else if self.belongs_elsewhere(hello) {
            Some(NAME_TAKEN)
        } else if !known && self.peers.len() >= self.config.limits.gateways_max {
            Some("too many peers")
        } else {
            None
        }
    }

    /// Whether a gateway of this name is known in another region. A certificate that names no gateway
    /// must not take over the name of one elsewhere.
    fn belongs_elsewhere(&self, hello: &Hello) -> bool {
        let linked = self.peers.get(&hello.gateway).map(|peer| &peer.hello.region);
        let said = self.database.topology(&hello.gateway).map(|(region, _)| region);
        [linked, said].into_iter().flatten().any(|region| *region != hello.region)
    }

    /// Whether a new link to this gateway is better than the one there is.
    ///
    /// When both sides dial, the pair that the lower gateway id dialled stays; a newer pair of the
    /// same dialler replaces the older, and a newer life of the peer replaces anything.
    fn prefers(&self, gateway: &GatewayId, hello: &Hello, by_us: bool) -> bool {
        let Some(peer) = self.peers.get(gateway) else { return true };
        let Some(current) = &peer.link else { return true };
        match hello.incarnation.cmp(&peer.hello.incarnation) {
            std::cmp::Ordering::Less => false,
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => {
                let lower_is_us = self.me.gateway < *gateway;
                current.dialed.is_some() == by_us || by_us == lower_is_us
            }
        }
    }

    pub(super) fn on_link_down(
        &mut self,
        link: LinkId,
        reason: String,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let Some(gateway) = self.links.remove(&link) else { return };
        let not_before = now.mono + self.courtesy(&gateway);
        let link = self.peers.get(&gateway).and_then(|peer| peer.link.as_ref());
        let lived = link.map_or(Duration::ZERO, |link| now.mono.saturating_sub(link.since));
        self.dialing.call();
        self.dialer.on_lost(&gateway, lived, not_before);
        self.graph_stale = true;
        if let Some(peer) = self.peers.get_mut(&gateway) {
            if peer.is_adjacent() {
                self.damping.on_flap(&gateway, now.mono);
            }
            peer.link = None;
            out.extend(peer.previous.take().map(|old| close(old, "its successor is gone")));
            peer.down_since = Some(now.mono);
            peer.down_reason = reason;
            peer.synchronised = false;
            self.timers.arm(&gateway, peer, now.mono + self.config.periods.resume);
        }
    }

    /// The peer of a link, if the link is its current one.
    pub(super) fn peer_of(&mut self, link: LinkId) -> Option<(GatewayId, &mut Peer)> {
        let gateway = self.links.get(&link)?.clone();
        let peer = self.peers.get_mut(&gateway)?;
        Some((gateway, peer))
    }

    pub(super) fn on_heard(&mut self, link: LinkId, connection: Connection, now: Now) {
        let peer = self.links.get(&link).and_then(|gateway| self.peers.get_mut(gateway));
        if let Some(link) = peer.and_then(|peer| peer.link.as_mut()) {
            link.heard.note(connection, now.mono);
        }
    }

    pub(super) fn on_pong(&mut self, link: LinkId, connection: Connection, nonce: u64, now: Now) {
        self.on_heard(link, connection, now);
        let peer = self.links.get(&link).and_then(|gateway| self.peers.get_mut(gateway));
        let Some(peer) = peer else { return };
        let Some(link) = &mut peer.link else { return };
        let Some((asked, at)) = link.asked else { return };
        if connection != Connection::Control || asked != nonce {
            return;
        }
        link.asked = None;
        let first = peer.rtt.is_none();
        peer.measure(now.mono.saturating_sub(at));
        if first {
            self.graph_stale |= peer.review_cost(&self.config.costs);
        }
    }

    /// Looks at what all links cost, so that one advert tells of every change.
    fn review_costs(&mut self, now: Now) {
        self.next_cost_review = next_beat(now.mono, self.beat, self.config.periods.cost_review);
        for peer in self.peers.values_mut().filter(|peer| peer.link.is_some()) {
            self.graph_stale |= peer.review_cost(&self.config.costs);
        }
    }

    pub(super) fn on_control(
        &mut self,
        link: LinkId,
        message: Control,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        self.on_heard(link, Connection::Control, now);
        match message {
            Control::Open(open) => self.on_open(link, open, out),
            Control::Accept(accept) => self.on_accept(link, accept, now, out),
            Control::Ack(ack) => {
                let Some((gateway, peer)) = self.peer_of(link) else { return };
                if let Err(breach) = peer.outbox.on_ack(ack) {
                    self.misbehaves(link, gateway, breach, now, out);
                }
            }
            Control::Digest(digest) => self.on_digest(link, &digest, out),
            Control::Adverts { adverts, answered } => {
                self.on_adverts(link, adverts, answered, now, out);
            }
            Control::Receipts(receipts) => self.on_receipts(receipts, now),
            Control::Probe(probe) => self.on_probe(*probe, now, out),
            Control::DrainRequest => self.on_drain_request(link, now, out),
            Control::LastFrame { epoch, next } => self.on_last_frame(link, epoch, next),
            Control::Undrain => self.on_peer_undrains(link),
            Control::Goodbye => self.on_goodbye(link, now, out),
            Control::Question(question) => self.on_question(question, now, out),
            Control::Answer(answer) => self.on_answer(answer, out),
            Control::RollCall(call) => self.on_roll_call(call, now, out),
            Control::RollAnswer(answer) => self.on_roll_answer(answer, now, out),
        }
    }

    fn on_open(&mut self, link: LinkId, open: Open, out: &mut Vec<Action>) {
        let window = self.config.limits.window_bytes.max(self.config.limits.frame_bytes_max * 2);
        let Some((_, peer)) = self.peer_of(link) else { return };
        if open.fresh && peer.inbox.as_ref().is_none_or(|inbox| inbox.epoch() != open.epoch) {
            peer.inbox = Some(Inbox::new(open.epoch, window));
        }
        let accept = match &mut peer.inbox {
            Some(inbox) if inbox.epoch() == open.epoch && open.base <= inbox.next_number() => {
                inbox.accept()
            }
            Some(_) | None => Accept { epoch: open.epoch, next: None, granted: 0 },
        };
        out.push(Action::Control { link, message: Control::Accept(accept) });
    }

    fn on_accept(&mut self, link: LinkId, accept: Accept, now: Now, out: &mut Vec<Action>) {
        let Some((gateway, peer)) = self.peer_of(link) else { return };
        let again = match peer.outbox.on_accept(accept) {
            Ok(Some(again)) => again,
            Ok(None) => {
                self.end_epoch(&gateway, now);
                let Some((_, peer)) = self.peer_of(link) else { return };
                let open = peer.outbox.open();
                return out.push(Action::Control { link, message: Control::Open(open) });
            }
            Err(breach) => return self.misbehaves(link, gateway, breach, now, out),
        };
        let epoch = peer.outbox.epoch();
        if let Some(link) = &mut peer.link {
            link.phase = Phase::Open;
        }
        out.extend(peer.previous.take().map(|old| close(old, REPLACED)));
        out.extend(again.into_iter().map(|one| Action::Send {
            link,
            epoch,
            number: one.number,
            weight: one.weight,
            frame: one.frame,
        }));
        self.graph_stale = true;
        self.tell_of_drain(link, out);
    }

    /// Gives up on a session's sending direction: what was not acknowledged is in doubt.
    fn end_epoch(&mut self, gateway: &GatewayId, now: Now) {
        let epoch = self.new_epoch();
        let Some(peer) = self.peers.get_mut(gateway) else { return };
        for frame in peer.abandon(epoch) {
            self.ended(&frame.end, Outcome::InDoubt, now);
        }
    }

    /// Gives up a session for good.
    fn forget_peer(&mut self, gateway: &GatewayId, now: Now) {
        self.end_epoch(gateway, now);
        if let Some(mut peer) = self.peers.remove(gateway) {
            self.timers.disarm(gateway, &mut peer);
        }
    }

    pub(super) fn on_goodbye(&mut self, link: LinkId, now: Now, out: &mut Vec<Action>) {
        let Some((gateway, _)) = self.peer_of(link) else { return };
        out.push(close(link, "the peer said goodbye"));
        self.on_link_down(link, "the peer said goodbye".to_owned(), now, out);
        self.forget_peer(&gateway, now);
        if let Some(member) = self.members.get_mut(&gateway) {
            // Gossip may say it later.
            member.state = GatewayState::Left;
        }
        self.beacons.forget_one(&gateway);
        self.joining.call();
    }

    /// Pings, acknowledgements, links that fell silent, and sessions that nobody resumed.
    pub(super) fn tend_links(&mut self, now: Now, out: &mut Vec<Action>) {
        if self.timers.next_deadline().is_some_and(|due| due <= now.mono) {
            for gateway in self.timers.due(now.mono) {
                self.tend(&gateway, now, out);
            }
            if self.next_cost_review <= now.mono {
                self.review_costs(now);
            }
        }
        if self.graph_stale {
            self.refresh_routes(now, out);
            self.advertise(now, out);
            self.pump(now, out);
        }
    }

    fn tend(&mut self, gateway: &GatewayId, now: Now, out: &mut Vec<Action>) {
        let Some(peer) = self.peers.get_mut(gateway) else { return };
        let periods = &self.config.periods;
        self.timers.disarm(gateway, peer);
        if peer.is_forgotten(now.mono, periods) {
            let since = peer.down_since.unwrap_or(now.mono);
            let reason = std::mem::take(&mut peer.down_reason);
            if self.members.contains_key(gateway) {
                self.gone.insert(gateway.clone(), (since, reason));
            }
            return self.forget_peer(gateway, now);
        }
        if let Some(link) = peer.silent_link(now.mono, periods) {
            let reason = format!("nothing heard for {} ms", periods.link_timeout.as_millis());
            out.push(close(link, &reason));
            return self.on_link_down(link, reason, now, out);
        }
        if let Some(link) = peer.link.as_mut().filter(|link| link.next_ping <= now.mono) {
            link.next_ping = next_beat(now.mono, self.beat, periods.ping);
            let (link, nonce) = (link.ask(self.next_nonce, now.mono), self.next_nonce);
            self.next_nonce += 1;
            for connection in [Connection::Control, Connection::Data] {
                out.push(Action::Ping { link, connection, nonce });
            }
        }
        if let Some((link, ack)) = peer.take_ack(now.mono) {
            out.push(Action::Control { link, message: Control::Ack(ack) });
        }
        if let Some(due) = peer.next_deadline(periods) {
            self.timers.arm(gateway, peer, due);
        }
    }

    pub(super) fn new_epoch(&mut self) -> Epoch {
        let epoch = Epoch(self.next_epoch);
        self.next_epoch += 1;
        epoch
    }
}

pub(super) fn close(link: LinkId, reason: &str) -> Action {
    Action::CloseLink { link, reason: reason.to_owned() }
}
