//! Probes: sent, passed on, turned around, gathered.

use super::*;
use crate::{Asked, Probe, ProbeEnd, ProbeHop, Trace};

fn probes(actions: &[Action]) -> Vec<Probe> {
    let probes = actions.iter().filter_map(|action| match action {
        Action::Control { message: Control::Probe(probe), .. } => Some((**probe).clone()),
        _ => None,
    });
    probes.collect()
}

fn traced(actions: &[Action]) -> Option<Trace> {
    actions.iter().find_map(|action| match action {
        Action::Traced { trace, .. } => Some((**trace).clone()),
        _ => None,
    })
}

fn trace(bench: &mut Bench, to: &str) -> Vec<Action> {
    let asked = Asked { from: "eu-1".parse().unwrap(), incarnation: Incarnation(1), number: 1 };
    let timeout = Duration::from_secs(2);
    bench.handle(Event::Trace { asked, to: to.parse().unwrap(), timeout })
}

fn hop(gateway: &str, back: bool, at: Now, stayed: u64) -> ProbeHop {
    ProbeHop {
        gateway: gateway.parse().unwrap(),
        region: gateway.split_once('-').unwrap().0.parse().unwrap(),
        version: "0.1.0".to_owned(),
        back,
        at: at.unix,
        stayed: Duration::from_secs(stayed),
        next: None,
        rtt: None,
        waited: Duration::ZERO,
        queued: 0,
        broker: None,
    }
}

/// As `us-1` sends it back.
fn returned(mut probe: Probe, end: ProbeEnd, next: Option<&str>) -> Event {
    let mut line = hop("us-1", false, at(0), 0);
    line.next = next.map(|one| one.parse().unwrap());
    probe.hops.push(line);
    probe.ended = Some(end);
    Event::FromPeer { link: LINK, message: Control::Probe(Box::new(probe)) }
}

#[test]
fn probes_go_where_frames_would_and_the_farthest_says_how_far_the_way_is_good() {
    let mut bench = Bench::new();
    let sent = probes(&trace(&mut bench, "us"));
    assert_eq!(sent.iter().map(|one| one.turn).collect::<Vec<_>>(), (1..=8).collect::<Vec<_>>());
    assert!(sent.iter().all(|one| one.hops[0].next.as_ref().unwrap().as_str() == "us-1"));
    let turned = returned(sent[0].clone(), ProbeEnd::Turned, Some("us-2"));
    assert_eq!(traced(&bench.handle(turned)), None, "others may come from farther");
    let trace = traced(&bench.wait(2)).unwrap();
    assert_eq!(
        (trace.ended, trace.silent.clone()),
        (Some(ProbeEnd::Turned), Some("us-2".parse().unwrap()))
    );
    assert!(!trace.is_good());
}

#[test]
fn one_that_arrived_ends_the_trace_and_later_ones_change_nothing() {
    let mut bench = Bench::new();
    let sent = probes(&trace(&mut bench, "us"));
    let arrived = returned(sent[7].clone(), ProbeEnd::Arrived, None);
    assert!(traced(&bench.handle(arrived.clone())).unwrap().is_good());
    assert_eq!(traced(&bench.handle(arrived)), None);
}

#[test]
fn where_nobody_answers_the_first_hop_is_named_and_where_there_is_no_way_we_are() {
    let mut bench = Bench::new();
    assert!(!probes(&trace(&mut bench, "us")).is_empty());
    let silence = traced(&bench.wait(2)).unwrap();
    assert_eq!((silence.ended, silence.silent), (None, Some("us-1".parse().unwrap())));
    let nowhere = traced(&trace(&mut bench, "sa")).unwrap();
    assert_eq!(nowhere.ended, Some(ProbeEnd::NoWay));
    assert_eq!(nowhere.hops[0].gateway.as_str(), "eu-1");
}

fn from_us(to: &str) -> Event {
    let probe = Probe {
        creator: "us-1".parse().unwrap(),
        incarnation: Incarnation(5),
        origin: "us".parse().unwrap(),
        id: 3,
        to: to.parse().unwrap(),
        flow: 0,
        turn: 8,
        ended: None,
        hops: vec![hop("us-1", false, at(0), 0)],
    };
    Event::FromPeer { link: LINK, message: Control::Probe(Box::new(probe)) }
}

#[test]
fn at_the_end_the_broker_is_asked_and_its_time_goes_back() {
    let mut bench = Bench::new();
    let actions = bench.handle(from_us("eu"));
    assert!(probes(&actions).is_empty() && published(&actions).is_empty(), "nodes hear nothing");
    let barrier = barrier(&actions).unwrap();
    bench.seconds += 1;
    let back = probes(&bench.handle(Event::BarrierPassed { barrier }));
    let [probe] = back.as_slice() else { panic!("{back:?}") };
    assert_eq!(probe.ended, Some(ProbeEnd::Arrived));
    assert_eq!(probe.hops[1].broker, Some(Duration::from_secs(1)));
}

#[test]
fn what_would_drop_a_frame_turns_a_probe_around() {
    let mut bench = Bench::with(Config { transit: false, ..config("eu", "eu-1") });
    let back = probes(&bench.handle(from_us("ap")));
    assert_eq!(back[0].ended, Some(ProbeEnd::Dropped(DropReason::TransitRefused)));
    let mut bench = Bench::new();
    bench.handle(from_us("eu"));
    let back = probes(&bench.handle(Event::BrokerDown));
    assert_eq!(back[0].ended, Some(ProbeEnd::Dropped(DropReason::BrokerAway)));
}

#[test]
fn a_clock_that_is_ahead_shows_by_the_halves_of_the_round_trip() {
    // Each link takes 1 s one way; us-1 is 10 s ahead, ap-1 10 s behind and keeps the probe for 2 s.
    let hops = [
        hop("eu-1", false, at(100), 0),
        hop("us-1", false, at(111), 0),
        hop("ap-1", false, at(92), 2),
        hop("us-1", true, at(115), 0),
    ];
    let skews = crate::gateway::probes::skews(&hops, at(100), at(106));
    let seconds: Vec<_> =
        skews.iter().map(|(gateway, skew)| (gateway.as_str(), skew / 1_000_000)).collect();
    assert_eq!(seconds, [("us-1", 10), ("ap-1", -10)]);
    let other_way =
        [hops[0].clone(), hops[1].clone(), hops[2].clone(), hop("sa-1", true, at(1), 0)];
    assert!(crate::gateway::probes::skews(&other_way, at(100), at(106)).is_empty());
}
