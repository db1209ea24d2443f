//! A gateway in any state that one can be brought into, and what it is brought there by.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::{
        hinted::{hints_of, reading},
        *,
    },
    asks::{MESSAGES, message},
};
use crate::{
    Beacon, HintsConfig, Interest, InterestAnswer, Order, OrderGiven, Orders, Stop,
    policy::{Effect, Follow, Pattern, Policy, Proof, Rate, Rule, Rules},
};

/// Gateways that may be linked and advertised, and their regions.
pub(super) const OTHERS: [(&str, &str); 5] =
    [("eu-2", "eu"), ("us-1", "us"), ("us-2", "us"), ("ap-1", "ap"), ("sa-1", "sa")];

/// `eu-1` and whatever happens to it.
pub(super) struct World {
    pub(super) bench: Bench,
    epochs: BTreeMap<usize, Epoch>,
    version: u64,
    follows: bool,
    policy: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Happens {
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
    /// Another one of [`POLICIES`] comes into force.
    Policy(usize),
    /// What another region's hints say, of nodes by bits; or ours, as read from the brokers.
    Hints {
        who: Option<usize>,
        complete: bool,
        nodes: u8,
    },
    /// Our brokers say whether a local service listens.
    Serves(Interest),
    Broker(bool),
    /// We drain, or call it off.
    Leaves(bool),
    Asks(u8),
}

pub(super) fn happens() -> impl Strategy<Value = Vec<Happens>> {
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
        3 => (0..POLICIES).prop_map(Happens::Policy),
        5 => (prop::option::of(who()), prop::bool::weighted(0.8), any::<u8>())
            .prop_map(|(who, complete, nodes)| Happens::Hints { who, complete, nodes }),
        1 => prop_oneof![Just(Interest::Present), Just(Interest::Absent), Just(Interest::Unknown)]
            .prop_map(Happens::Serves),
        1 => prop::bool::weighted(0.7).prop_map(Happens::Broker),
        1 => prop::bool::weighted(0.4).prop_map(Happens::Leaves),
        10 => (0..MESSAGES).prop_map(Happens::Asks),
    ];
    prop::collection::vec(one, 1..60)
}

impl World {
    pub(super) fn new() -> Self {
        let mut config = config("eu", "eu-1");
        config.hints = HintsConfig { monitors: true, ..HintsConfig::default() };
        config.limits.frame_bytes_max = 16 << 10;
        let name = |name: &str, region: &str| (name.to_owned(), region.parse().unwrap());
        config.federation = [("here", "eu"), ("london", "us"), ("far", "ap"), ("lost", "moon")]
            .map(|(one, region)| name(one, region))
            .into();
        let gateway = Gateway::new(config, 1, at(0));
        let mut bench = Bench { gateway, seconds: 0, sent: Vec::new() };
        bench.handle(Event::BrokerUp(broker()));
        Self { bench, epochs: BTreeMap::new(), version: 1, follows: true, policy: 0 }
    }

    pub(super) fn take(&mut self, happens: Happens) -> Result<(), TestCaseError> {
        match happens {
            Happens::Wait(seconds) => self.bench.seconds += seconds,
            Happens::Up(who) => self.up(who),
            Happens::Down(who) => {
                let event = Event::LinkDown { link: link(who), reason: "reset".to_owned() };
                self.bench.handle(event);
            }
            Happens::Says { who, neighbours, transit, broker, native } => {
                let mut advert = topology_of(OTHERS[who].0, OTHERS[who].1, "eu-1");
                let topology = place_of(&mut advert);
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
                self.follows = any;
                self.apply();
            }
            Happens::Policy(which) => {
                self.policy = which;
                self.apply();
            }
            Happens::Hints { who, complete, nodes } => self.hints(who, complete, nodes),
            Happens::Serves(interest) => {
                let (subject, payload) = message(4);
                let actions = self.bench.publish(&subject, payload);
                self.answered(actions, interest);
            }
            Happens::Broker(true) => drop(self.bench.handle(Event::BrokerUp(broker()))),
            Happens::Broker(false) => drop(self.bench.handle(Event::BrokerDown)),
            Happens::Leaves(true) => {
                self.bench.handle(Event::Drain { grace: Duration::from_secs(10) });
            }
            Happens::Leaves(false) => drop(self.bench.handle(Event::Undrain)),
            Happens::Asks(kind) => return self.asks(kind),
        }
        Ok(())
    }

