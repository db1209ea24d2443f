//! What the machine takes for each kind of event, by the message: through the same door as
//! everything else, acknowledgements, confirmations and receipts included.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark fails by panicking")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what is not answered costs nothing more")]

use std::{collections::BTreeMap, hint::black_box, time::Duration};

use antiphon_core::{
    Accept, Ack, Action, Advert, AdvertContent, AdvertDraft, Body, BrokerInfo, Config, Connection,
    Control, Creator, EndToEnd, Epoch, Event, Frame, FromBroker, Gateway, GatewayState, Hello, Hop,
    Incarnation, LinkId, Now, Offer, Open, Outcome, Receipt, Receipts, ReplyBody, RequestBody,
    Stamp, Target, Topology, UnitId,
};
use antiphon_wire::{Federation, Transport};
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

const VECTORS: &str = include_str!("../../wire/tests/vectors/v1-rpc-replies.json");
const NOW: Now = Now { mono: Duration::from_secs(1), unix: Duration::from_secs(1_795_478_400) };
const THEIR_EPOCH: Epoch = Epoch(77);
const GRANTED: u64 = 1 << 60;
/// Messages between two rounds of upkeep: about what a link's batch holds under load.
const RUN: u64 = 64;
/// Identities of a directed request.
const IDENTITIES: u64 = 1024;

/// `eu-1`, with a broker, linked with `us-1` and `ap-1`.
struct World {
    gateway: Gateway,
    /// The next frame of each peer, and the next unit of theirs.
    numbers: BTreeMap<LinkId, u64>,
    units: u64,
    settled: u64,
}

const US: LinkId = LinkId(1);
const AP: LinkId = LinkId(2);

impl World {
    fn new() -> Self {
        let (numbers, units, settled) = ([(US, 0), (AP, 0)].into(), 1, 1);
        let mut world = Self { gateway: Gateway::new(config(), 1, NOW), numbers, units, settled };
        world.handle(Event::BrokerUp(BrokerInfo {
            url: "nats://localhost:4222".to_owned(),
            name: "b".to_owned(),
            version: "2.15.1".to_owned(),
            max_payload: 1 << 20,
        }));
        world.link(US, "us-1", "us");
        world.link(AP, "ap-1", "ap");
        world
    }

    fn link(&mut self, link: LinkId, gateway: &str, region: &str) {
        let peer = Hello {
            region: region.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            incarnation: Incarnation(5),
            version: "0.1.0".to_owned(),
            endpoint: "localhost:7440".parse().unwrap(),
        };
        self.handle(Event::LinkUp { link, peer, dialed: None });
        let open = Open { epoch: THEIR_EPOCH, base: 0, fresh: true };
        self.tell(link, Control::Open(open));
        let adverts = adverts(gateway, region);
        self.tell(link, Control::Adverts { adverts, answered: true });
    }

    fn tell(&mut self, link: LinkId, message: Control) {
        self.handle(Event::FromPeer { link, message });
    }

    /// One event, and what the world answers to what comes of it. How many messages went out.
    fn handle(&mut self, event: Event) -> u64 {
        let mut went = 0;
        let mut acks = BTreeMap::new();
        for action in black_box(self.gateway.handle(event, NOW)) {
            let answer = match action {
                Action::Send { link, epoch, number, frame, .. } => {
                    went += frame.units();
                    if frame.end.creator.gateway.as_str() == "eu-1" {
                        self.settled = frame.end.unit.0 + frame.units();
                    }
                    acks.insert(link, Ack { epoch, next: number + 1, granted: GRANTED });
                    continue;
                }
                Action::Publish { .. } => {
                    went += 1;
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
            went += self.handle(answer);
        }
        for (link, ack) in acks {
            self.tell(link, Control::Ack(ack));
        }
        went
    }

    /// Receipts for everything that was sent.
    fn settle(&mut self, from: u64) {
        let count = self.settled - from;
        let receipt = Receipt { unit: UnitId(from), count, outcome: Outcome::Delivered };
        let receipts = Receipts {
            to: "eu-1".parse().unwrap(),
            incarnation: Incarnation(1),
            limit: 8,
            receipts: vec![receipt],
        };
        self.tell(US, Control::Receipts(receipts));
    }

    fn publish(&mut self, subject: &str, payload: &Bytes, more: bool) -> u64 {
        let (subject, payload) = (subject.to_owned(), payload.clone());
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more }))
    }

    fn frame(&mut self, link: LinkId, to: &str, body: Body) -> u64 {
        let number = self.numbers.get_mut(&link).unwrap();
        let event_number = *number;
        *number += 1;
        let (gateway, region) = if link == US { ("us-1", "us") } else { ("ap-1", "ap") };
        let creator = Creator {
            region: region.parse().unwrap(),
            gateway: gateway.parse().unwrap(),
            incarnation: Incarnation(5),
        };
        let frame = Frame {
            hop: Hop { limit: 8, visited: vec![creator.gateway.clone()], age: Duration::ZERO },
            end: EndToEnd {
                creator,
                unit: UnitId(self.units),
                to: to.parse().unwrap(),
                prefer: None,
                flow: 7,
                lifetime: Duration::from_secs(60),
                body,
            },
            verbatim: None,
        };
        self.units += frame.units();
        let weight = frame.weight();
        let frame = Ok(Box::new(frame));
        let (epoch, number) = (THEIR_EPOCH, event_number);
        self.handle(Event::Frame { link, epoch, number, weight, frame })
    }
}

fn config() -> Config {
    Config {
        export: ["mcollective".parse().unwrap()].into(),
        transit: true,
        ..Config::new(
            "acme".parse().unwrap(),
            "eu".parse().unwrap(),
            "eu-1".parse().unwrap(),
            Incarnation(1),
        )
    }
}

