//! Links over a network in memory, under paused time.

use std::time::Duration;

use antiphon_core::{Connection, Control, DialFailure, Endpoint};
use antiphon_gateway::link::{
    LinkCommand, LinkConfig, LinkEvent, Transport,
    memory::{Condition, MemoryNetwork, Path},
};
use antiphon_identity::PeerIdentity;
use antiphon_proto::{BATCH_ZSTD, Greeting};
use bytes::Bytes;
use tokio::time::{Instant, sleep, timeout};

use crate::side::{Side, advert, linked};

const DELAY: Duration = Duration::from_millis(40);

struct World {
    network: MemoryNetwork,
    eu: Side,
    us: Side,
}

impl World {
    fn new(bend: impl Fn(&mut Greeting, &mut LinkConfig)) -> Self {
        let network = MemoryNetwork::new();
        let eu = settle(&network, "eu-1", &bend);
        let us = settle(&network, "us-1", &bend);
        let world = Self { network, eu, us };
        world.set(Condition::Open);
        world
    }

    fn set(&self, condition: Condition) {
        let path = Path { delay: DELAY, condition };
        self.network.set_both(&self.eu.hello.endpoint, &self.us.hello.endpoint, path);
    }
}

fn settle(
    network: &MemoryNetwork,
    gateway: &str,
    bend: impl Fn(&mut Greeting, &mut LinkConfig),
) -> Side {
    let endpoint: Endpoint = format!("{gateway}:7440").parse().unwrap();
    let region = gateway.rsplit_once('-').unwrap().0.to_owned();
    let identity = PeerIdentity { region, gateway: Some(gateway.to_owned()) };
    let transport = network.settle(endpoint.clone(), identity, Duration::MAX);
    Side::start(gateway, endpoint, Transport::Memory(transport), bend)
}

