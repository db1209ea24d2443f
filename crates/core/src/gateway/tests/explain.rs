//! What is explained is what is done.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    Beacon, CheckResult, ExplainAsked, ExplainError, Explanation, NextStep, Order, OrderGiven,
    Orders, Rejection, Stop, Supposition,
    policy::{Follow, Policy},
};

/// Gateways that may be linked and advertised, and their regions.
const OTHERS: [(&str, &str); 5] =
    [("eu-2", "eu"), ("us-1", "us"), ("us-2", "us"), ("ap-1", "ap"), ("sa-1", "sa")];

/// `eu-1` and whatever happens to it.
struct World {
    bench: Bench,
    epochs: BTreeMap<usize, Epoch>,
    version: u64,
}

#[derive(Clone, Debug)]
enum Happens {
    Wait(u64),
    Up(usize),
    Down(usize),
    /// What a gateway advertises: neighbours by bits, transit, a broker, what it hears natively.
    Says {
        who: usize,
        neighbours: u8,
        transit: bool,
        broker: bool,
        native: Option<usize>,
    },
    Offers {
        who: usize,
        held: bool,
    },
    Drains(usize),
    Beacon(usize),
    /// An operator of our region, or of another gateway's, orders one of [`STOPS`] or lifts it.
    Ordered {
        by: Option<usize>,
        stop: usize,
        stands: bool,
    },
    /// Whether the halts of other regions are followed.
    Follows(bool),
    Asks(u8),
}

fn happens() -> impl Strategy<Value = Vec<Happens>> {
    let who = || 0..OTHERS.len();
    let one = prop_oneof![
        2 => (0..12u64).prop_map(Happens::Wait),
        6 => who().prop_map(Happens::Up),
        1 => who().prop_map(Happens::Down),
        8 => (who(), any::<u8>(), any::<bool>(), prop::bool::weighted(0.9),
              prop::option::weighted(0.3, who()))
            .prop_map(|(who, neighbours, transit, broker, native)|
                Happens::Says { who, neighbours, transit, broker, native }),
        6 => (who(), prop::bool::weighted(0.8)).prop_map(|(who, held)| Happens::Offers { who, held }),
        1 => who().prop_map(Happens::Drains),
        1 => who().prop_map(Happens::Beacon),
        4 => (prop::option::of(who()), 0..STOPS, prop::bool::weighted(0.6))
            .prop_map(|(by, stop, stands)| Happens::Ordered { by, stop, stands }),
        1 => any::<bool>().prop_map(Happens::Follows),
        10 => (0..7u8).prop_map(Happens::Asks),
    ];
    prop::collection::vec(one, 1..60)
}

impl World {
    fn new() -> Self {
        let gateway = Gateway::new(config("eu", "eu-1"), 1, at(0));
        let mut bench = Bench { gateway, seconds: 0, sent: Vec::new() };
        bench.handle(Event::BrokerUp(broker()));
        Self { bench, epochs: BTreeMap::new(), version: 1 }
    }

    fn take(&mut self, happens: Happens) -> Result<(), TestCaseError> {
        match happens {
            Happens::Wait(seconds) => self.bench.seconds += seconds,
            Happens::Up(who) => self.up(who),
            Happens::Down(who) => {
                let event = Event::LinkDown { link: link(who), reason: "reset".to_owned() };
                self.bench.handle(event);
            }
            Happens::Says { who, neighbours, transit, broker, native } => {
                let mut advert = topology_of(OTHERS[who].0, OTHERS[who].1, "eu-1");
                let AdvertContent::Topology(topology) = &mut advert.draft.content else { panic!() };
                (topology.transit, topology.broker) = (transit, broker);
                topology.native =
                    native.map(|who| OTHERS[who].1.parse().unwrap()).into_iter().collect();
                let near = OTHERS.iter().enumerate().filter(|(bit, _)| neighbours >> bit & 1 == 1);
                topology.adjacencies.extend(near.map(|(cost, (name, _))| {
                    (name.parse().unwrap(), u32::try_from(cost).unwrap() % 3 + 1)
                }));
                self.advertise(advert);
            }
            Happens::Offers { who, held } => {
                let mut advert = offer_of(OTHERS[who].0, OTHERS[who].1);
                let AdvertContent::Offer(offer) = &mut advert.draft.content else { panic!() };
                if !held {
                    offer.collectives.clear();
                }
                self.advertise(advert);
            }
            Happens::Drains(who) => {
                let message = Control::DrainRequest;
                self.bench.handle(Event::FromPeer { link: link(who), message });
            }
            Happens::Beacon(who) => {
                let beacon = Event::BeaconHeard(Beacon {
                    region: OTHERS[who].1.parse().unwrap(),
                    gateway: OTHERS[who].0.parse().unwrap(),
                    incarnation: Incarnation(5),
                    state: GatewayState::Active,
                    joined: true,
                    regions: 1,
                    made: at(self.bench.seconds).unix,
                });
                self.bench.handle(beacon);
            }
            Happens::Ordered { by, stop, stands } => self.ordered(by, stop, stands),
            Happens::Follows(any) => {
                let follow_halts = if any { Follow::Any } else { Follow::Regions([].into()) };
                let policy = Box::new(Policy { follow_halts, ..Policy::default() });
                self.bench.handle(Event::PolicyApplied { policy });
            }
            Happens::Asks(kind) => return self.asks(kind),
        }
        Ok(())
    }

