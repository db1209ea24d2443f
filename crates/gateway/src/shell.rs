//! The loop that drives the gateway machine: facts in, orders out.
//!
//! One task owns the machine by value. The arms of its `select!` only wait; what they return is
//! handled after it, and carrying out an order never waits: one slow peer must not stall the rest.

mod answers;
mod broker;
mod expiry;
mod facts;
mod links;
mod orders;
mod peers;
mod policy;
mod query;
mod rates;
mod report;
mod statements;
mod vetting;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use antiphon_broker::BrokerEvent;
use antiphon_core::{
    Action, DialTarget, Endpoint, Event, Gateway, Member, TicketId, policy::Proof,
};
use antiphon_identity::{Credentials, UnixTime, vault::Enrolment};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep_until, timeout},
};

use self::{
    answers::Answers,
    expiry::Expiry,
    facts::Troubles,
    peers::Peers,
    rates::Rates,
    report::{Tallied, Ways},
};
use crate::{
    certificates::OwnCertificates,
    clock::Clock,
    config::Config,
    gossip::{Gossip, GossipEvent},
    interest::{InterestOut, Wanted},
    link::{LinkCommand, LinkEvent, LinkEvents, LinkHandle},
    notary::Notary,
    policies::PolicyFacts,
    record::Recorder,
};

pub use answers::{TraceAsked, topic, unpack};
pub(crate) use answers::{Work, work_out};
use broker::not_permitted;
pub(crate) use broker::{BEACON_PREFIX, BrokerOut};
pub use facts::{
    AuthorityFacts, CallerFacts, ClockFacts, DialFacts, EnrolmentFacts, EnrolmentTrouble,
    ProcessFacts, RefusalFacts, RevokedFacts, Settings, TroubleFacts, TrustFacts,
};
pub use policy::PolicyOrder;
pub use query::{
    EXPLANATION_SCHEMA, Query, Question, RECORDS_SCHEMA, Said, ShellGone, ShellHandle,
};
pub use report::{
    BrokerCounts, CertificateFacts, Connection, Daemon, GossipFacts, LinkTraffic, Report, SCHEMA,
};
pub(crate) use vetting::{Vetting, vetting};

/// How long links, and then the broker connection, may take to flush and close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Messages of the links, and as many of the broker, that are taken in one go.
const AT_ONCE: usize = 32;

/// Everything that the shell drives.
pub(crate) struct Parts {
    pub(crate) config: Arc<Config>,
    pub(crate) core: Gateway,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) member: Member,
    pub(crate) clock: Clock,
    pub(crate) notary: Arc<Notary>,
    pub(crate) certificates: OwnCertificates,
    pub(crate) broker: BrokerOut,
    pub(crate) broker_events: mpsc::Receiver<BrokerEvent>,
    pub(crate) links: LinkHandle,
    pub(crate) link_events: LinkEvents,
    pub(crate) gossip: Gossip,
    pub(crate) gossip_events: mpsc::Receiver<GossipEvent>,
    /// Orders to whoever reads interest, and what comes of them; absent without monitors.
    pub(crate) interest: Option<(InterestOut, mpsc::Receiver<Event>)>,
    pub(crate) queries: mpsc::Receiver<Query>,
    pub(crate) renewals: mpsc::Receiver<Credentials>,
    /// How it stands with certificates that we have made.
    pub(crate) enrolment: Option<watch::Receiver<Enrolment>>,
    pub(crate) vetting: Vetting,
    pub(crate) verdicts: mpsc::Receiver<(TicketId, Proof)>,
    pub(crate) answers: mpsc::Sender<Work>,
}

/// Why the shell ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShellError {
    /// The broker's adapter ended unasked.
    #[error("the broker connection's task ended")]
    BrokerEnded,
    /// The links ended unasked.
    #[error("the links' tasks ended")]
    LinksEnded,
}