    pub(super) fn up(&mut self, who: usize) {
        let (gateway, region) = OTHERS[who];
        let peer = hello(region, gateway, 5);
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

    fn apply(&mut self) {
        let follow_halts = if self.follows { Follow::Any } else { Follow::Regions([].into()) };
        let policy = Box::new(Policy { follow_halts, ..policy(self.policy) });
        self.bench.handle(Event::PolicyApplied { policy });
    }

    fn hints(&mut self, who: Option<usize>, complete: bool, nodes: u8) {
        let held = NODES.iter().enumerate().filter(|(bit, _)| nodes >> bit & 1 == 1);
        let held: Vec<&str> = held.map(|(_, name)| *name).collect();
        let Some(who) = who else {
            self.bench.handle(reading(complete, &held));
            return;
        };
        self.version += 1;
        let services: &[&str] = if nodes & 128 == 0 { &[] } else { &["discovery"] };
        for advert in hints_of(OTHERS[who], self.version, complete, &held, services) {
            self.send(advert);
        }
    }

    /// What follows once whoever was asked has answered: signatures are good, and of services the
    /// brokers say this.
    pub(super) fn answered(&mut self, mut actions: Vec<Action>, interest: Interest) -> Vec<Action> {
        let mut next = 0;
        while let Some(action) = actions.get(next) {
            next += 1;
            let event = match action {
                Action::Verify { ticket, .. } => {
                    Event::Verified { ticket: *ticket, proof: Proof::Verified }
                }
                Action::AskInterest { question, .. } => {
                    Event::InterestAnswered(InterestAnswer { question: *question, interest })
                }
                _ => continue,
            };
            actions.extend(self.bench.handle(event));
        }
        actions
    }

    /// Over whichever link there is.
    fn advertise(&mut self, mut advert: Advert) {
        self.version += 1;
        advert.draft.stamp.version = self.version;
        self.send(advert);
    }

    fn send(&mut self, advert: Advert) {
        let Some(link) = self.bench.gateway.links.keys().next().copied() else { return };
        let message = Control::Adverts { adverts: vec![advert], answered: false };
        self.bench.handle(Event::FromPeer { link, message });
    }
}

/// How many there are of [`stop`].
pub(super) const STOPS: usize = 7;

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

pub(super) fn link(who: usize) -> LinkId {
    LinkId(who as u64 + 1)
}

/// Nodes that hints may hold.
pub(super) const NODES: [&str; 3] = ["n1.example.net", "n2.example.net", "a.b"];

/// How many there are of [`policy`].
const POLICIES: usize = 7;

/// Policies that stop some, want to know more of others, or limit how many.
fn policy(which: usize) -> Policy {
    let pattern = |text: &str| text.parse::<Pattern>().unwrap();
    let allow = Rule { name: "rule".to_owned(), ..Rule::default() };
    let deny = Rule { effect: Effect::Deny, ..allow.clone() };
    let callers = vec![pattern("choria=*")];
    let export = |rules: Vec<Rule>, otherwise: Effect| Policy {
        export: Rules { rules, otherwise },
        ..Policy::default()
    };
    match which {
        0 => Policy::default(),
        1 => export(vec![Rule { to: ["us".parse().unwrap()].into(), ..deny }], Effect::Allow),
        2 => export(vec![Rule { agents: vec![pattern("disc*")], ..allow }], Effect::Deny),
        3 => export(vec![Rule { actions: vec![pattern("*")], ..deny }], Effect::Allow),
        4 => export(vec![Rule { callers, ..allow }], Effect::Deny),
        5 => {
            let ap = ["ap".parse().unwrap()].into();
            let rule = Rule { callers, actions: vec![pattern("facts")], to: ap, ..deny };
            export(vec![rule], Effect::Allow)
        }
        _ => {
            let mut policy = export(Vec::new(), Effect::Allow);
            policy.limits.caller = Some(Rate { per_second: 1, burst: 2 });
            policy
        }
    }
}
