//! The gateway machine.

mod adverts;
mod beacons;
mod broker;
mod cost;
mod decide;
mod drain;
mod drops;
mod duty;
mod egress;
mod explain;
mod federated;
mod frames;
mod gather;
mod hint_views;
mod hints;
mod ingress;
mod links;
mod members;
mod orders;
mod passing;
mod peer;
mod places;
mod policing;
mod probes;
mod prune;
mod questions;
mod receipts;
mod replies;
mod requests;
mod services;
mod siblings;
mod subscriptions;
mod twins;
mod vetting;
mod view;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use rand_chacha::ChaCha8Rng;
use rand_core::SeedableRng;

use self::{
    adverts::Adverts,
    beacons::Beacons,
    broker::Broker,
    drain::Drain,
    drops::Drops,
    duty::Duty,
    hints::Hinting,
    orders::Ordered,
    passing::Passing,
    peer::{Peer, Timers},
    policing::Policing,
    questions::Questions,
    receipts::Outgoing,
    services::Services,
    siblings::Siblings,
    vetting::Vetting,
};
use crate::{
    Action, Alarm, Config, Creator, Event, GatewayId, GatewayState, LinkId, Member, Now, RegionId,
    account::Account, coalesce::Coalescer, damping::Damping, database::Database, dialer::Dialer,
    membership::Membership, queue::Queues, routes::Routes,
};

/// Alarms that stand at a time; some name what peers or nodes chose.
const ALARMS_MAX: usize = 256;

/// One gateway: everything it knows and every decision it takes.
///
/// Total: no input makes it fail or panic. Everything it keeps is bounded by [`crate::Limits`].
#[derive(Debug)]
pub struct Gateway {
    config: Config,
    me: Creator,
    /// Where our nodes answer requests of other regions.
    reply_subjects: BTreeSet<String>,
    rng: ChaCha8Rng,
    state: GatewayState,
    ready: bool,
    broker: Broker,
    membership: Membership,
    beacons: Beacons,
    siblings: Siblings,
    peers: BTreeMap<GatewayId, Peer>,
    /// When each of them has to be looked after.
    timers: Timers,
    /// Where in each period links are pinged.
    beat: Duration,
    /// When it is looked at again what links cost. Pings wake us for it.
    next_cost_review: Duration,
    /// The current link of each linked peer.
    links: BTreeMap<LinkId, GatewayId>,
    members: BTreeMap<GatewayId, Member>,
    /// Members that gossip has lost sight of, and since when; a part of `members`.
    lost_members: BTreeMap<GatewayId, Duration>,
    /// Members whose link is down for so long that its session was given up: since when, and why. A part of
    /// `members`.
    gone: BTreeMap<GatewayId, (Duration, String)>,
    dialer: Dialer,
    /// Depends on members, links and attempts.
    dialing: Duty,
    /// Depends on the broker, adverts exchanged, routes, beacons and whether we leave.
    joining: Duty,
    adverts: Adverts,
    database: Database,
    hinting: Hinting,
    services: Services,
    routes: Routes,
    damping: Damping,
    /// Something has changed of our own place in the graph, or of what our adverts say.
    graph_stale: bool,
    /// What has changed of others' places.
    told: places::Told,
    /// Directed requests that are being gathered.
    gathering: Coalescer<gather::Read>,
    queues: Queues,
    account: Account,
    outgoing: Outgoing,
    drops: Drops,
    policing: Policing,
    ordered: Ordered,
    vetting: Vetting,
    alarms: BTreeSet<Alarm>,
    passing: Passing,
    drain: Option<Drain>,
    questions: Questions,
    probes: probes::Probes,
    next_epoch: u64,
    next_nonce: u64,
    /// See [`Gateway::next_deadline`]; found once for each event.
    deadline: Option<Duration>,
}