    fn up(&mut self, who: usize) {
        let (gateway, region) = OTHERS[who];
        let peer = Hello {
            region: region.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            incarnation: Incarnation(5),
            version: String::new(),
            endpoint: "x:7440".parse().unwrap(),
        };
        let actions = self.bench.handle(Event::LinkUp { link: link(who), peer, dialed: None });
        let Some(epoch) = opened(&actions) else { return };
        self.epochs.insert(who, epoch);
        let accept = Accept { epoch, next: Some(0), granted: 1 << 24 };
        let message = Control::Accept(accept);
        self.bench.handle(Event::FromPeer { link: link(who), message });
    }

    fn ordered(&mut self, by: Option<usize>, which: usize, stands: bool) {
        let (stop, text) = (stop(which), String::new());
        let Some(who) = by else {
            let (by, reason) = (text.clone(), text);
            let order = Box::new(OrderGiven { stop, stands, by, reason, lasts: None });
            self.bench.handle(Event::Ordered { order });
            return;
        };
        let unix = at(self.bench.seconds).unix;
        let made = unix + Duration::from_micros(self.version);
        let (by, reason, until) = (text.clone(), text, unix + Duration::from_secs(20));
        let orders = vec![Order { stop, stands, by, reason, made, until }];
        let content = AdvertContent::Orders(Orders { orders });
        self.advertise(advert(OTHERS[who].0, OTHERS[who].1, content));
    }

    /// Over whichever link there is.
    fn advertise(&mut self, mut advert: Advert) {
        self.version += 1;
        advert.draft.stamp.version = self.version;
        let Some(link) = self.bench.gateway.links.keys().next().copied() else { return };
        let message = Control::Adverts { adverts: vec![advert], answered: false };
        self.bench.handle(Event::FromPeer { link, message });
    }

    /// Explains a message, then publishes it.
    fn asks(&mut self, kind: u8) -> Result<(), TestCaseError> {
        let (subject, payload) = message(kind);
        self.bench.handle(Event::Tick);
        let payload_asked = Some(payload.clone());
        let asked =
            ExplainAsked { subject: subject.clone(), payload: payload_asked, ..Default::default() };
        let explanation = self.bench.gateway.explain(&asked, at(self.bench.seconds)).unwrap();
        let before = self.state();
        let actions = self.bench.publish(&subject, payload);
        self.compare(&explanation, &before, &actions)
    }

