//! What a gateway costs against how much there is: nodes, regions, collectives, identities known.
//! `make bench-growth`.
//!
//! One gateway machine with a peer in each other region, driven in this process through the door that
//! the daemon uses; time is the thread's own CPU time, so that whatever else runs here changes little,
//! and memory is what its allocations hold. The exponent says how a figure grows: 0 not at all, 1 in
//! proportion.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]
#![allow(clippy::indexing_slicing, reason = "a measurement fails by panicking")]
#![allow(clippy::cast_possible_truncation, reason = "counts are small")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what is not answered costs nothing more")]

mod chart;
mod series;
mod world;

use std::{alloc::System, fs, process::Command};

use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use self::series::Series;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let out = std::env::args().skip_while(|word| word != "--out").nth(1);
    let out = std::path::PathBuf::from(out.unwrap_or_else(|| "docs/bench".to_owned()));
    let quick = std::env::args().any(|word| word == "--quick");
    let head = json!({
        "schema": "antiphon.bench-growth.v1",
        "date": output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
        "revision": output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
        "time": "CPU time of the thread, the least of some runs",
        "memory": "bytes that allocations hold",
        "release_build": !cfg!(debug_assertions),
    });
    println!("{}", serde_json::to_string_pretty(&head).expect("JSON"));
    let all = series::measure(quick);
    for one in &all {
        print(one);
    }
    let mut value = head;
    value["series"] = all.iter().map(Series::json).collect::<Vec<Value>>().into();
    fs::create_dir_all(&out).expect("a folder");
    let text = serde_json::to_string_pretty(&value).expect("JSON");
    fs::write(out.join("growth.json"), text + "\n").expect("a file");
    fs::write(out.join("growth.svg"), chart::svg(&all)).expect("a file");
    println!("\nwritten: {} and .svg", out.join("growth.json").display());
}

fn print(series: &Series) {
    println!("\n{} (exponent {:.2})", series.what, series.exponent());
    for (size, value) in &series.points {
        println!("{size:>12} {:<14} {value:>12.3} {}", series.of, series.unit);
    }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