impl Gateway {
    /// A gateway that has just started; `seed` feeds its only use of chance, the jitter of pauses
    /// between dials.
    #[must_use]
    pub fn new(config: Config, seed: u64, now: Now) -> Self {
        let me = Creator {
            region: config.region.clone(),
            gateway: config.gateway.clone(),
            incarnation: config.incarnation,
        };
        let (limits, periods) = (&config.limits, &config.periods);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut gateway = Self {
            beat: peer::beat(periods.ping, &mut rng),
            rng,
            state: GatewayState::Starting,
            ready: false,
            broker: Broker::new(),
            membership: Membership::default(),
            beacons: Beacons::new(periods, now.mono),
            siblings: Siblings::new(),
            peers: BTreeMap::new(),
            timers: Timers::default(),
            next_cost_review: Duration::ZERO,
            links: BTreeMap::new(),
            members: BTreeMap::new(),
            lost_members: BTreeMap::new(),
            gone: BTreeMap::new(),
            dialer: Dialer::new(&config),
            dialing: Duty::new(),
            joining: Duty::new(),
            adverts: Adverts::new(config.incarnation),
            database: Database::new(limits.gateways_max, periods.advert_expiry),
            hinting: Hinting::new(&config, now.mono),
            services: Services::default(),
            routes: Routes::default(),
            damping: Damping::new(limits, periods),
            graph_stale: true,
            told: places::Told::default(),
            gathering: Coalescer::new(),
            queues: Queues::new(limits.queue_bytes_max, periods.hold),
            account: Account::new(limits.accounts_max, periods.doubt_memory),
            outgoing: Outgoing::default(),
            drops: Drops::default(),
            policing: Policing::default(),
            ordered: Ordered::default(),
            vetting: Vetting::default(),
            alarms: BTreeSet::new(),
            passing: Passing::default(),
            drain: None,
            questions: Questions::default(),
            probes: probes::Probes::default(),
            next_epoch: 1,
            next_nonce: 1,
            deadline: None,
            me,
            reply_subjects: subscriptions::reply_subjects(&config),
            config,
        };
        gateway.deadline = gateway.find_deadline();
        gateway
    }

    /// Advances the machine by one event and returns what the driver must do, in order.
    ///
    /// Total: never blocks, fails or panics, whatever the bytes. `now.mono` must not go backwards.
    pub fn handle(&mut self, event: Event, now: Now) -> Vec<Action> {
        let mut out = Vec::new();
        let is_sign_of_life =
            matches!(event, Event::Heard { .. } | Event::Ping { .. } | Event::Pong { .. });
        self.on_event(event, now, &mut out);
        if is_sign_of_life && self.is_settled(now.mono) {
            return out;
        }
        self.settle(now, &mut out);
        self.deadline = self.find_deadline();
        out
    }

    /// Whether nothing has to be brought up to date after a sign of life: most events are such, and
    /// most of them change nothing but when somebody was last heard.
    fn is_settled(&self, now: Duration) -> bool {
        let due = self.deadline.is_some_and(|deadline| deadline <= now);
        let called = [&self.dialing, &self.joining, &self.siblings.duty, &self.adverts.duty];
        let stale = self.graph_stale || !self.told.is_empty() || !self.broker.waiting.is_empty();
        !due && !stale && !called.into_iter().any(Duty::is_called)
    }

