//! Measures four ways to let clients on one broker reach nodes on another: a single broker, NATS
//! gateways, a leaf node, and the fabric. `make bench-fabric`.
//!
//! One load generator for all of them: a client and emulated nodes over raw NATS connections, in this
//! process. TLS is on everywhere. Runs are interleaved, so that whatever else the machine does hits all
//! alike. What is printed are medians, their spread, and ratios; the JSON holds every run.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::indexing_slicing, reason = "a measurement fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "counts and milliseconds are small")]

mod arguments;
mod chart;
mod load;
mod message;
mod nodes;
mod place;
mod process;
mod report;
mod rest;
mod silence;
mod work;

use std::{collections::BTreeMap, sync::Arc};

use antiphon_lab::progress::{Progress, Terminal};

use self::{arguments::Arguments, load::Load, place::Place, report::Report, work::Work};

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    let arguments = Arguments::read();
    let progress: Arc<dyn Progress> = Arc::new(Terminal::new());
    let works = Work::all(&arguments);
    let mut report = Report::new(&arguments);
    progress.begin("Bringing up brokers and gateways", place::Kind::ALL.len());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut places = BTreeMap::new();
    for (index, kind) in place::Kind::ALL.into_iter().enumerate() {
        places.insert(kind, Place::up(kind, folder.path(), arguments.delay).await);
        progress.done(index + 1);
    }
    progress.begin("Measuring", arguments.rounds * works.len() * places.len());
    let mut done = 0;
    for round in 0..arguments.rounds {
        for work in &works {
            for (kind, place) in &places {
                let mut load = Load::connect(place).await;
                let measured = work.run(place, &mut load).await;
                report.add(round, *kind, work, measured);
                done += 1;
                progress.done(done);
            }
        }
    }
    if arguments.silence {
        progress.begin("Waiting until a silent loss is noticed", places.len());
        for (kind, place) in &places {
            report.silence(*kind, silence::noticed(place).await);
        }
    }
    drop(places);
    if arguments.members > 0 {
        progress.begin("Bringing up gateways to rest", arguments.members + 1);
        report.rest(rest::measure(arguments.members).await);
    }
    progress.end();
    report.print();
    report.write(&arguments);
}
