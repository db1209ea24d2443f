//! Measures how long outages last for a stream of fifty requests a second over a real fabric of
//! three regions: a link that falls silent, and gateways that are killed. `make outages`.
//!
//! An outage lasts until the last request is made that somebody answers late or never. Answers that
//! are late while nodes of the client's own region are late too say nothing of the fabric: they are
//! counted apart. Lost is lost.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::{collections::BTreeSet, time::Duration};

use antiphon_lab::{Relayed, wait};
use antiphon_tests::{Fabric, Outage, Stream};
use tokio::time::{Instant, sleep};

/// How often each is measured, unless the first argument says so.
const ROUNDS: usize = 5;
/// The stream goes on for so long before a fault.
const BEFORE: Duration = Duration::from_secs(1);
/// And after it: a silent link is found within 3.5 s.
const AFTER: Duration = Duration::from_secs(6);

#[tokio::main]
async fn main() {
    let rounds = std::env::args().nth(1).map_or(ROUNDS, |text| text.parse().expect("a number"));
    let mut fabric = Fabric::up(|options| options.relayed = Relayed::Links).await;
    println!("three regions, two gateways and {} nodes each;", fabric.nodes_of("us").len());
    println!("a client in eu asks everybody 50 times a second; an answer counts within 500 ms");
    for (fault, allowed) in
        [(Fault::Silence, "3.5 s"), (Fault::Kill("us-1"), "1 s"), (Fault::Kill("eu-1"), "1 s")]
    {
        let mut outages = Vec::new();
        let mut doubled = 0;
        for _ in 0..rounds {
            let (outage, twice) = fault.measure(&mut fabric).await;
            outages.push(outage);
            doubled += twice;
        }
        report(fault, allowed, &outages, doubled);
    }
}

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Bytes between eu and us vanish; sockets stay open.
    Silence,
    /// `kill -9`.
    Kill(&'static str),
}

impl Fault {
    async fn measure(self, fabric: &mut Fabric) -> (Outage, usize) {
        let stream = Stream::begin(&fabric.lab, "eu").await;
        sleep(BEFORE).await;
        let begun = Instant::now();
        self.begin(fabric);
        sleep(AFTER).await;
        let seen = stream.end().await;
        self.end(fabric).await;
        let (us, eu): (BTreeSet<String>, _) = (fabric.nodes_of("us"), fabric.nodes_of("eu"));
        (seen.outage(begun, &us, &eu), seen.doubled())
    }

    fn begin(self, fabric: &mut Fabric) {
        match self {
            Self::Silence => {
                fabric.lab.link_relays("eu", "us").iter().for_each(|relay| relay.black_hole());
            }
            Self::Kill(name) => {
                fabric.lab.gateway_mut(name).expect("that gateway").process_mut().kill();
            }
        }
    }

    /// Everything is as before, and calm: no adjacency is damped for what the last round did.
    async fn end(self, fabric: &mut Fabric) {
        match self {
            Self::Silence => {
                fabric.lab.link_relays("eu", "us").iter().for_each(|relay| relay.restore());
            }
            Self::Kill(name) => {
                let gateway = fabric.lab.gateway_mut(name).expect("that gateway");
                gateway.start().await.expect("it starts");
                gateway.ready().await.expect("it is ready");
            }
        }
        fabric.whole().await;
        let complete =
            async || (fabric.ping("eu").await.len() == fabric.identities().len()).then_some(());
        wait::until(Duration::from_secs(60), complete).await.expect("it becomes whole");
        sleep(Duration::from_secs(30)).await;
    }
}

fn report(fault: Fault, allowed: &str, outages: &[Outage], doubled: usize) {
    let sum = |count: fn(&Outage) -> usize| outages.iter().map(count).sum::<usize>();
    println!("{fault:?}, {} times, allowed {allowed}:", outages.len());
    println!("  an answer was late or lost {}", times(outages, |outage| outage.lasted));
    println!("  an answer was lost {}", times(outages, |outage| outage.lost_for));
    println!(
        "  answers lost {}, late {}, doubled {doubled}; late because the machine was busy {}",
        sum(|outage| outage.lost),
        sum(|outage| outage.late),
        sum(|outage| outage.stalled),
    );
}

fn times(outages: &[Outage], of: fn(&Outage) -> Duration) -> String {
    let mut times: Vec<Duration> = outages.iter().map(of).collect();
    times.sort_unstable();
    let at = |index: usize| times.get(index).copied().unwrap_or_default().as_millis();
    format!(
        "for {} ms in the median, {} ms at most",
        at(times.len() / 2),
        at(times.len().saturating_sub(1))
    )
}