    /// When `handle(Event::Tick, ..)` next has work, as `now.mono`; `None` if never by itself. What the
    /// work was for may have come to nothing until then.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        self.deadline
    }

    fn find_deadline(&self) -> Option<Duration> {
        [
            self.gathering.next_deadline(),
            self.queues.next_deadline(),
            self.account.next_deadline(),
            self.database.next_deadline(),
            self.outgoing.next_deadline(),
            self.beacons.next_deadline(self.broker.is_up()),
            self.siblings.next_deadline(),
            self.adverts.next_deadline(),
            self.hinting.next_deadline(),
            self.services.next_deadline(),
            self.damping.next_deadline(),
            self.vetting.next_deadline(),
            self.ordered.next_deadline(),
            self.dialing.due,
            self.joining.due,
            self.drain.as_ref().and_then(Drain::next_deadline),
            self.questions.next_deadline(),
            self.probes.next_deadline(),
            self.passing.next_deadline(),
            self.lost_deadline(),
            self.lost_deadline(),
            self.timers.next_deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether this gateway is in its region's queue groups: what `/readyz` says, unless the broker denies some.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The smoothed round trip of a link; `None` before the first answer, and for one that is gone.
    #[must_use]
    pub fn round_trip(&self, link: LinkId) -> Option<Duration> {
        self.peers.get(self.links.get(&link)?)?.rtt
    }

    fn on_event(&mut self, event: Event, now: Now, out: &mut Vec<Action>) {
        match event {
            Event::Tick => {}
            Event::Drain { grace } => self.on_drain(grace, now, out),
            Event::Undrain => self.on_undrain(out),
            Event::BrokerUp(info) => self.on_broker_up(info, now, out),
            Event::BrokerDown => self.on_broker_down(now, out),
            Event::FromBroker(message) => self.on_broker(message, now, out),
            Event::Unsubscribed { subscription } => self.on_unsubscribed(subscription),
            Event::BarrierPassed { barrier } => self.on_barrier_passed(barrier, now, out),
            Event::PublishRefused { subject, reason } => {
                self.on_publish_refused(&subject, reason, now, out);
            }
            Event::InterestRead(reading) => self.on_interest_read(reading, now),
            Event::InterestAnswered(answer) => self.on_interest(answer, now, out),
            Event::BeaconHeard(beacon) => self.on_beacon(beacon, now, out),
            Event::LinkUp { link, peer, dialed } => self.on_link_up(link, peer, dialed, now, out),
            Event::LinkDown { link, reason } => self.on_link_down(link, reason, now, out),
            Event::Heard { link, connection } => self.on_heard(link, connection, now),
            Event::Ping { link, connection, nonce } => {
                self.on_heard(link, connection, now);
                out.push(Action::Pong { link, connection, nonce });
            }
            Event::Pong { link, connection, nonce } => self.on_pong(link, connection, nonce, now),
            Event::FromPeer { link, message } => self.on_control(link, message, now, out),
            Event::Frame { link, epoch, number, weight, frame } => {
                self.on_frame(frames::Arrived { link, epoch, number, weight, frame }, now, out);
            }
            Event::MemberSeen(member) => self.on_member(member, now),
            Event::MemberGone { gateway } => self.on_member_gone(&gateway, now),
            Event::DialFailed { target, failure } => {
                self.dialing.call();
                self.dialer.on_failed(&target, &failure, now.mono, &mut self.rng);
            }
            Event::Trace { asked, to, timeout } => self.on_trace(asked, to, timeout, now, out),
            Event::Originated { advert } => self.on_originated(advert, now, out),
            Event::Verified { ticket, proof } => self.on_verified(ticket, proof, now, out),
            Event::Ordered { order } => self.on_ordered(*order, now),
            Event::PolicyApplied { policy } => self.on_policy(*policy, now),
            Event::Ask { ticket, to, topic, body, patience } => {
                self.on_ask(questions::Ask { ticket, to, topic, body, patience }, now, out);
            }
            Event::Answer { asked, answer } => self.on_worked_out(asked, answer, now, out),
        }
    }

    /// Brings everything that depends on what changed, or on time, up to date. Each step finds out by
    /// itself, in a moment, whether it has anything to do.
    fn settle(&mut self, now: Now, out: &mut Vec<Action>) {
        self.expire(now, out);
        self.tend_orders(now, out);
        self.send_gathered_due(now, out);
        self.refresh_routes(now, out);
        self.review_membership(now, out);
        self.tend_siblings(now, out);
        self.advertise(now, out);
        self.tend_hints(now, out);
        self.tend_twins(now, out);
        self.publish_waiting(now, out);
        self.pump(now, out);
        self.ask_barrier(now, out);
        self.tend_links(now, out);
        self.send_receipts(now, out);
        self.dial(now, out);
        self.advance_drain(now, out);
    }

    fn expire(&mut self, now: Now, out: &mut Vec<Action>) {
        let mut expired = Vec::new();
        self.queues.sweep(now.mono, &mut expired);
        self.drop_all(expired, now, out);
        self.account.expire(now.mono);
        self.told.whole |= self.database.expire(now.mono);
        self.graph_stale |= self.damping.expire(now.mono);
        self.expire_beacons(now, out);
        self.expire_vetting(now, out);
        self.expire_members(now);
        self.expire_members(now);
        self.questions.expire(now.mono, out);
        self.expire_questions(now, out);
        self.expire_probes(now, out);
        self.expire_passing(now, out);
    }

    fn region(&self) -> &RegionId {
        &self.me.region
    }

    fn raise(&mut self, alarm: Alarm, out: &mut Vec<Action>) {
        let room = self.alarms.len() < ALARMS_MAX;
        if room && self.alarms.insert(alarm.clone()) {
            out.push(Action::Alarm { alarm, raised: true });
        }
    }

    fn clear(&mut self, alarm: Alarm, out: &mut Vec<Action>) {
        if self.alarms.remove(&alarm) {
            self.passing.forget(&alarm);
            out.push(Action::Alarm { alarm, raised: false });
        }
    }

    /// Clears every alarm that is over.
    fn clear_all(&mut self, is_over: impl Fn(&Alarm) -> bool, out: &mut Vec<Action>) {
        let over: Vec<Alarm> = self.alarms.iter().filter(|one| is_over(one)).cloned().collect();
        for alarm in over {
            self.clear(alarm, out);
        }
    }
}

#[cfg(test)]
mod tests;
