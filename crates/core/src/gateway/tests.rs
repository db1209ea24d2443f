#![allow(clippy::wildcard_enum_match_arm, reason = "tests look for one kind of action")]

use std::sync::Arc;

use antiphon_wire::{Federation, Transport};
use bytes::Bytes;

use super::*;
use crate::{
    Accept, AdvertContent, AdvertDraft, Body, BrokerInfo, Connection, Control, DialTarget,
    DropReason, Epoch, Frame, FromBroker, Hello, Incarnation, Offer, Open, Outcome, Receipt,
    Receipts, Stamp, Target, Topology, UnitId,
    advert::Advert,
    testing::{at, config, hello, reply_frame},
};

mod entering;
mod explain;
mod federated;
mod flapping;
mod gather;
mod handover;
mod hinted;
mod hostile;
mod joining;
mod kept;
mod leaving;
mod links;
mod native;
mod orders;
mod policing;
mod probes;
mod questions;
mod random;
mod records;
mod replies;
mod services;
mod siblings;
mod twins;
mod undrain;

const REPLY_SUBJECT: &str = "choria.federation.eu.collective";

/// A golden request, recorded from a real client.
fn golden(file: &str, index: usize) -> (String, Bytes) {
    let path = format!("{}/../wire/tests/vectors/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let message = &file["messages"][index];
    let payload = message["payload"].as_str().unwrap().to_owned();
    (message["subject"].as_str().unwrap().to_owned(), Bytes::from(payload))
}

/// `eu-1`, with a broker, linked to `us-1`, which can publish in `us`.
struct Bench {
    gateway: Gateway,
    seconds: u64,
    sent: Vec<Frame>,
}

const LINK: LinkId = LinkId(1);
const THEIR_EPOCH: Epoch = Epoch(77);

impl Bench {
    fn new() -> Self {
        Self::with(config("eu", "eu-1"))
    }

    fn with(config: Config) -> Self {
        let mut bench = Self::unlinked(config);
        bench.link("us-1", "us");
        bench
    }

    fn unlinked(config: Config) -> Self {
        let mut bench =
            Self { gateway: Gateway::new(config, 1, at(0)), seconds: 0, sent: Vec::new() };
        bench.handle(Event::BrokerUp(broker()));
        bench
    }

    fn link(&mut self, gateway: &str, region: &str) {
        let adverts = vec![topology_of(gateway, region, "eu-1"), offer_of(gateway, region)];
        let actions = self.greet(gateway, region, adverts);
        self.pass(&actions);
    }

    /// A link comes up with a peer that tells these; the broker says nothing yet.
    fn greet(&mut self, gateway: &str, region: &str, adverts: Vec<Advert>) -> Vec<Action> {
        let peer = hello(region, gateway, 5);
        let mut actions = self.handle(Event::LinkUp { link: LINK, peer, dialed: None });
        let epoch = opened(&actions).unwrap();
        for message in [
            Control::Open(Open { epoch: THEIR_EPOCH, base: 0, fresh: true }),
            Control::Accept(Accept { epoch, next: Some(0), granted: 1 << 24 }),
            Control::Adverts { adverts, answered: true },
        ] {
            actions.extend(self.handle(Event::FromPeer { link: LINK, message }));
        }
        actions
    }

    /// The broker has processed everything so far.
    fn pass(&mut self, actions: &[Action]) -> Vec<Action> {
        let passed = barrier(actions).map(|barrier| Event::BarrierPassed { barrier });
        passed.map(|event| self.handle(event)).unwrap_or_default()
    }

    fn handle(&mut self, event: Event) -> Vec<Action> {
        let mut actions = self.gateway.handle(event, at(self.seconds));
        for draft in actions.clone() {
            if let Action::Originate { draft } = draft {
                let advert = Advert { draft, sealed: Bytes::new() };
                actions.extend(self.gateway.handle(Event::Originated { advert }, at(self.seconds)));
            }
        }
        self.sent.extend(actions.iter().filter_map(|action| match action {
            Action::Send { frame, .. } => Some((**frame).clone()),
            _ => None,
        }));
        actions
    }

    fn wait(&mut self, seconds: u64) -> Vec<Action> {
        self.seconds += seconds;
        let heard = [Connection::Control, Connection::Data]
            .map(|connection| self.handle(Event::Heard { link: LINK, connection }));
        heard.into_iter().flatten().chain(self.handle(Event::Tick)).collect()
    }

    fn publish(&mut self, subject: &str, payload: Bytes) -> Vec<Action> {
        let subject = subject.to_owned();
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more: false }))
    }

    /// Publishes something behind which more waits.
    fn publish_one_of_many(&mut self, subject: &str, payload: Bytes) -> Vec<Action> {
        let subject = subject.to_owned();
        self.handle(Event::FromBroker(FromBroker { subject, mark: None, payload, more: true }))
    }

    fn frame(&mut self, number: u64, frame: Frame) -> Vec<Action> {
        let weight = frame.weight();
        let frame = Ok(Box::new(frame));
        self.handle(Event::Frame { link: LINK, epoch: THEIR_EPOCH, number, weight, frame })
    }

    fn created(&self) -> Tally {
        let tallies = self.gateway.account.tallies().values();
        tallies.fold(Tally::default(), |mut sum, one| {
            sum.created += one.created;
            sum.delivered += one.delivered;
            sum.in_doubt += one.in_doubt;
            sum
        })
    }
}

