//! How long a gateway takes to act on a changed advert: graph, tables and backups, and the first
//! frame of each kind of origin routed over them. Through the same door as everything else.
//!
//! Where only a cost changes, routes are brought up to date; where what may pass through a region
//! changes, graph and tables are built anew, as they are for a new gateway.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    hint::black_box,
    time::Duration,
};

use antiphon_core::{
    Accept, Ack, Action, Advert, AdvertContent, AdvertDraft, Body, Config, Control, Creator,
    EndToEnd, Epoch, Event, Frame, Gateway, GatewayId, GatewayState, Hello, Hop, Incarnation,
    LinkId, Now, Open, RegionId, ReplyBody, Stamp, Topology, UnitId,
};
use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};

const NOW: Now = Now { mono: Duration::ZERO, unix: Duration::from_secs(1_795_478_400) };
const THEIR_EPOCH: Epoch = Epoch(77);
const GRANTED: u64 = 1 << 40;
/// The gateway under test.
const ME: usize = 0;
/// The region that carries nothing foreign: frames created there have a table of their own.
const OPAQUE: usize = 1;

/// Who is linked with whom, and what it costs each of them.
struct Fabric {
    gateways: usize,
    per_region: usize,
    adjacencies: BTreeMap<usize, BTreeMap<usize, u32>>,
    /// A gateway that carries nothing foreign, besides those of the opaque region.
    unwilling: Option<usize>,
}

impl Fabric {
    /// Regions of five gateways, all linked with each other, and links between regions up to `links`.
    fn sparse(regions: usize, links: usize) -> Self {
        let mut fabric = Self {
            gateways: regions * 5,
            per_region: 5,
            adjacencies: BTreeMap::new(),
            unwilling: None,
        };
        let mut pairs = BTreeSet::new();
        for gateway in 0..fabric.gateways {
            let first = fabric.home(gateway) * 5;
            pairs.extend((first..gateway).map(|sibling| (sibling, gateway)));
        }
        let mut chance = Chance(1);
        while pairs.len() < links {
            let (a, b) = (chance.below(fabric.gateways), chance.below(fabric.gateways));
            if fabric.home(a) != fabric.home(b) {
                pairs.insert((a.min(b), a.max(b)));
            }
        }
        fabric.link(pairs, &mut chance);
        fabric
    }

    /// Regions of two gateways, everybody linked with everybody.
    fn mesh(gateways: usize) -> Self {
        let mut fabric =
            Self { gateways, per_region: 2, adjacencies: BTreeMap::new(), unwilling: None };
        let pairs = (0..gateways).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        fabric.link(pairs, &mut Chance(1));
        fabric
    }

    fn link(&mut self, pairs: BTreeSet<(usize, usize)>, chance: &mut Chance) {
        for (a, b) in pairs {
            let cost = u32::try_from(1 + chance.below(40)).unwrap();
            self.adjacencies.entry(a).or_default().insert(b, cost);
            self.adjacencies.entry(b).or_default().insert(a, cost);
        }
    }

    fn home(&self, gateway: usize) -> usize {
        gateway / self.per_region
    }

    fn advert(&self, gateway: usize, version: u64) -> Advert {
        let linked = &self.adjacencies[&gateway];
        let topology = Topology {
            state: GatewayState::Active,
            broker: true,
            transit: self.home(gateway) != OPAQUE && self.unwilling != Some(gateway),
            transit_ruled: false,
            adjacencies: linked.iter().map(|(to, cost)| (name(*to), *cost)).collect(),
            native: BTreeSet::new(),
        };
        let draft = AdvertDraft {
            gateway: name(gateway),
            region: region(self.home(gateway)),
            stamp: Stamp { incarnation: Incarnation(1), version },
            content: AdvertContent::Topology(topology.into()),
        };
        Advert { draft, sealed: Bytes::from_static(b"sealed") }
    }
}

/// Numbers that look random and are the same each time (Numerical Recipes' generator).
struct Chance(u32);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) as usize % bound
    }
}

fn name(gateway: usize) -> GatewayId {
    format!("g{gateway:03}").parse().unwrap()
}

fn region(number: usize) -> RegionId {
    format!("r{number:02}").parse().unwrap()
}

/// What changes with an advert.
#[derive(Clone, Copy)]
enum Change {
    /// What one link costs its maker.
    Cost,
    /// Whether its maker carries foreign traffic.
    Transit,
}

/// The gateway under test with all its links up and everybody's adverts taken.
struct Bench {
    fabric: Fabric,
    gateway: Gateway,
    /// The peer that tells everything.
    link: LinkId,
    changing: usize,
    round: u64,
}

