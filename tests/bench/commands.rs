//! How long each reading command takes on a lab of six gateways: `make bench-commands`.
//!
//! Each is run as a process of its own, as an operator runs it; the median of all runs counts.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a measurement for people")]
#![allow(clippy::indexing_slicing, reason = "there are as many times as runs")]

use std::time::{Duration, Instant};

use antiphon_lab::Gateway;
use antiphon_tests::{Fabric, run};

const RUNS: usize = 21;
/// What an operator should not have to wait for.
const LIMIT: Duration = Duration::from_millis(100);

const COMMANDS: [&[&str]; 24] = [
    &["status"],
    &["regions"],
    &["gateways"],
    &["gateways", "-o", "wide"],
    &["links"],
    &["links", "-o", "json"],
    &["routes"],
    &["routes", "us", "--all"],
    &["collectives"],
    &["drops"],
    &["halt", "list"],
    &["policy", "show"],
    &["requests"],
    &["requests", "--all-gateways"],
    &["explain", "mcollective.broadcast.agent.discovery"],
    &["explain", "mcollective.node.n1.us.example.net", "--from", "eu"],
    &["trace", "us"],
    &["topology"],
    &["topology", "-o", "svg"],
    &["topology", "--all-gateways"],
    &["status", "--of", "us-1"],
    &["status", "--all-gateways"],
    &["links", "--all-gateways"],
    &["log-level"],
];

#[tokio::main]
async fn main() {
    let fabric = Fabric::up(|options| options.nodes = 2).await;
    let admin = fabric.lab.gateway("eu-1").map(Gateway::admin).unwrap();
    println!("median   slowest  command, on 3 regions of 2 gateways, {RUNS} runs each");
    let mut slow = false;
    for command in COMMANDS {
        let arguments: Vec<&str> = command.iter().copied().chain(["--admin", &admin]).collect();
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let begun = Instant::now();
            let output = run(&arguments).await;
            times.push(begun.elapsed());
            assert!(output.status.success(), "{command:?}: {output:?}");
        }
        times.sort_unstable();
        let (median, slowest) = (times[RUNS / 2], times[RUNS - 1]);
        slow |= median >= LIMIT;
        println!(
            "{:>6} ms {:>6} ms  {}",
            median.as_millis(),
            slowest.as_millis(),
            command.join(" ")
        );
    }
    assert!(!slow, "a command takes longer than {LIMIT:?}");
}