use crate::Tally;

fn broker() -> BrokerInfo {
    BrokerInfo {
        url: "nats://localhost:4222".to_owned(),
        name: "b".to_owned(),
        version: "2.15.1".to_owned(),
        max_payload: 1 << 20,
    }
}

/// Confirms that nothing more comes of what was unsubscribed.
fn unsubscribed(bench: &mut Bench, actions: &[Action]) -> Vec<Action> {
    let ids = actions.iter().filter_map(|action| match action {
        Action::Unsubscribe { subscription } => Some(*subscription),
        _ => None,
    });
    let ids: Vec<_> = ids.collect();
    assert!(!ids.is_empty(), "{actions:?}");
    let ended = ids.into_iter();
    ended.flat_map(|subscription| bench.handle(Event::Unsubscribed { subscription })).collect()
}

fn opened(actions: &[Action]) -> Option<Epoch> {
    actions.iter().find_map(|action| match action {
        Action::Control { message: Control::Open(open), .. } => Some(open.epoch),
        _ => None,
    })
}

fn advert(gateway: &str, region: &str, content: AdvertContent) -> Advert {
    let draft = AdvertDraft {
        gateway: gateway.parse().unwrap(),
        region: region.parse().unwrap(),
        stamp: Stamp { incarnation: Incarnation(5), version: 1 },
        content,
    };
    Advert { draft, sealed: Bytes::new() }
}

fn topology_of(gateway: &str, region: &str, adjacent: &str) -> Advert {
    let topology = Topology {
        state: GatewayState::Active,
        broker: true,
        transit: true,
        transit_ruled: false,
        adjacencies: [(adjacent.parse().unwrap(), 1)].into(),
        native: [].into(),
    };
    advert(gateway, region, AdvertContent::Topology(topology.into()))
}

/// What the advert of a place says, to be changed.
fn place_of(advert: &mut Advert) -> &mut Topology {
    let AdvertContent::Topology(topology) = &mut advert.draft.content else { panic!() };
    Arc::make_mut(topology)
}

fn offer_of(gateway: &str, region: &str) -> Advert {
    let collectives = ["mcollective".parse().unwrap()].into();
    advert(gateway, region, AdvertContent::Offer(Offer { collectives }))
}

fn dropped(actions: &[Action]) -> Vec<DropReason> {
    let reasons = actions.iter().filter_map(|action| match action {
        Action::Dropped(dropped) => Some(dropped.reason),
        _ => None,
    });
    reasons.collect()
}

fn published(actions: &[Action]) -> Vec<(String, Bytes)> {
    let published = actions.iter().filter_map(|action| match action {
        Action::Publish { subject, payload, .. } => Some((subject.clone(), payload.clone())),
        _ => None,
    });
    published.collect()
}

fn barrier(actions: &[Action]) -> Option<crate::BarrierId> {
    actions.iter().find_map(|action| match action {
        Action::Barrier { barrier } => Some(*barrier),
        _ => None,
    })
}

fn request_frame(unit: u64, target: Target, federated: Option<&str>) -> Frame {
    let (_, payload) = golden("v1-ping.json", 0);
    let transport = Transport::decode(payload.clone()).unwrap();
    let mut frame = reply_frame("us", "eu", unit);
    frame.end.body = Body::Request(crate::RequestBody {
        request: transport.request_head().unwrap().id,
        collective: "mcollective".to_owned(),
        target,
        reply_to: transport.reply_to().unwrap().to_owned(),
        federated: federated.map(str::to_owned),
        payload,
    });
    frame
}

fn broadcast() -> Target {
    Target::Broadcast { agent: "discovery".to_owned() }
}

fn alarmed(actions: &[Action]) -> bool {
    actions.iter().any(|one| matches!(one, Action::Alarm { raised: true, .. }))
}
