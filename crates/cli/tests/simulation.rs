//! `antiphon sim` as a process.

use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

const QUIET: &str = r#"
about = "Two regions, no fault."
seeds = [1, 2]
run_for = "30s"
settle = "20s"
regions = { eu = {}, us = {} }
expect = [{ complete = ["15s", "30s"] }]
"#;

fn antiphon(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_antiphon")).args(args).output().expect("the command starts")
}

fn scenario(folder: &TempDir, name: &str, text: &str) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, text).expect("a temporary folder");
    path.to_str().expect("UTF-8").to_owned()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn a_scenario_that_holds_is_good() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(&folder, "quiet.toml", QUIET);
    let run = antiphon(&["sim", "run", &file]);
    assert_eq!((code(&run), text(&run.stderr)), (0, ""));
    assert!(text(&run.stdout).contains("good"), "{}", text(&run.stdout));
    let folder = folder.path().to_str().unwrap();
    let one = json(&antiphon(&["sim", "run", folder, "-o", "json", "--jobs", "1"]));
    let two = json(&antiphon(&["sim", "run", folder, "-o", "json", "--jobs", "2"]));
    assert_eq!((&one["good"], one["runs"].as_array().unwrap().len()), (&true.into(), 2));
    for (one, two) in one["runs"].as_array().unwrap().iter().zip(two["runs"].as_array().unwrap()) {
        assert_eq!(one["trace"], two["trace"], "as many threads as you like");
    }
}

#[test]
fn a_scenario_that_does_not_hold_says_how_to_run_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(&folder, "quiet.toml", QUIET);
    let what_if = "down:eu-us@18s";
    let run = antiphon(&["sim", "run", &file, "--seed", "7", "--what-if", what_if]);
    assert_eq!(code(&run), 2, "{}", text(&run.stdout));
    assert!(text(&run.stdout).contains("breaks expected"), "{}", text(&run.stdout));
    let again = format!("antiphon sim run {file} --seed 7 --what-if {what_if}\n");
    assert!(text(&run.stderr).ends_with(&again), "{}", text(&run.stderr));
}

#[test]
fn what_cannot_be_read_is_a_bad_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = scenario(&folder, "wrong.toml", &format!("{QUIET}step = [{{ at = 5 }}]\n"));
    let wrong = antiphon(&["sim", "run", &file]);
    assert_eq!((code(&wrong), text(&wrong.stdout)), (64, ""));
    assert!(text(&wrong.stderr).contains("wrong.toml:8: step.at: "), "{}", text(&wrong.stderr));
    let empty = tempfile::tempdir().unwrap();
    let good = scenario(&folder, "quiet.toml", QUIET);
    let empty = empty.path().to_str().unwrap();
    for args in [
        &["sim", "run", "missing.toml"][..],
        &["sim", "run", empty],
        &["sim", "run", &good, "--what-if", "down:mars"],
        &["sim", "swarm", "--seeds", "5..1"],
        &["sim", "swarm", "--gateways", "1"],
    ] {
        let wrong = antiphon(args);
        assert_eq!((code(&wrong), text(&wrong.stdout)), (64, ""), "{args:?}");
        assert!(!text(&wrong.stderr).is_empty(), "{args:?}");
    }
}

#[test]
fn a_swarm_is_the_same_whatever_the_number_of_threads() {
    let swarm = |jobs| {
        let args =
            ["sim", "swarm", "--seeds", "1..3", "--gateways", "3", "--jobs", jobs, "-o", "json"];
        let output = antiphon(&args);
        assert_eq!(code(&output), 0, "{}", text(&output.stderr));
        json(&output)
    };
    let (one, three) = (swarm("1"), swarm("3"));
    assert_eq!((&one["seeds"], &one["good"]), (&3.into(), &true.into()));
    assert_eq!((&one["trace"], &one["events"]), (&three["trace"], &three["events"]));
}
