//! Rolling restarts under load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use antiphon_lab::{Relayed, relay::Direction};
use antiphon_tests::{Caller, Fabric, Peer};
use antiphon_wire::Transport;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Requests a second.
const RATE: u32 = 200;
/// Each way between a gateway and its broker.
const DELAY: Duration = Duration::from_millis(5);

/// Sends requests until told to stop; who answered each of them.
async fn load(
    lab: &antiphon_lab::Lab,
    stop: Arc<AtomicBool>,
) -> impl Future<Output = Vec<BTreeMap<String, u32>>> + use<> {
    let caller = Caller::new(lab);
    let mut client = Peer::connect(lab, "eu").await;
    client.subscribe("mcollective.reply.>").await;
    async move {
        let mut sent: BTreeMap<String, usize> = BTreeMap::new();
        let mut answers: Vec<BTreeMap<String, u32>> = Vec::new();
        let mut tick = interval(Duration::from_secs(1) / RATE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut end = None;
        loop {
            let deadline = end.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            tokio::select! {
                _ = tick.tick(), if end.is_none() => {
                    let (request, reply_to) = caller.ping(answers.len() as u64 + 1);
                    sent.insert(reply_to, answers.len());
                    answers.push(BTreeMap::new());
                    client.publish("mcollective.broadcast.agent.discovery", request).await;
                }
                message = client.message(deadline) => {
                    let Some(message) = message else { return answers };
                    let sender = Transport::decode(message.payload).unwrap();
                    let sender = sender.sender().unwrap().to_owned();
                    let request = sent[&message.subject];
                    *answers[request].entry(sender).or_default() += 1;
                }
            }
            if end.is_none() && stop.load(Ordering::Relaxed) {
                end = Some(Instant::now() + Duration::from_secs(3));
            }
        }
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
    let stop = Arc::new(AtomicBool::new(false));
    let load = tokio::spawn(load(&fabric.lab, Arc::clone(&stop)).await);
    for gateway in ["eu-1", "eu-2", "us-1", "us-2"] {
        fabric.restart(gateway).await;
    }
    stop.store(true, Ordering::Relaxed);
    let answers = load.await.unwrap();
    let nodes = fabric.identities();
    let total = answers.len();
    let incomplete: Vec<_> =
        answers.iter().enumerate().filter(|(_, one)| one.len() != nodes.len()).collect();
    assert!(incomplete.is_empty(), "{} of {total}: {:?}", incomplete.len(), incomplete.first());
    let doubled = answers.iter().filter(|one| one.values().any(|copies| *copies != 1)).count();
    assert_eq!(doubled, 0, "of {total}");
    println!("{total} requests, {} nodes each: none lost, none twice", nodes.len());
}