/// The loop.
pub(crate) struct Shell {
    config: Arc<Config>,
    core: Gateway,
    recorder: Option<Recorder>,
    /// What we publish of ourselves by gossip.
    member: Member,
    clock: Clock,
    notary: Arc<Notary>,
    certificates: OwnCertificates,
    broker: BrokerOut,
    broker_events: mpsc::Receiver<BrokerEvent>,
    links: LinkHandle,
    link_events: LinkEvents,
    gossip: Gossip,
    gossip_events: mpsc::Receiver<GossipEvent>,
    interest: Option<(InterestOut, mpsc::Receiver<Event>)>,
    queries: mpsc::Receiver<Query>,
    renewals: mpsc::Receiver<Credentials>,
    enrolment: Option<watch::Receiver<Enrolment>>,
    vetting: Vetting,
    verdicts: mpsc::Receiver<(TicketId, Proof)>,
    answers: Answers,
    policy_facts: PolicyFacts,
    peers: Peers,
    tallied: Tallied,
    troubles: Troubles,
    trust: TrustFacts,
    expiry: Expiry,
    rates: Rates,
    ways: Ways,
    stopping: bool,
}

/// What the loop waited for.
enum Input {
    Deadline,
    Broker(Option<BrokerEvent>),
    Link(Option<LinkEvent>),
    Gossip(GossipEvent),
    Interest(Event),
    Query(Query),
    Renewed(Credentials),
    Verified(TicketId, Proof),
}

impl Shell {
    pub(crate) fn new(parts: Parts) -> Self {
        let trust = TrustFacts::of(
            &parts.config,
            &parts.notary.credentials(),
            parts.vetting.callers().as_deref(),
        );
        Self {
            config: parts.config,
            core: parts.core,
            recorder: parts.recorder,
            member: parts.member,
            clock: parts.clock,
            notary: parts.notary,
            certificates: parts.certificates,
            broker: parts.broker,
            broker_events: parts.broker_events,
            links: parts.links,
            link_events: parts.link_events,
            gossip: parts.gossip,
            gossip_events: parts.gossip_events,
            interest: parts.interest,
            queries: parts.queries,
            renewals: parts.renewals,
            enrolment: parts.enrolment,
            vetting: parts.vetting,
            verdicts: parts.verdicts,
            answers: Answers::new(parts.answers),
            policy_facts: PolicyFacts::default(),
            peers: Peers::default(),
            tallied: Tallied::default(),
            troubles: Troubles::default(),
            trust,
            expiry: Expiry::default(),
            rates: Rates::default(),
            ways: Ways::default(),
            stopping: false,
        }
    }

    /// Drives the machine until it has drained.
    ///
    /// # Errors
    /// An adapter ended unasked.
    pub(crate) async fn run(mut self) -> Result<(), ShellError> {
        self.publish_member();
        self.policy_at_start();
        self.drive(Event::Tick);
        while !self.stopping {
            let input = self.wait().await;
            self.take(input)?;
            self.take_more();
        }
        self.close_links().await;
        self.close_broker().await;
        Ok(())
    }

    async fn wait(&mut self) -> Input {
        let wake = self.next_deadline();
        tokio::select! {
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Input::Deadline,
            event = self.broker_events.recv() => Input::Broker(event),
            event = self.link_events.recv() => Input::Link(event),
            Some(event) = self.gossip_events.recv() => Input::Gossip(event),
            Some(event) = interest(&mut self.interest) => Input::Interest(event),
            Some(query) = self.queries.recv() => Input::Query(query),
            Some(credentials) = self.renewals.recv() => Input::Renewed(credentials),
            Some((ticket, proof)) = self.verdicts.recv() => Input::Verified(ticket, proof),
        }
    }

