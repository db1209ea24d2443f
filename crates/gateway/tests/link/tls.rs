//! Links that stand, over TLS on loopback.

use antiphon_core::{Connection, Control, DialTarget};
use antiphon_gateway::link::{LinkCommand, LinkEvent};
use bytes::Bytes;

use crate::{
    pki::{Authority, Life},
    side::{Side, advert, linked},
};

async fn two_sides() -> (Side, Side) {
    let authority = Authority::new();
    let eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    (eu, us)
}

#[tokio::test]
async fn a_link_comes_up_on_both_sides() {
    let (mut eu, mut us) = two_sides().await;
    eu.dial(&us.hello.endpoint);

    let here = eu.up().await;
    let there = us.up().await;

    assert_eq!((here.peer, there.peer), (us.hello.clone(), eu.hello.clone()));
    let endpoint = us.hello.endpoint.clone();
    assert_eq!((here.dialed, there.dialed), (Some(DialTarget::Seed { endpoint }), None));
    let year_4000 = 64_060_588_800;
    assert_eq!((here.not_after.as_secs(), there.not_after.as_secs()), (year_4000, year_4000));
}

#[tokio::test]
async fn frames_arrive_in_order_both_ways() {
    const FRAMES: u64 = 5000;
    let (mut eu, mut us) = two_sides().await;
    let (there, here) = linked(&mut eu, &mut us).await;

    for number in 0..FRAMES {
        eu.send(there, number, format!("to us {number}"));
        us.send(here, number, format!("to eu {number}"));
    }

    for number in 0..FRAMES {
        assert_eq!(us.frame().await, (number, Bytes::from(format!("to us {number}"))));
        assert_eq!(eu.frame().await, (number, Bytes::from(format!("to eu {number}"))));
    }
    let stats = eu.handle.stats().remove(0);
    assert_eq!((stats.frames_out, stats.frames_in), (FRAMES, FRAMES));
    assert!(stats.batches_out < FRAMES / 2, "{} batches", stats.batches_out);
    assert!(stats.data.bytes_in > 0 && stats.data.bytes_out > 0, "{stats:?}");
}

#[tokio::test]
async fn the_largest_frame_crosses() {
    let (mut eu, mut us) = two_sides().await;
    let (link, _) = linked(&mut eu, &mut us).await;
    let payload: Bytes = vec![7; 8 << 20].into();

    eu.send(link, 1, "before");
    eu.send(link, 2, payload.clone());
    eu.send(link, 3, "after");

    assert_eq!(us.frame().await.0, 1);
    assert_eq!(us.frame().await, (2, payload));
    assert_eq!(us.frame().await.0, 3);
}

#[tokio::test]
async fn pings_are_answered_on_the_connection_that_asked() {
    let (mut eu, mut us) = two_sides().await;
    let (eu_link, us_link) = linked(&mut eu, &mut us).await;
    for (connection, nonce) in [(Connection::Control, 1), (Connection::Data, 2)] {
        eu.handle.submit(LinkCommand::Ping { link: eu_link, connection, nonce });
        let asked = us
            .until(|event| match event {
                LinkEvent::Ping { connection, nonce, .. } => Some((connection, nonce)),
                _ => None,
            })
            .await;
        assert_eq!(asked, (connection, nonce));
        us.handle.submit(LinkCommand::Pong { link: us_link, connection, nonce });
        let answered = eu
            .until(|event| match event {
                LinkEvent::Pong { connection, nonce, .. } => Some((connection, nonce)),
                _ => None,
            })
            .await;
        assert_eq!(answered, (connection, nonce));
    }
}