    /// Units created by region, and bytes that wait by peer.
    fn state(&self) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
        let gateway = &self.bench.gateway;
        let mut created = BTreeMap::new();
        for (key, tally) in gateway.account.tallies() {
            *created.entry(key.to.to_string()).or_default() += tally.created;
        }
        let waiting = OTHERS.iter().map(|(name, _)| {
            ((*name).to_owned(), gateway.queues.lane_weight(&name.parse().unwrap()))
        });
        (created, waiting.collect())
    }

    fn compare(
        &self,
        explanation: &Explanation,
        before: &(BTreeMap<String, u64>, BTreeMap<String, u64>),
        actions: &[Action],
    ) -> Result<(), TestCaseError> {
        let after = self.state();
        prop_assert_eq!(
            dropped(actions).first().copied(),
            explanation.refused,
            "{:?}",
            explanation
        );
        let made =
            |region: &str| after.0.get(region).unwrap_or(&0) - before.0.get(region).unwrap_or(&0);
        for candidate in &explanation.candidates {
            let region = candidate.region.as_str();
            prop_assert_eq!(made(region) == 1, candidate.rejection.is_none(), "{:?}", candidate);
            let sent = actions.iter().find_map(|action| match action {
                Action::Send { link, frame, .. } if frame.end.to.as_str() == region => Some(*link),
                _ => None,
            });
            let Some(way) = &candidate.way else { continue };
            match &way.next {
                NextStep::Hop { peer, .. } => {
                    let who = OTHERS.iter().position(|(name, _)| *name == peer.as_str()).unwrap();
                    let waits = after.1[peer.as_str()] > before.1[peer.as_str()];
                    prop_assert!(sent == Some(link(who)) || waits, "{:?} {:?}", candidate, sent);
                }
                NextStep::Wait => {
                    prop_assert_eq!(sent, None, "{:?}", candidate);
                    prop_assert_eq!(&after.1, &before.1, "{:?}", candidate);
                }
                NextStep::Publish | NextStep::Drop { .. } => prop_assert!(false, "{:?}", way),
            }
        }
        let total = |state: &BTreeMap<String, u64>| state.values().sum::<u64>();
        let accepted = explanation.candidates.iter().filter(|one| one.rejection.is_none()).count();
        prop_assert_eq!(total(&after.0) - total(&before.0), accepted as u64);
        Ok(())
    }
}

/// How many there are of [`stop`].
const STOPS: usize = 7;

fn stop(which: usize) -> Stop {
    let region = |name: &str| name.parse().unwrap();
    match which {
        0 => Stop::Collective { collective: "mcollective".parse().unwrap() },
        1 => Stop::Caller { caller: "choria=*".parse().unwrap() },
        2 => Stop::Caller { caller: "nobody".parse().unwrap() },
        3 => Stop::pair(region("us"), region("eu")),
        4 => Stop::pair(region("us"), region("ap")),
        5 => Stop::Link { with: region("us") },
        _ => Stop::Link { with: region("eu") },
    }
}

fn link(who: usize) -> LinkId {
    LinkId(who as u64 + 1)
}

fn message(kind: u8) -> (String, Bytes) {
    match kind {
        0 | 1 => golden("v1-ping.json", 0),
        2 => golden("v1-rpc-directed.json", 0),
        3 => ("mcollective.broadcast.agent.other".to_owned(), golden("v1-ping.json", 0).1),
        4 => ("mcollective.broadcast.service.discovery".to_owned(), golden("v1-ping.json", 0).1),
        5 => ("other.broadcast.agent.discovery".to_owned(), golden("v1-ping.json", 0).1),
        _ => ("mcollective.node.a.b".to_owned(), golden("v1-ping.json", 1).1),
    }
}

proptest! {
    #[test]
    fn what_is_explained_is_what_is_done(happens in happens()) {
        let mut world = World::new();
        for one in happens {
            world.take(one)?;
        }
        for kind in 0..7 {
            world.asks(kind)?;
        }
    }
}

/// `eu-1` with a link to `us-1` at a cost of 1; `ap-1` behind it at a cost of 2.
fn chain() -> World {
    let mut world = World::new();
    world.up(1);
    for (who, neighbours) in [(1, 0b1000), (3, 0b0010)] {
        let says = Happens::Says { who, neighbours, transit: true, broker: true, native: None };
        world.take(says).unwrap();
        world.take(Happens::Offers { who, held: true }).unwrap();
    }
    world
}

fn explain(
    world: &World,
    subject: &str,
    from: Option<&str>,
    downs: &[&str],
) -> Result<Explanation, ExplainError> {
    let down = |what: &&str| Supposition::Down { what: (*what).to_owned() };
    world.bench.gateway.explain(
        &ExplainAsked {
            subject: subject.to_owned(),
            from: from.map(|one| one.parse().unwrap()),
            what_if: downs.iter().map(down).collect(),
            ..Default::default()
        },
        at(world.bench.seconds),
    )
}

const SUBJECT: &str = "mcollective.broadcast.agent.discovery";

/// Each region with why it is rejected, or the gateways on the way.
fn ways(explanation: &Explanation) -> Vec<String> {
    let way = |one: &crate::CandidateView| match &one.way {
        None => format!("{}: {}", one.region, one.why),
        Some(way) => {
            let legs = way.path.iter().map(|leg| format!(" {}+{}", leg.to, leg.cost));
            format!("{}:{}", one.region, legs.collect::<String>())
        }
    };
    explanation.candidates.iter().map(way).collect()
}

