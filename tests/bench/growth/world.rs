//! A gateway machine with a peer in each other region, and what is asked of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use antiphon_core::{
    Accept, Ack, Action, Advert, AdvertContent, AdvertDraft, BrokerInfo, CollectiveHints, Config,
    Control, Epoch, Event, Filter, FromBroker, Gateway, GatewayState, Hello, Hints, HintsPart,
    IdentityHash, Incarnation, LinkId, NameList, Now, Offer, Open, Outcome, Receipt, Receipts,
    Slice, Stamp, Topology, UnitId,
};
use antiphon_gateway::notary::Notary;
use antiphon_identity::{CommonName, Credentials, Names};
use antiphon_lab::pki::{Pki, Profile};
use antiphon_wire::{Collective, Federation, Transport};
use bytes::Bytes;

const NOW: Now = Now { mono: Duration::from_secs(1), unix: Duration::from_secs(1_795_478_400) };
const VECTORS: &str = include_str!("../../../crates/wire/tests/vectors/v1-rpc-replies.json");
const GRANTED: u64 = 1 << 60;
/// Identities of a filter, as gateways cut them.
const SHARD: usize = 8192;

/// How much there is.
pub(crate) struct Shape {
    pub(crate) regions: usize,
    /// Collectives that each other region holds.
    pub(crate) collectives: usize,
    /// Identities that each other region knows, over all its collectives.
    pub(crate) identities: usize,
}

pub(crate) struct World {
    gateway: Gateway,
    shape: (usize, usize),
    request: Bytes,
    echoing: Bytes,
    version: u64,
    /// The units that are sent and not settled, from and to.
    units: (u64, u64),
    frames: usize,
}

impl World {
    pub(crate) fn new(shape: &Shape) -> Self {
        let (request, echoing) = recorded();
        let gateway = Gateway::new(config(), 1, NOW);
        let shape_of = (shape.regions, shape.collectives);
        let (version, units) = (1, (1, 1));
        let mut world =
            Self { gateway, shape: shape_of, request, echoing, version, units, frames: 0 };
        world.handle(Event::BrokerUp(BrokerInfo {
            url: "nats://localhost:4222".to_owned(),
            name: "b".to_owned(),
            version: "2.11.0".to_owned(),
            max_payload: 1 << 20,
        }));
        for region in 1..shape.regions {
            world.link(region, shape);
        }
        world
    }

    fn link(&mut self, region: usize, shape: &Shape) {
        let link = LinkId(region as u64);
        let peer = Hello {
            region: name(region).parse().expect("a region"),
            gateway: format!("{}-1", name(region)).parse().expect("a gateway"),
            incarnation: Incarnation(5),
            version: "0.1.0".to_owned(),
            endpoint: "localhost:7440".parse().expect("an endpoint"),
        };
        self.handle(Event::LinkUp { link, peer, dialed: None });
        self.tell(link, Control::Open(Open { epoch: Epoch(77), base: 0, fresh: true }));
        let adverts = vec![
            advert(region, 1, topology(region, shape.regions, 1)),
            advert(region, 1, offer(shape.collectives)),
        ];
        self.tell(link, Control::Adverts { adverts, answered: true });
        if shape.identities > 0 {
            self.tell_hints(link, region, shape);
        }
    }

    /// Signed, and opened as the daemon does it: what is kept is what it keeps.
    fn tell_hints(&mut self, link: LinkId, region: usize, shape: &Shape) {
        let notary = notary(region);
        for content in hints(region, shape) {
            let draft = advert(region, 1, content).draft;
            let sealed = notary.sign_advert(draft).expect("a signature").sealed;
            // As from a socket: nothing shares memory with whoever made it.
            let advert = notary.open_advert(Bytes::copy_from_slice(&sealed)).expect("it holds");
            let message = Control::Adverts { adverts: vec![advert], answered: false };
            self.tell(link, message);
        }
    }

    fn tell(&mut self, link: LinkId, message: Control) {
        self.handle(Event::FromPeer { link, message });
    }

