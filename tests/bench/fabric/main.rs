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
mod pair;
mod place;
mod process;
mod report;
mod rest;
mod silence;
mod verdict;
mod work;

use std::{collections::BTreeMap, sync::Arc};

use antiphon_lab::progress::{Progress, Terminal};
use futures_util::future::join_all;
use tikv_jemallocator::Jemalloc;

use self::{
    arguments::Arguments,
    load::Load,
    place::{Kind, Line, Place},
    report::Report,
    work::Work,
};

/// That of the `antiphon` command: a pair of gateways runs in this process.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// The ways, running.
type Places = BTreeMap<Kind, Place>;

#[tokio::main(flavor = "multi_thread")]
async fn main() {
    if let Some(text) = alone().await {
        return println!("{text}");
    }
    let arguments = Arguments::read();
    let progress: Arc<dyn Progress> = Arc::new(Terminal::new());
    let mut report = Report::new(&arguments);
    let direct = bring_up(Line::Direct, &arguments, &*progress).await;
    compare(Line::Direct, &direct, &mut report, &arguments, &*progress).await;
    drop(direct);
    let places = bring_up(Line::Relayed, &arguments, &*progress).await;
    compare(Line::Relayed, &places, &mut report, &arguments, &*progress).await;
    // What follows is apart: whatever becomes of it, this is kept.
    report.write(&arguments);
    if arguments.silence {
        progress.begin("Waiting until a silent loss is noticed", places.len());
        let waiting = places.iter().map(|(kind, place)| async {
            let noticed = silence::noticed(place).await;
            (*kind, noticed)
        });
        for (kind, noticed) in join_all(waiting).await {
            report.silence(kind, noticed);
        }
    }
    drop(places);
    if arguments.members > 0 {
        progress.begin("Bringing up gateways to rest", arguments.members + 1);
        report.rest(rest::measure(arguments.members).await);
    }
    if arguments.pair > 0 {
        progress.begin("A pair of gateways as fast as they go", 1);
        report.pair(pair::measure(arguments.pair));
    }
    progress.end();
    report.print();
    report.write(&arguments);
}

/// The ways that are wanted, if there is work for them.
async fn bring_up(line: Line, arguments: &Arguments, progress: &dyn Progress) -> Places {
    let mut places = Places::new();
    if works(line, arguments).is_empty() && !(line == Line::Relayed && arguments.silence) {
        return places;
    }
    let wanted = |kind: &Kind| kind.label().contains(&arguments.way);
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(wanted).collect();
    progress.begin("Bringing up brokers and gateways", kinds.len());
    for (index, kind) in kinds.into_iter().enumerate() {
        let place = Place::up(kind, line).await;
        place.set_delay(arguments.delay);
        places.insert(kind, place);
        progress.done(index + 1);
    }
    places
}

/// What is done over such a line.
fn works(line: Line, arguments: &Arguments) -> Vec<Work> {
    let all = Work::all(arguments).into_iter();
    all.filter(|work| work.line(arguments.delay) == line).collect()
}

/// Lets the ways take turns.
async fn compare(
    line: Line,
    places: &Places,
    report: &mut Report,
    arguments: &Arguments,
    progress: &dyn Progress,
) {
    let works = works(line, arguments);
    progress.begin("Measuring", arguments.rounds * works.len() * places.len());
    let mut done = 0;
    for round in 0..arguments.rounds {
        for work in &works {
            for (kind, place) in places {
                place.set_delay(work.delay(arguments.delay));
                let mut load = Load::connect(place).await;
                let measured = work.run(place, &mut load).await;
                place.set_delay(arguments.delay);
                report.add(round, *kind, work, measured);
                done += 1;
                progress.done(done);
            }
        }
    }
}

/// What is printed where it is asked for something else than to compare.
async fn alone() -> Option<String> {
    let mut words = std::env::args().skip(1);
    let (word, value) = (words.next()?, words.next()?);
    match word.as_str() {
        "--pair-alone" => Some(pair::run(value.parse().expect("seconds")).await.to_string()),
        "--table" => {
            let text = std::fs::read_to_string(&value).expect("a file of bench-fabric");
            Some(verdict::table(&serde_json::from_str(&text).expect("JSON")))
        }
        _ => None,
    }
}
