//! What must not cross: each a counted, named drop, and nothing crashes.

use std::{collections::BTreeMap, time::Duration};

use antiphon_lab::wait;
use antiphon_tests::{Fabric, Peer, drops, vector};
use antiphon_wire::{Federation, Transport};
use bytes::Bytes;

const BROADCAST: &str = "mcollective.broadcast.agent.discovery";

/// Drops of all gateways of the fabric, by reason.
async fn all_drops(fabric: &Fabric) -> BTreeMap<String, u64> {
    let mut all = BTreeMap::new();
    for gateway in fabric.gateways() {
        for (reason, count) in drops(gateway).await {
            *all.entry(reason).or_default() += count;
        }
    }
    all
}

async fn assert_dropped(fabric: &Fabric, wanted: &[(&str, u64)]) {
    let wanted: BTreeMap<String, u64> =
        wanted.iter().map(|(reason, count)| ((*reason).to_owned(), *count)).collect();
    let matched = wait::until(Duration::from_secs(10), async || {
        (all_drops(fabric).await == wanted).then_some(())
    });
    assert!(matched.await.is_some(), "{:?}, not {wanted:?}", all_drops(fabric).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_cross_is_a_named_drop() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.nodes = 0;
    })
    .await;
    let mut client = Peer::connect(&fabric.lab, "eu").await;
    let mut far = Peer::connect(&fabric.lab, "us").await;
    for subject in ["mcollective.>", "$SYS.>", "$JS.API.>", "_INBOX.>"] {
        far.subscribe(subject).await;
    }
    let (_, good) = vector("v1-ping.json", 0);
    let text = String::from_utf8(good.to_vec()).unwrap();
    let swap = |from: &str, to: &str| Bytes::from(text.replacen(from, to, 1));
    // As large as a broker takes; with the way back in its headers it is too large for the next.
    let filler = "y".repeat((1 << 20) - text.len() - "\"x\":\"\",".len());
    let oversized = text.replacen('{', &format!("{{\"x\":\"{filler}\","), 1);
    for (subject, payload) in [
        (BROADCAST, Bytes::from_static(b"\x00\x01 garbage")),
        (BROADCAST, swap("\"headers\":", "\"HEADERS\":null,\"headers\":")),
        (BROADCAST, swap("\"headers\":{", "\"headers\":null,\"x\":{")),
        (BROADCAST, swap("choria:transport:1", "choria:transport:9")),
        ("mcollective.broadcast.agent.rpcutil", good.clone()),
        (BROADCAST, Bytes::from(oversized)),
    ] {
        client.publish(subject, payload).await;
    }
    client.barrier().await;
    let dropped = [
        ("ambiguous-json", 1),
        ("headers-missing", 1),
        ("not-transport", 1),
        ("payload-too-large", 1),
        ("subject-mismatch", 1),
        ("unknown-protocol", 1),
    ];
    assert_dropped(&fabric, &dropped).await;
    forge(&fabric, &mut far).await;
    let mut dropped = dropped.to_vec();
    dropped.extend([("reply-subject-refused", 5), ("return-address-invalid", 3)]);
    dropped.sort_unstable();
    assert_dropped(&fabric, &dropped).await;
    let leaked = client.message(tokio::time::Instant::now()).await;
    assert!(leaked.is_none(), "{leaked:?}");
    client.publish(BROADCAST, good).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let crossed = far.message(deadline).await.expect("the fabric still works");
    assert_eq!(crossed.subject, BROADCAST);
    fabric.conserved().await;
}

/// Replies in us whose return address was forged.
async fn forge(fabric: &Fabric, node: &mut Peer) {
    let (_, reply) = vector("v1-ping.json", 1);
    let reply = Transport::decode(reply).unwrap();
    let mut victim = Peer::connect(&fabric.lab, "eu").await;
    for subject in ["$SYS.>", "$JS.API.>", "_INBOX.>", "mcollective.node.>", "us.>"] {
        victim.subscribe(subject).await;
    }
    for subject in [
        "$SYS.REQ.SERVER.PING",
        "$JS.API.STREAM.LIST",
        "_INBOX.abc.1",
        "us.broadcast.agent.rpcutil",
        "mcollective.node.n1.eu.example.net",
        "mcollective.reply.>",
        "mcollective.reply.a b",
        "mcollective.reply.\u{7}",
    ] {
        let federation = Federation {
            request: "forged".to_owned(),
            reply_to: format!("antiphon.return.eu.eu-1.c.0.{subject}"),
            targets: Vec::new(),
        };
        let forged = reply.edit().federation(Some(&federation)).finish();
        node.publish("choria.federation.us.collective", forged).await;
    }
    node.barrier().await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(1);
    let leaked = victim.message(deadline).await;
    assert!(leaked.is_none(), "{leaked:?}");
}