    /// Messages that are there already, without waiting for each: timers are set, and everybody else is
    /// asked, once for a handful of them.
    ///
    /// Nothing is taken once we stop: whoever closes links and broker looks for the last word of each.
    fn take_more(&mut self) {
        for _ in 0..AT_ONCE {
            let mut idle = true;
            if !self.stopping
                && let Some(event) = self.link_events.try_recv()
            {
                self.on_link(event);
                idle = false;
            }
            if !self.stopping
                && let Ok(event) = self.broker_events.try_recv()
            {
                self.on_broker(event);
                idle = false;
            }
            if idle {
                return;
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let core = self.core.next_deadline();
        let link = self.peers.next_deadline().map(|unix| self.until(unix));
        let sample = Some(self.rates.next_deadline());
        [core, link, sample].into_iter().flatten().min().map(|mono| self.clock.at(mono))
    }

    /// A moment of the wall clock as core time.
    fn until(&self, unix: Duration) -> Duration {
        let now = self.clock.now();
        now.mono + unix.saturating_sub(now.unix)
    }

    fn take(&mut self, input: Input) -> Result<(), ShellError> {
        match input {
            Input::Deadline => {
                self.troubles.look_at_clock(self.clock.now());
                self.tend_certificates();
                self.warn_of_ends();
                let (now, links) = (self.clock.now().mono, &self.links);
                self.rates.sample(now, || links.stats());
                self.drive(Event::Tick);
            }
            Input::Broker(event) => self.on_broker(event.ok_or(ShellError::BrokerEnded)?),
            Input::Link(event) => self.on_link(event.ok_or(ShellError::LinksEnded)?),
            Input::Gossip(event) => self.on_gossip(event),
            Input::Interest(event) => self.drive(event),
            Input::Query(query) => self.on_query(query),
            Input::Renewed(credentials) => self.on_renewed(credentials),
            Input::Verified(ticket, proof) => self.drive(Event::Verified { ticket, proof }),
        }
        Ok(())
    }

    /// Gives the machine an event, and those that follow from what it orders.
    fn drive(&mut self, event: Event) {
        let mut following = VecDeque::new();
        let mut next = Some(event);
        while let Some(event) = next {
            let actions = self.turn(event);
            following.extend(actions.into_iter().filter_map(|action| self.perform(action)));
            next = following.pop_front();
        }
    }

    /// One turn of the machine, recorded where that is wanted.
    fn turn(&mut self, event: Event) -> Vec<Action> {
        let now = self.clock.now();
        let Some(recorder) = &mut self.recorder else { return self.core.handle(event, now) };
        let copy = recorder.wants().then(|| event.clone());
        let actions = self.core.handle(event, now);
        if let Some(event) = copy {
            recorder.turn(now, event, &actions);
        }
        actions
    }

    /// Carries out an order without waiting. Returns what is known at once of how it ended.
    fn perform(&mut self, action: Action) -> Option<Event> {
        match action {
            Action::Subscribe { subscription, subject, group } => {
                // What was said of an earlier one is over.
                self.tallied.allow(&not_permitted(subject.clone()));
                return self.broker.subscribe(subscription, subject, group);
            }
            Action::Unsubscribe { subscription } => return self.broker.unsubscribe(subscription),
            Action::Publish { subject, mark, payload } => {
                return self.broker.publish(subject, &mark, payload);
            }
            Action::Barrier { barrier } => return self.broker.ask_barrier(barrier),
            Action::ReadInterest { collectives, names } => {
                if let Some((interest, _)) = &self.interest {
                    interest.read(Wanted { collectives, names });
                }
            }
            Action::AskInterest { question, subject } => {
                if let Some((interest, _)) = &self.interest {
                    interest.ask(question, subject);
                }
            }
            Action::PublishBeacon { subject, beacon } => self.publish_beacon(subject, beacon),
            Action::Originate { draft } => return self.originate(draft),
            Action::Verify { ticket, payload } => {
                let now = UnixTime::since_unix_epoch(self.clock.now().unix);
                return self.vetting.verify(ticket, payload, now);
            }
            Action::Dial { target } => {
                let endpoint = self.endpoint_of(&target);
                self.links.submit(LinkCommand::Dial { target, endpoint });
            }
            Action::CloseLink { link, reason } => {
                self.links.submit(LinkCommand::Close { link, reason });
            }
            Action::Ping { link, connection, nonce } => {
                self.links.submit(LinkCommand::Ping { link, connection, nonce });
            }
            Action::Pong { link, connection, nonce } => {
                self.links.submit(LinkCommand::Pong { link, connection, nonce });
            }
            Action::Control { link, message } => {
                self.links.submit(LinkCommand::Control { link, message });
            }
            Action::Send { link, epoch, number, weight, frame } => {
                self.links.submit(LinkCommand::Send { link, epoch, number, weight, frame });
            }
            Action::Dropped(dropped) => report::log_dropped(&dropped),
            Action::Alarm { alarm, raised } => report::log_alarm(&alarm, raised),
            Action::Ready { ready } => tracing::info!(ready, "readiness changed"),
            Action::Answer { asked, topic, body } => return self.answer(asked, &topic, &body),
            Action::Traced { asked, trace } => return Some(answers::traced(asked, &trace)),
            Action::Answered { ticket, answer } => self.answers.end(ticket, answer),
            Action::Stop => self.stopping = true,
        }
        None
    }

    /// Where to dial: what is configured outranks what a gateway advertises.
    fn endpoint_of(&self, target: &DialTarget) -> Endpoint {
        match target {
            DialTarget::Seed { endpoint } => endpoint.clone(),
            DialTarget::Member { gateway, endpoint } => {
                self.config.link.dial.get(gateway).unwrap_or(endpoint).clone()
            }
        }
    }

    fn on_gossip(&mut self, event: GossipEvent) {
        match event {
            GossipEvent::MemberSeen(member) => self.drive(Event::MemberSeen(member)),
            GossipEvent::MemberGone { gateway } => {
                self.troubles.gone(&gateway);
                self.drive(Event::MemberGone { gateway });
            }
            GossipEvent::Refused { kind, detail } => self.refused("gossip", kind, &detail),
            GossipEvent::Restarted { reason } => {
                tracing::warn!(reason, "gossip was started anew");
            }
        }
    }

    fn on_query(&mut self, query: Query) {
        match query {
            Query::Report(answer) => {
                let report = self.report();
                if answer.send(report).is_err() {
                    tracing::debug!("whoever asked for a report has gone");
                }
            }
            Query::Requests(wanted, answer) => self.on_requests(&wanted, answer),
            Query::Explain(asked, answer) => self.on_explain(&asked, answer),
            Query::Policy(order, answer) => {
                let trial = self.on_policy_order(*order);
                if answer.send(trial).is_err() {
                    tracing::debug!("whoever gave a policy has gone");
                }
            }
            Query::Order(order, answer) => self.on_order(order, answer),
            Query::Drain { grace } => {
                let grace = grace.unwrap_or(self.config.drain_grace);
                tracing::info!(?grace, "draining");
                self.drive(Event::Drain { grace });
            }
            Query::Undrain(answer) => {
                let possible = self.core.can_undrain();
                tracing::info!(possible, "undrain was asked for");
                self.drive(Event::Undrain);
                if answer.send(possible).is_err() {
                    tracing::debug!("whoever asked to undrain has gone");
                }
            }
            Query::Ask { question, answer } => {
                let ask = self.answers.begin(question, answer);
                self.drive(ask);
            }
            Query::WorkedOut { asked, answer } => self.drive(Event::Answer { asked, answer }),
        }
    }

    /// Closes what links are left, and waits until each has written its last message: goodbyes are
    /// what tells peers that nothing is in doubt.
    async fn close_links(&mut self) {
        for link in self.peers.links() {
            let reason = "the gateway leaves".to_owned();
            self.links.submit(LinkCommand::Close { link, reason });
        }
        let closed = async {
            while !self.peers.is_empty() {
                match self.link_events.recv().await {
                    Some(LinkEvent::Down { link, .. }) => drop(self.peers.remove(link)),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!(timeout = ?CLOSE_TIMEOUT, "not every link closed in time");
        }
    }

    /// Flushes what was published and closes the connection; takes no more messages.
    async fn close_broker(&mut self) {
        self.broker.close();
        let closed = async {
            while let Some(event) = self.broker_events.recv().await {
                if matches!(event, BrokerEvent::Closed) {
                    return;
                }
            }
        };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!(timeout = ?CLOSE_TIMEOUT, "the broker connection did not close in time");
        }
    }
}

/// What was learnt of interest next; never where nobody reads it.
async fn interest(interest: &mut Option<(InterestOut, mpsc::Receiver<Event>)>) -> Option<Event> {
    match interest {
        Some((_, events)) => events.recv().await,
        None => std::future::pending().await,
    }
}