#[tokio::test(start_paused = true)]
async fn a_ping_takes_as_long_as_the_paths() {
    let mut world = World::new(|_, _| {});
    let (eu, us) = linked(&mut world.eu, &mut world.us).await;
    let asked = Instant::now();
    let connection = Connection::Data;
    world.eu.handle.submit(LinkCommand::Ping { link: eu, connection, nonce: 5 });
    world.us.until(|event| matches!(event, LinkEvent::Ping { nonce: 5, .. }).then_some(())).await;
    world.us.handle.submit(LinkCommand::Pong { link: us, connection, nonce: 5 });
    world.eu.until(|event| matches!(event, LinkEvent::Pong { nonce: 5, .. }).then_some(())).await;
    let took = asked.elapsed();
    assert!((2 * DELAY..2 * DELAY + Duration::from_millis(5)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_black_hole_is_silent_and_what_was_sent_into_it_arrives_when_it_opens() {
    let mut world = World::new(|_, _| {});
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    sleep(Duration::from_secs(5)).await;
    while timeout(Duration::from_secs(1), world.us.events.recv()).await.is_ok() {}

    world.set(Condition::BlackHole);
    for number in 0..100 {
        world.eu.send(link, number, Bytes::from(vec![1; 10_000]));
    }
    let heard = timeout(Duration::from_secs(10), world.us.events.recv()).await;
    assert!(heard.is_err(), "{heard:?}");

    world.set(Condition::Open);
    for number in 0..100 {
        assert_eq!(world.us.frame().await.0, number);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cut_takes_the_link_down_on_both_sides_and_ends_with_the_cut() {
    let mut world = World::new(|_, _| {});
    let (eu, us) = linked(&mut world.eu, &mut world.us).await;

    world.set(Condition::Cut);
    assert_eq!((world.eu.down().await.0, world.us.down().await.0), (eu, us));
    world.eu.dial(&world.us.hello.endpoint);
    let failure = world.eu.dial_failure().await;
    assert!(matches!(failure, DialFailure::Unreachable { .. }), "{failure:?}");

    world.set(Condition::Open);
    let again = linked(&mut world.eu, &mut world.us).await;
    assert!(again > (eu, us), "numbers are never used twice");
}

#[tokio::test(start_paused = true)]
async fn a_dial_into_a_black_hole_ends() {
    let mut world = World::new(|_, _| {});
    world.set(Condition::BlackHole);
    world.eu.dial(&world.us.hello.endpoint);
    let failure = world.eu.dial_failure().await;
    assert!(matches!(failure, DialFailure::Unreachable { .. }), "{failure:?}");
}

#[tokio::test(start_paused = true)]
async fn a_large_frame_on_its_way_is_heard() {
    let mut world = World::new(|_, _| {});
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    // 8 MiB go through a wire that holds 4 MiB in two parts, ten seconds apart.
    let path = Path { delay: Duration::from_secs(10), condition: Condition::Open };
    world.network.set(&world.eu.hello.endpoint, &world.us.hello.endpoint, path);
    world.eu.send(link, 1, vec![0; 8 << 20]);

    let mut heard = 0;
    let connection = world
        .us
        .until(|event| match event {
            LinkEvent::Heard { connection: Connection::Data, .. } => {
                heard += 1;
                None
            }
            LinkEvent::Frame { .. } => Some(Connection::Data),
            _ => None,
        })
        .await;
    assert_eq!(connection, Connection::Data);
    assert!((1..20).contains(&heard), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn control_does_not_wait_behind_data() {
    let mut world = World::new(|_, config| config.data_events_max = 4);
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    for number in 0..1000 {
        world.eu.send(link, number, Bytes::from(vec![1; 10_000]));
    }
    let full = async {
        while world.us.events.waiting().1 < 4 {
            sleep(DELAY).await;
        }
    };
    timeout(Duration::from_secs(60), full).await.unwrap();
    world.eu.handle.submit(LinkCommand::Control { link, message: Control::Goodbye });
    let arrived = async {
        while world.us.events.waiting().0 == 0 {
            sleep(DELAY).await;
        }
    };
    timeout(Duration::from_secs(60), arrived).await.unwrap();

    let overtaking = world
        .us
        .until(|event| match event {
            LinkEvent::Control { message, .. } => Some(Ok(message)),
            LinkEvent::Frame { number, .. } => Some(Err(number)),
            _ => None,
        })
        .await;
    assert_eq!(overtaking, Ok(Control::Goodbye));
    for number in 0..1000 {
        assert_eq!(world.us.frame().await.0, number);
    }
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_the_shell_is_bounded_in_bytes() {
    let mut world = World::new(|_, config| config.data_events_bytes_max = 100 << 10);
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    for number in 0..50 {
        world.eu.send(link, number, vec![1; 40 << 10]);
    }
    world.eu.send(link, 50, vec![1; 1 << 20]);
    let mut numbers = Vec::new();
    while numbers.len() <= 50 {
        // Long enough for everything to arrive that is let in.
        sleep(Duration::from_secs(10)).await;
        let waiting = world.us.events.waiting().1;
        assert!((1..=2).contains(&waiting), "{waiting}");
        for _ in 0..waiting {
            numbers.push(world.us.frame().await.0);
        }
    }
    assert!(numbers.into_iter().eq(0..=50));
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_overflows_is_counted_and_ends_the_link() {
    let mut world = World::new(|_, config| config.data_queue_max = 8);
    let (link, us) = linked(&mut world.eu, &mut world.us).await;
    world.set(Condition::BlackHole);
    for number in 0..9 {
        world.eu.send(link, number, "x");
    }
    assert_eq!(world.eu.handle.counters().overflows, 1);
    assert_eq!(world.eu.down().await, (link, "defect: the data queue overflowed".into()));
    world.set(Condition::Open);
    assert_eq!(world.us.down().await.0, us);
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_a_peer_that_is_gone() {
    let mut world = World::new(|_, _| {});
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    world.set(Condition::BlackHole);
    world.eu.handle.submit(LinkCommand::Close { link, reason: "silence".into() });
    assert_eq!(world.eu.down().await, (link, "silence".into()));
}

/// Receipts must not go with the link: what waits to be written still is, when the other side closes.
#[tokio::test(start_paused = true)]
async fn whoever_is_closed_on_has_its_last_word() {
    const WORDS: usize = 16;
    let mut world = World::new(|_, _| {});
    let (link, us_link) = linked(&mut world.eu, &mut world.us).await;
    let [eu, us] = [&world.eu, &world.us].map(|side| side.hello.endpoint.clone());
    let path = |condition| Path { delay: DELAY, condition };
    world.network.set(&us, &eu, path(Condition::BlackHole));
    for _ in 0..WORDS {
        let gateway = "eu-1".parse().unwrap();
        let message = Bytes::from(vec![0; 64 << 10]);
        world.us.handle.submit(LinkCommand::Gossip { gateway, message });
    }
    world.eu.handle.submit(LinkCommand::Close { link, reason: "replaced".into() });
    // That arrives, and nothing goes back. Both sides close a link that another one succeeds.
    sleep(DELAY * 10).await;
    world.us.handle.submit(LinkCommand::Close { link: us_link, reason: "replaced".into() });
    sleep(DELAY).await;
    world.network.set(&us, &eu, path(Condition::Open));
    for _ in 0..WORDS {
        world
            .eu
            .until(|event| {
                assert!(!matches!(event, LinkEvent::Down { .. }), "before the last word");
                matches!(event, LinkEvent::Gossip { .. }).then_some(())
            })
            .await;
    }
    assert_eq!(world.eu.down().await, (link, "replaced".into()));
    assert_eq!(world.us.down().await.0, us_link);
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_one_task_ends_all_links_and_their_events() {
    let mut world = World::new(|_, _| {});
    let (link, us) = linked(&mut world.eu, &mut world.us).await;
    let adverts = vec![advert("defect")];
    let message = Control::Adverts { adverts, answered: true };
    world.eu.handle.submit(LinkCommand::Control { link, message });

    while let Some(event) = timeout(Duration::from_secs(60), world.us.events.recv()).await.unwrap()
    {
        assert!(!matches!(event, LinkEvent::Control { .. }), "{us}: {event:?}");
    }
    world.us.handle.ended().await;
    assert_eq!(world.eu.down().await.0, link);
}

#[tokio::test(start_paused = true)]
async fn nobody_settled_is_unreachable() {
    let mut world = World::new(|_, _| {});
    world.eu.dial(&"nowhere:1".parse().unwrap());
    let failure = world.eu.dial_failure().await;
    let reason = "connect to nowhere:1: nobody is there".to_owned();
    assert_eq!(failure, DialFailure::Unreachable { reason });
}

#[tokio::test(start_paused = true)]
async fn several_gateways_meet_over_one_network() {
    let network = MemoryNetwork::new();
    let mut hub = settle(&network, "eu-1", |_, _| {});
    let mut others = ["eu-2", "us-1", "ap-1"].map(|name| settle(&network, name, |_, _| {}));
    for other in &mut others {
        linked(&mut hub, other).await;
    }
    let [_, us, ap] = &mut others;
    linked(ap, us).await;
    let peers = |side: &Side| side.handle.stats().len();
    assert_eq!((peers(&hub), others.each_ref().map(peers)), (3, [1, 2, 2]));
}

/// Bytes written to the data connection of the only link.
fn data_out(side: &Side) -> u64 {
    side.handle.stats().iter().map(|link| link.data.bytes_out).sum()
}

/// Bytes that a hundred alike frames took on the data connection, and what arrived.
async fn hundred_alike(
    eu_features: &'static [&'static str],
    us_features: &'static [&'static str],
) -> u64 {
    let mut world = World::new(|greeting, _| {
        let features =
            if greeting.hello.gateway.as_str() == "eu-1" { eu_features } else { us_features };
        greeting.features = features.iter().map(|word| (*word).to_owned()).collect();
    });
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    let before = data_out(&world.eu);
    for number in 0..100 {
        world.eu.send(link, number, Bytes::from(format!("{{\"{}\"}}", "news".repeat(300))));
        assert_eq!(world.us.frame().await.0, number);
    }
    data_out(&world.eu) - before
}

#[tokio::test(start_paused = true)]
async fn batches_are_compressed_only_if_both_gateways_can() {
    let (with, without) = (&[BATCH_ZSTD, "later"][..], &["later"][..]);
    assert!(hundred_alike(with, with).await < 15_000);
    for (eu, us) in [(with, without), (without, with), (without, without)] {
        assert!(hundred_alike(eu, us).await > 120_000);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_ends_when_no_frames_come_and_a_new_one_begins_with_the_next() {
    let mut world = World::new(|_, _| {});
    let (link, _) = linked(&mut world.eu, &mut world.us).await;
    let news = |number: u64| Bytes::from(format!("{number} {}", noise(400)));
    let mut costs = Vec::new();
    for number in 0..3 {
        let before = data_out(&world.eu);
        world.eu.send(link, number, news(number));
        assert_eq!(world.us.frame().await, (number, news(number)));
        costs.push(data_out(&world.eu) - before);
        if number == 1 {
            sleep(Duration::from_secs(6)).await;
        }
    }
    let [first, within, after] = costs[..] else { panic!("{costs:?}") };
    assert!(within * 3 < first, "{costs:?}");
    assert!(after * 2 > first, "{costs:?}");
}

/// Text in which nothing repeats.
fn noise(bytes: usize) -> String {
    let mut state = 88_172_645_463_325_252_u64;
    let mut letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + u8::try_from(state % 26).unwrap())
    };
    (0..bytes).map(|_| letter()).collect()
}