    /// One event, and what the world answers to what comes of it.
    pub(crate) fn handle(&mut self, event: Event) {
        let mut acks = BTreeMap::new();
        for action in self.gateway.handle(event, NOW) {
            let answer = match action {
                Action::Send { link, epoch, number, frame, .. } => {
                    self.frames += 1;
                    self.units.1 = self.units.1.max(frame.end.unit.0 + frame.units());
                    acks.insert(link, Ack { epoch, next: number + 1, granted: GRANTED });
                    continue;
                }
                Action::Originate { draft } => {
                    let sealed = Bytes::from_static(b"sealed");
                    Event::Originated { advert: Advert { draft, sealed } }
                }
                Action::Control { link, message: Control::Open(open) } => {
                    let accept = Accept { epoch: open.epoch, next: Some(0), granted: GRANTED };
                    Event::FromPeer { link, message: Control::Accept(accept) }
                }
                Action::Barrier { barrier } => Event::BarrierPassed { barrier },
                _ => continue,
            };
            self.handle(answer);
        }
        for (link, ack) in acks {
            self.tell(link, Control::Ack(ack));
        }
    }

    /// Receipts for everything that was sent.
    fn settle(&mut self) {
        let (from, to) = self.units;
        if from < to {
            let outcome = Outcome::Delivered;
            let receipts = vec![Receipt { unit: UnitId(from), count: to - from, outcome }];
            let (to_gateway, incarnation) = ("r00-1".parse().expect("a gateway"), Incarnation(1));
            let receipts = Receipts { to: to_gateway, incarnation, limit: 8, receipts };
            self.tell(LinkId(1), Control::Receipts(receipts));
            self.units.0 = to;
        }
    }

    fn publish(&mut self, subject: String, payload: Bytes, more: bool) {
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more }));
    }

    /// One message to each of so many nodes.
    pub(crate) fn ask_each(&mut self, nodes: usize) {
        for node in 0..nodes {
            let subject = format!("mcollective.node.n{node}");
            self.publish(subject, self.request.clone(), node + 1 < nodes);
        }
        self.settle();
    }

    /// So many requests to one node each, one after the other.
    pub(crate) fn ask_one(&mut self, requests: usize) {
        for node in 0..requests {
            self.publish(format!("mcollective.node.n{node}"), self.request.clone(), false);
        }
        self.settle();
    }

    /// So many requests to everybody.
    pub(crate) fn broadcast(&mut self, requests: usize) {
        for _ in 0..requests {
            let subject = "mcollective.broadcast.agent.rpcutil".to_owned();
            self.publish(subject, self.request.clone(), false);
        }
        self.settle();
    }

    /// So many replies of nodes of ours.
    pub(crate) fn answer(&mut self, replies: usize) {
        for _ in 0..replies {
            let subject = "choria.federation.r00.collective".to_owned();
            self.publish(subject, self.echoing.clone(), true);
        }
        self.settle();
    }

    /// So many changes of what a peer's link costs, each followed by a reply that needs routes.
    pub(crate) fn change_adverts(&mut self, changes: usize) {
        for _ in 0..changes {
            self.version += 1;
            let cost = 1 + (self.version % 7) as u32;
            let region = self.shape.0 - 1;
            let adverts = vec![advert(region, self.version, topology(region, self.shape.0, cost))];
            self.tell(LinkId(region as u64), Control::Adverts { adverts, answered: false });
            self.answer(1);
        }
    }

    /// How many frames some work sends.
    pub(crate) fn frames_of(&mut self, work: impl FnOnce(&mut Self)) -> usize {
        let before = self.frames;
        work(self);
        self.frames - before
    }
}

fn name(region: usize) -> String {
    format!("r{region:02}")
}

fn config() -> Config {
    Config {
        export: ["mcollective".parse().expect("a collective")].into(),
        transit: true,
        ..Config::new(
            "acme".parse().expect("a name"),
            name(0).parse().expect("a name"),
            format!("{}-1", name(0)).parse().expect("a name"),
            Incarnation(1),
        )
    }
}

fn advert(region: usize, version: u64, content: AdvertContent) -> Advert {
    let draft = AdvertDraft {
        gateway: format!("{}-1", name(region)).parse().expect("a name"),
        region: name(region).parse().expect("a name"),
        stamp: Stamp { incarnation: Incarnation(5), version },
        content,
    };
    Advert { draft, sealed: Bytes::from_static(b"sealed") }
}

