//! Rolling restarts under load.

use std::{collections::BTreeMap, time::Duration};

use antiphon_lab::{Relayed, relay::Direction};
use antiphon_tests::{Caller, Fabric, Peer};
use antiphon_wire::Transport;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

/// Requests a second.
const RATE: u32 = 200;
/// Each way between a gateway and its broker.
const DELAY: Duration = Duration::from_millis(5);

/// What has not been answered for so long is lost.
const SILENCE: Duration = Duration::from_secs(3);

/// Requests signed beforehand, so that signing does not slow the load down.
const REQUESTS: usize = 4_000;

/// Who answered each request, by its reply subject.
pub(crate) type Answers = BTreeMap<String, BTreeMap<String, u32>>;

/// Publishes requests at a steady rate until told to stop, then waits for the last answers.
pub(crate) async fn load(
    lab: &antiphon_lab::Lab,
    count: usize,
    stop: CancellationToken,
) -> impl Future<Output = (Answers, Duration)> + use<> {
    let caller = Caller::new(lab);
    let requests: Vec<_> = (1..=count).map(|number| caller.ping(number as u64)).collect();
    let mut listener = Peer::connect(lab, "eu").await;
    listener.subscribe("mcollective.reply.>").await;
    let mut client = Peer::connect(lab, "eu").await;
    let publish = async move {
        let mut tick = interval(Duration::from_secs(1) / RATE);
        let begun = Instant::now();
        let mut sent = Vec::new();
        for (request, reply_to) in requests {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            client.publish("mcollective.broadcast.agent.discovery", request).await;
            sent.push(reply_to);
        }
        // A connection that closes while the server writes to it may take its last request with it.
        (sent, begun.elapsed(), client)
    };
    async move {
        let publishing = tokio::spawn(publish);
        let mut answers = Answers::new();
        // Nodes on a busy machine fall behind: what counts is that nothing more comes.
        let mut silent_since = Instant::now();
        while !publishing.is_finished() || silent_since.elapsed() < SILENCE {
            let soon = Instant::now() + Duration::from_millis(100);
            if let Some(message) = listener.message(soon).await {
                silent_since = Instant::now();
                let transport = Transport::decode(message.payload).unwrap();
                let sender = transport.sender().unwrap().to_owned();
                let request = answers.entry(message.subject).or_default();
                *request.entry(sender).or_default() += 1;
            }
        }
        let (sent, took, _client) = publishing.await.unwrap();
        for reply_to in sent {
            answers.entry(reply_to).or_default();
        }
        (answers, took)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_restarted_one_after_another_lose_and_double_nothing() {
    let mut fabric = Fabric::up(|options| {
        options.regions = 2;
        options.relayed = Relayed::LinksAndBrokers;
    })
    .await;
    for region in ["eu", "us"] {
        for relay in fabric.lab.broker_relays(region) {
            relay.set_delay(Direction::Forward, DELAY);
            relay.set_delay(Direction::Backward, DELAY);
        }
    }
    let stop = CancellationToken::new();
    let load = tokio::spawn(load(&fabric.lab, REQUESTS, stop.clone()).await);
    for gateway in ["eu-1", "eu-2", "us-1", "us-2"] {
        fabric.restart(gateway).await;
    }
    stop.cancel();
    let (answers, took) = load.await.unwrap();
    let nodes = fabric.identities();
    let total = answers.len();
    let incomplete: Vec<_> = answers.iter().filter(|(_, one)| one.len() != nodes.len()).collect();
    if let Some(first) = incomplete.first() {
        let mut drops = BTreeMap::new();
        for gateway in fabric.gateways() {
            drops.insert(gateway.name(), antiphon_tests::drops(gateway).await);
        }
        panic!("{} of {total}: {first:?}; dropped since the restarts: {drops:?}", incomplete.len());
    }
    let doubled = answers.values().filter(|one| one.values().any(|copies| *copies != 1)).count();
    assert_eq!(doubled, 0, "of {total}");
    println!(
        "{total} requests in {} ms, {} nodes each: none lost, none twice",
        took.as_millis(),
        nodes.len()
    );
    fabric.conserved().await;
}