impl Bench {
    fn new(fabric: Fabric) -> Self {
        let mut gateway = Gateway::new(config(&fabric), 1, NOW);
        let peers: Vec<usize> = fabric.adjacencies[&ME].keys().copied().collect();
        for peer in &peers {
            bring_up(&mut gateway, &fabric, *peer);
        }
        let link = LinkId(peers[0] as u64);
        for others in (1..fabric.gateways).collect::<Vec<_>>().chunks(antiphon_core::ADVERTS_MAX) {
            let adverts = others.iter().map(|one| fabric.advert(*one, 1)).collect();
            tell(&mut gateway, link, Control::Adverts { adverts, answered: true });
        }
        let changing = fabric.gateways / 2;
        Self { fabric, gateway, link, changing, round: 0 }
    }

    /// An advert changes, then a frame of either kind of origin passes.
    fn round(&mut self, change: Change) {
        self.round += 1;
        match change {
            Change::Cost => {
                let costs = self.fabric.adjacencies.get_mut(&self.changing).unwrap();
                *costs.values_mut().nth(1).unwrap() ^= 1;
            }
            Change::Transit => {
                let unwilling = self.fabric.unwilling.is_none();
                self.fabric.unwilling = unwilling.then_some(self.changing);
            }
        }
        let adverts = vec![self.fabric.advert(self.changing, self.round + 1)];
        tell(&mut self.gateway, self.link, Control::Adverts { adverts, answered: false });
        for (origin, number) in [(OPAQUE, self.round * 2 - 2), (OPAQUE + 1, self.round * 2 - 1)] {
            let frame = frame(origin, self.fabric.home(self.fabric.gateways - 1), number);
            let (link, weight) = (self.link, frame.weight());
            let frame = Ok(Box::new(frame));
            let event = Event::Frame { link, epoch: THEIR_EPOCH, number, weight, frame };
            let actions = self.gateway.handle(event, NOW);
            assert!(self.acknowledge(&actions), "the frame must find its way: {actions:?}");
        }
    }

    fn acknowledge(&mut self, actions: &[Action]) -> bool {
        let mut sent = false;
        for action in actions {
            if let Action::Send { link, epoch, number, .. } = action {
                let ack = Ack { epoch: *epoch, next: number + 1, granted: GRANTED };
                tell(&mut self.gateway, *link, Control::Ack(ack));
                sent = true;
            }
        }
        sent
    }
}

fn config(fabric: &Fabric) -> Config {
    Config {
        export: ["mcollective".parse().unwrap()].into(),
        transit: true,
        ..Config::new("acme".parse().unwrap(), region(fabric.home(ME)), name(ME), Incarnation(1))
    }
}

fn bring_up(gateway: &mut Gateway, fabric: &Fabric, peer: usize) {
    let link = LinkId(peer as u64);
    let hello = Hello {
        region: region(fabric.home(peer)),
        gateway: name(peer),
        incarnation: Incarnation(1),
        version: "0.1.0".to_owned(),
        endpoint: "localhost:7440".parse().unwrap(),
    };
    let actions = gateway.handle(Event::LinkUp { link, peer: hello, dialed: None }, NOW);
    for action in actions {
        if let Action::Control { message: Control::Open(open), .. } = action {
            let accept = Accept { epoch: open.epoch, next: Some(0), granted: GRANTED };
            tell(gateway, link, Control::Accept(accept));
        }
    }
    tell(gateway, link, Control::Open(Open { epoch: THEIR_EPOCH, base: 0, fresh: true }));
}

fn tell(gateway: &mut Gateway, link: LinkId, message: Control) {
    black_box(gateway.handle(Event::FromPeer { link, message }, NOW));
}

fn frame(from: usize, to: usize, number: u64) -> Frame {
    let creator = Creator {
        region: region(from),
        gateway: "elsewhere".parse().unwrap(),
        incarnation: Incarnation(1),
    };
    let body = ReplyBody {
        request: "0".repeat(32),
        subject: format!("mcollective.reply.{0}.{0}", "0".repeat(32)),
        federated: None,
        payload: Bytes::from_static(b"{}"),
    };
    Frame {
        hop: Hop { limit: 8, visited: vec![creator.gateway.clone()], age: Duration::ZERO },
        end: EndToEnd {
            creator,
            unit: UnitId(number + 1),
            to: region(to),
            prefer: None,
            flow: number,
            lifetime: Duration::from_secs(60),
            body: Body::Reply(body),
        },
        verbatim: None,
    }
}

fn routes(criterion: &mut Criterion) {
    for (change, what) in [(Change::Cost, "a cost changes"), (Change::Transit, "all routes anew")] {
        for (shape, fabric) in
            [("with 800 links", Fabric::sparse(40, 800)), ("all linked", Fabric::mesh(200))]
        {
            let mut bench = Bench::new(fabric);
            let name = format!("{what}: 200 gateways, {shape}");
            criterion.bench_function(&name, |timer| timer.iter(|| bench.round(change)));
        }
    }
}

criterion_group!(benches, routes);
criterion_main!(benches);