/// Linked with everybody.
fn topology(region: usize, regions: usize, cost: u32) -> AdvertContent {
    let others = (0..regions).filter(|other| *other != region);
    let adjacency = |other| (format!("{}-1", name(other)).parse().expect("a name"), cost);
    let topology = Topology {
        state: GatewayState::Active,
        broker: true,
        transit: true,
        transit_ruled: false,
        adjacencies: others.map(adjacency).collect(),
        native: [].into(),
    };
    AdvertContent::Topology(topology.into())
}

/// `mcollective`, and others.
fn collective(number: usize) -> Collective {
    let name = if number == 0 { "mcollective".to_owned() } else { format!("team{number:04}") };
    name.parse().expect("a collective")
}

fn offer(collectives: usize) -> AdvertContent {
    AdvertContent::Offer(Offer { collectives: (0..collectives).map(collective).collect() })
}

/// The summary and the filters of a region, as its gateway cuts them: 24 KiB an advert.
fn hints(region: usize, shape: &Shape) -> Vec<AdvertContent> {
    let each = shape.identities / shape.collectives;
    let shards = each.div_ceil(SHARD).next_power_of_two() as u16;
    let (mut parts, mut room) = (Vec::<Vec<Slice>>::new(), 0);
    for number in 0..shape.collectives {
        let hash = |one| IdentityHash::of(&format!("n{one}.c{number}.r{region}"));
        let mut all: Vec<IdentityHash> = (0..each).map(hash).collect();
        all.sort_unstable();
        for shard in 0..shards {
            let bits = shards.trailing_zeros();
            let here = |one: &&IdentityHash| {
                one.0.checked_shr(64 - bits).unwrap_or_default() == u64::from(shard)
            };
            let members: Vec<IdentityHash> = all.iter().filter(here).copied().collect();
            let filter = Filter::build(members.iter().copied(), members.len());
            let bytes = filter.bytes().len() + 48;
            if room < bytes {
                parts.push(Vec::new());
                room = 24 << 10;
            }
            room = room.saturating_sub(bytes);
            let collective = collective(number);
            let slice = Slice { collective, shard, shards, filter };
            parts.last_mut().expect("one at least").push(slice);
        }
    }
    let said = |_| CollectiveHints {
        complete: true,
        identities: each as u64,
        read: Duration::from_secs(7),
        agents: NameList::default(),
        services: NameList::default(),
    };
    let summary = Hints {
        monitors: true,
        generation: 1,
        parts: parts.len() as u16,
        collectives: (0..shape.collectives).map(|one| (collective(one), said(one))).collect(),
    };
    let part = |(index, slices)| {
        let part = HintsPart { index: index as u16, generation: 1, slices };
        AdvertContent::HintsPart(Arc::new(part))
    };
    let parts = parts.into_iter().enumerate().map(part);
    parts.chain([AdvertContent::Hints(Arc::new(summary))]).collect()
}

/// Who signs for a region.
fn notary(region: usize) -> Notary {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pki = Pki::create(folder.path()).expect("a certificate authority");
    let profile = Profile::gateway("acme", &name(region), &format!("{}-1", name(region)));
    pki.issue(std::slice::from_ref(&profile), &|_| ()).expect("a certificate");
    let files = pki.files(profile.name());
    let credentials = Credentials::from_files(&files.certificate, &files.key, &files.ca);
    let names = Names::new("acme", &BTreeMap::new(), CommonName::Ignored).expect("a name");
    let fabric = "acme".parse().expect("a name");
    Notary::new(fabric, Arc::new(names), credentials.expect("certificates"))
}

/// A recorded request, and a recorded reply on its way to `r01-1`.
fn recorded() -> (Bytes, Bytes) {
    let vectors: serde_json::Value = serde_json::from_str(VECTORS).expect("JSON");
    let payload = |index: usize| {
        let text = vectors["messages"][index]["payload"].as_str().expect("a payload");
        Bytes::from(text.to_owned())
    };
    let request = payload(10);
    let asked = Transport::decode(request.clone()).expect("a transport");
    let federation = Federation {
        request: asked.request_head().expect("a request").id.to_string(),
        reply_to: format!("antiphon.return.r01.r01-1.c.0.{}", asked.reply_to().expect("one")),
        targets: Vec::new(),
    };
    let reply = Transport::decode(payload(11)).expect("a transport");
    let echoing = reply.edit().federation(Some(&federation)).finish();
    (request, echoing)
}