#[tokio::test]
async fn gossip_reaches_the_gateway_it_is_for_and_is_dropped_without_a_link() {
    let (mut eu, mut us) = two_sides().await;
    let gossip = |gateway: &str| LinkCommand::Gossip {
        gateway: gateway.parse().unwrap(),
        message: Bytes::from_static(b"rumour"),
    };
    eu.handle.submit(gossip("us-1"));
    assert_eq!(eu.handle.counters().gossip_dropped, 1);

    linked(&mut eu, &mut us).await;
    eu.handle.submit(gossip("us-1"));
    let heard = us
        .until(|event| match event {
            LinkEvent::Gossip { gateway, message } => Some((gateway, message)),
            _ => None,
        })
        .await;
    assert_eq!(heard, (eu.hello.gateway.clone(), Bytes::from_static(b"rumour")));
    assert_eq!(eu.handle.counters().gossip_dropped, 1);
}

#[tokio::test]
async fn adverts_are_verified_before_anybody_sees_them() {
    let (mut eu, mut us) = two_sides().await;
    let (link, us_link) = linked(&mut eu, &mut us).await;
    let adverts = vec![advert("good"), advert("newer"), advert("forged")];
    let message = Control::Adverts { adverts, answered: true };
    eu.handle.submit(LinkCommand::Control { link, message });

    let refused = us
        .until(|event| match event {
            LinkEvent::AdvertsRefused { link, kinds } => Some((link, kinds)),
            _ => None,
        })
        .await;
    assert_eq!(refused, (us_link, vec!["untrusted".to_owned()]));
    let expected = Control::Adverts { adverts: vec![advert("good")], answered: true };
    assert_eq!(us.control().await, expected);
}

#[tokio::test]
async fn a_link_is_closed_after_its_control_messages() {
    let (mut eu, mut us) = two_sides().await;
    let (link, us_link) = linked(&mut eu, &mut us).await;

    eu.handle.submit(LinkCommand::Control { link, message: Control::DrainRequest });
    eu.handle.submit(LinkCommand::Control { link, message: Control::Goodbye });
    eu.handle.submit(LinkCommand::Close { link, reason: "drained".into() });

    for expected in [Control::DrainRequest, Control::Goodbye] {
        assert_eq!(us.control().await, expected);
    }
    assert_eq!(us.down().await.0, us_link);
    assert_eq!(eu.down().await, (link, "drained".into()));
    assert!(eu.handle.stats().is_empty());

    eu.handle.submit(LinkCommand::Control { link, message: Control::Goodbye });
    assert_eq!(eu.handle.counters().late_commands, 1);
}

#[tokio::test]
async fn a_peer_that_dies_takes_the_link_down_once() {
    let (mut eu, mut us) = two_sides().await;
    let (_, link) = linked(&mut eu, &mut us).await;
    let handle = eu.handle.clone();
    drop(eu);
    handle.ended().await;

    assert_eq!(us.down().await.0, link);
    let endpoint = us.hello.endpoint.clone();
    us.dial(&endpoint);
    let LinkEvent::DialFailed { .. } = us.next().await else { panic!("one end is enough") };
}

#[tokio::test]
async fn the_data_connection_goes_where_the_configuration_says() {
    let authority = Authority::new();
    let elsewhere = |greeting: &mut antiphon_proto::Greeting, _: &mut _| {
        greeting.hello.endpoint = "192.0.2.1:7440".parse().unwrap();
    };
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), elsewhere).await;
    let port = us.port;
    let endpoint: antiphon_core::Endpoint = format!("127.0.0.1:{port}").parse().unwrap();
    let dial = endpoint.clone();
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), move |_, config| {
        config.dial.insert("us-1".parse().unwrap(), dial);
    })
    .await;

    eu.dial_member("us-1", &endpoint);

    assert_eq!(eu.up().await.peer.endpoint, us.hello.endpoint);
    us.up().await;
}

#[tokio::test]
async fn a_renewed_certificate_serves_the_next_handshake() {
    let authority = Authority::new();
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let past = authority.tls_of("antiphon://acme/us/us-1", Life::Past);
    let mut us = Side::over_tls("us-1", past, |_, _| {}).await;
    eu.dial(&us.hello.endpoint);
    assert_eq!(eu.refusal().await, "expired");
    eu.dial_failure().await;

    us.renew.as_ref().unwrap().send(authority.tls("us-1")).unwrap();
    linked(&mut eu, &mut us).await;
}