fn adverts(gateway: &str, region: &str) -> Vec<Advert> {
    let topology = Topology {
        state: GatewayState::Active,
        broker: true,
        transit: true,
        transit_ruled: false,
        adjacencies: [("eu-1".parse().unwrap(), 1)].into(),
        native: [].into(),
    };
    // Only `us` is asked: what is measured is one message for one region.
    let held = (region == "us").then(|| "mcollective".parse().unwrap());
    let offer = Offer { collectives: held.into_iter().collect() };
    [AdvertContent::Topology(topology.into()), AdvertContent::Offer(offer)]
        .map(|content| Advert {
            draft: AdvertDraft {
                gateway: gateway.parse().unwrap(),
                region: region.parse().unwrap(),
                stamp: Stamp { incarnation: Incarnation(5), version: 1 },
                content,
            },
            sealed: Bytes::from_static(b"sealed"),
        })
        .into()
}

/// A recorded request and its reply, and the reply as a node of ours gives it to the fabric.
struct Recorded {
    request: Bytes,
    reply: Bytes,
    echoing: Bytes,
}

impl Recorded {
    fn read() -> Self {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let payload = |index: usize| {
            Bytes::from(vectors["messages"][index]["payload"].as_str().unwrap().to_owned())
        };
        let (request, reply) = (payload(10), payload(11));
        let asked = Transport::decode(request.clone()).unwrap();
        let federation = Federation {
            request: asked.request_head().unwrap().id.to_string(),
            reply_to: format!("antiphon.return.us.us-1.c.0.{}", asked.reply_to().unwrap()),
            targets: Vec::new(),
        };
        let transport = Transport::decode(reply.clone()).unwrap();
        let echoing = transport.edit().federation(Some(&federation)).finish();
        Self { request, reply, echoing }
    }

    fn request(&self, target: Target) -> Body {
        let transport = Transport::decode(self.request.clone()).unwrap();
        Body::Request(RequestBody {
            request: transport.request_head().unwrap().id,
            collective: "mcollective".to_owned(),
            target,
            reply_to: transport.reply_to().unwrap().to_owned(),
            federated: None,
            payload: self.request.clone(),
        })
    }

    fn reply(&self) -> Body {
        let asked = Transport::decode(self.request.clone()).unwrap();
        Body::Reply(ReplyBody {
            request: asked.request_head().unwrap().id.to_string(),
            subject: asked.reply_to().unwrap().to_owned(),
            federated: None,
            payload: self.reply.clone(),
        })
    }
}

fn messages(criterion: &mut Criterion) {
    let recorded = Recorded::read();
    let broadcast = || Target::Broadcast { agent: "rpcutil".to_owned() };
    let identity = |number: u64| format!("n{number}.example.net");
    let directed = Target::Directed { identities: (0..IDENTITIES).map(identity).collect() };
    let subjects: Vec<String> =
        (0..IDENTITIES).map(|number| format!("mcollective.node.{}", identity(number))).collect();
    let (request, reply) = (recorded.request(broadcast()), recorded.reply());
    let many = recorded.request(directed);

    let mut group = criterion.benchmark_group("core: by the message");
    group.throughput(Throughput::Elements(RUN));
    let mut run = |name: &str, one: &mut dyn FnMut(&mut World) -> u64| {
        let mut world = World::new();
        group.bench_function(name, |timer| {
            timer.iter(|| {
                let from = world.settled;
                let went: u64 = (0..RUN).map(|_| one(&mut world)).sum();
                assert_eq!(went, RUN, "each message goes on");
                if world.settled > from {
                    world.settle(from);
                }
            });
        });
    };
    run("a broadcast request enters", &mut |world| {
        world.publish("mcollective.broadcast.agent.rpcutil", &recorded.request, false)
    });
    run("a request to one node enters", &mut |world| {
        world.publish(&subjects[0], &recorded.request, false)
    });
    run("a reply enters", &mut |world| {
        world.publish("choria.federation.eu.collective", &recorded.echoing, false)
    });
    run("a frame with a broadcast leaves", &mut |world| world.frame(US, "eu", request.clone()));
    run("a frame with a reply leaves", &mut |world| world.frame(US, "eu", reply.clone()));
    run("a frame with a reply passes", &mut |world| world.frame(US, "ap", reply.clone()));
    group.throughput(Throughput::Elements(IDENTITIES));
    let mut world = World::new();
    group.bench_function("copies of a directed request enter", |timer| {
        timer.iter(|| {
            let (from, last) = (world.settled, subjects.len() - 1);
            let copies = subjects.iter().enumerate();
            let went: u64 = copies
                .map(|(at, subject)| world.publish(subject, &recorded.request, at < last))
                .sum();
            assert_eq!(went, IDENTITIES, "each copy goes on");
            world.settle(from);
        });
    });
    group.bench_function("identities of a frame leave", |timer| {
        timer.iter(|| assert_eq!(world.frame(US, "eu", many.clone()), IDENTITIES));
    });
}

fn upkeep(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("core: upkeep");
    let mut world = World::new();
    group.bench_function("a tick without work", |timer| {
        timer.iter(|| world.handle(Event::Tick));
    });
    group.bench_function("a ping", |timer| {
        let ping = || Event::Ping { link: US, connection: Connection::Data, nonce: 3 };
        timer.iter(|| world.handle(ping()));
    });
    let mut version = 1;
    group.bench_function("a refreshed advert", |timer| {
        timer.iter(|| {
            version += 1;
            let mut adverts = adverts("us-1", "us");
            for advert in &mut adverts {
                advert.draft.stamp.version = version;
            }
            world.tell(US, Control::Adverts { adverts, answered: false });
        });
    });
}

criterion_group!(benches, messages, upkeep);
criterion_main!(benches);