#[test]
fn every_region_is_named_with_its_path_or_the_reason_against_it() {
    let mut world = chain();
    let says = Happens::Says { who: 4, neighbours: 0, transit: true, broker: true, native: None };
    world.take(says).unwrap();
    world.take(Happens::Offers { who: 4, held: false }).unwrap();
    let explanation = explain(&world, SUBJECT, None, &[]).unwrap();
    assert_eq!(
        ways(&explanation),
        ["ap: us-1+1 ap-1+1", "eu: own-region", "sa: collective-not-held", "us: us-1+1"]
    );
    let costs: Vec<_> = explanation
        .candidates
        .iter()
        .filter_map(|one| one.way.as_ref())
        .map(|way| way.route.as_ref().unwrap().cost)
        .collect();
    assert_eq!(costs, [2, 1], "the sum of the legs");
    assert!(explanation.first_hand && explanation.is_deliverable());
    let checks: Vec<_> = explanation.checks.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(checks, ["subject", "export", "message", "halts", "rules"]);
    assert_eq!(explanation.checks[2].result, CheckResult::Unknown, "no message was given");
}

#[test]
fn what_is_supposed_to_be_down_is_gone_around_or_waited_for() {
    let world = chain();
    let down = explain(&world, SUBJECT, None, &["us-ap"]).unwrap();
    assert_eq!(ways(&down), ["ap:", "eu: own-region", "us: us-1+1"]);
    assert!(!down.is_deliverable(), "what goes to ap would wait and be dropped");
    assert_eq!(down.candidates[0].way.as_ref().unwrap().next, NextStep::Wait);
    let nothing = explain(&world, SUBJECT, None, &["us-1"]).unwrap();
    assert_eq!(ways(&nothing), ["ap:", "eu: own-region", "us:"]);
    let typo = explain(&world, SUBJECT, None, &["us-uk"]);
    assert_eq!(typo, Err(ExplainError::UnknownPlace("us-uk".to_owned())));
    assert!(explain(&world, SUBJECT, None, &[]).unwrap().is_deliverable(), "it was only supposed");
}

#[test]
fn for_another_region_the_adverts_speak_and_its_rules_are_not_known() {
    let world = chain();
    let explanation = explain(&world, SUBJECT, Some("ap"), &[]).unwrap();
    assert_eq!(explanation.entry.as_str(), "ap-1");
    assert!(!explanation.first_hand);
    assert_eq!(ways(&explanation), ["ap: own-region", "eu: us-1+2 eu-1+1", "us: us-1+2"]);
    assert_eq!(explanation.checks[3].result, CheckResult::Unknown);
    assert_eq!(
        explain(&world, SUBJECT, Some("uk"), &[]),
        Err(ExplainError::NoEntry("uk".parse().unwrap()))
    );
}

#[test]
fn what_goes_nowhere_says_why() {
    let world = chain();
    let refused = |subject| {
        let explanation = explain(&world, subject, None, &[]).unwrap();
        assert!(!explanation.is_deliverable());
        explanation.refused
    };
    assert_eq!(refused("other.node.a"), Some(DropReason::NotExported));
    assert_eq!(refused("mcollective.broadcast.agent.registration"), Some(DropReason::Registration));
    assert_eq!(refused("mcollective.broadcast.service.x"), Some(DropReason::ServiceNowhere));
    assert_eq!(refused("_INBOX.x"), Some(DropReason::NotExported));
    assert!(matches!(explain(&world, "a..b", None, &[]), Err(ExplainError::Illegal(_))));
}

#[test]
fn one_of_two_regions_that_hear_each_other_is_asked() {
    let mut world = chain();
    for (who, native, neighbours) in [(1, 3, 0b1000), (3, 1, 0b0010)] {
        let native = Some(native);
        let says = Happens::Says { who, neighbours, transit: true, broker: true, native };
        world.take(says).unwrap();
    }
    let explanation = explain(&world, SUBJECT, None, &[]).unwrap();
    let through = Rejection::HeardThrough { through: "ap".parse().unwrap() };
    assert_eq!(explanation.candidates[2].rejection, Some(through));
    assert!(explanation.is_deliverable());
}
