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
traffic = [{ from = "eu", every = "1s" }]
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
    assert!(text(&wrong.stderr).contains("wrong.toml:9: step.at: "), "{}", text(&wrong.stderr));
    let empty = tempfile::tempdir().unwrap();
    let good = scenario(&folder, "quiet.toml", QUIET);
    let empty = empty.path().to_str().unwrap();
    for args in [
        &["sim", "run", "missing.toml"][..],
        &["sim", "run", empty],
        &["sim", "run", &good, "--what-if", "down:mars"],
        &["sim", "run", &good, "--what-if", "down:eu@1h"],
        &["sim", "swarm", "--seeds", "5..1"],
        &["sim", "swarm", "--gateways", "1"],
    ] {
        let wrong = antiphon(args);
        assert_eq!((code(&wrong), text(&wrong.stdout)), (64, ""), "{args:?}");
        assert!(!text(&wrong.stderr).is_empty(), "{args:?}");
    }
}

#[test]
fn a_swarm_is_the_same_in_another_process_and_with_another_number_of_threads() {
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

const CUT: &str = r#"
about = "eu and us lose each other."
seeds = [1, 2]
run_for = "40s"
settle = "20s"
regions = { eu = { gateways = 1 }, us = {}, ap = { gateways = 1 } }
traffic = [{ from = "eu", every = "1s" }]
step = [{ at = "18s", partition = ["eu", "us"] }, { at = "25s", kill = ["us-2"] }]
"#;

/// What a command says, of a file that a simulation left.
fn read(command: &[&str], file: &str) -> (i32, Value) {
    let args = [command, &["--archive", file, "-o", "json"]].concat();
    let output = antiphon(&args);
    assert!(!output.stdout.is_empty(), "{args:?}: {}", text(&output.stderr));
    (code(&output), json(&output))
}

/// One field of each of a list's elements.
fn column<'a>(document: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    let rows = document[list].as_array().unwrap_or_else(|| panic!("{list}: {document}"));
    rows.iter().map(|row| row[field].as_str().unwrap_or_default()).collect()
}

#[test]
fn reading_commands_read_the_snapshot_of_a_simulation() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = scenario(&folder, "cut.toml", CUT);
    let file = folder.path().join("cut.gz").to_str().unwrap().to_owned();
    let run = antiphon(&["sim", "run", &scenario, "--snapshot", &file, "--at", "26s"]);
    assert_eq!(code(&run), 0, "{}{}", text(&run.stdout), text(&run.stderr));
    assert!(text(&run.stderr).ends_with("cut.gz: 3 gateways after 26s\n"), "{}", text(&run.stderr));

    let (_, status) = read(&["status", "--of", "eu-1"], &file);
    assert_eq!((&status["region"], &status["state"]), (&"eu".into(), &"active".into()), "{status}");
    let (_, regions) = read(&["regions", "--of", "eu-1"], &file);
    assert_eq!(column(&regions, "regions", "region"), ["ap", "eu", "us"]);
    let (_, links) = read(&["links", "--of", "eu-1"], &file);
    assert_eq!(column(&links, "links", "gateway"), ["ap-1", "us-1", "us-2"]);
    assert_eq!(column(&links, "links", "state"), ["up", "down", "down"]);
    let (_, routes) = read(&["routes", "us", "--of", "eu-1"], &file);
    assert_eq!(routes["regions"][0]["route"]["next_hops"][0], "ap-1", "{routes}");
    let (_, drops) = read(&["drops", "--of", "eu-1"], &file);
    assert!(drops["gateway"] == "eu-1", "{drops}");
    let (exit, requests) = read(&["requests"], &file);
    assert_eq!((exit, requests["gateway"].as_str()), (0, Some("ap-1")), "{requests}");
    let (_, requests) = read(&["requests", "-A"], &file);
    let eu = requests["gateways"].as_array().unwrap().iter().find(|one| one["gateway"] == "eu-1");
    assert!(eu.unwrap()["requests"].as_array().unwrap().len() >= 10, "{requests}");
    let asked = ["explain", "mcollective.broadcast.agent.discovery", "--from", "eu"];
    let (exit, explained) = read(&asked, &file);
    assert_eq!((exit, explained["gateway"].as_str()), (0, Some("eu-1")), "{explained}");
}

#[test]
fn a_snapshot_is_of_one_run_and_more_is_asked_of_simulations_only() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (scenario(&folder, "1.toml", QUIET), scenario(&folder, "2.toml", QUIET));
    let file = folder.path().join("file.gz").to_str().unwrap().to_owned();
    let both = antiphon(&["sim", "run", &one, &two, "--snapshot", &file]);
    assert_eq!(code(&both), 64, "{}", text(&both.stderr));
    let last = antiphon(&["sim", "run", &one, "--snapshot", &file]);
    assert_eq!(code(&last), 0, "{}", text(&last.stderr));
    // An archive of gateways that ran says nothing that it was not asked.
    let mut archive = antiphon_cli::archive::Archive::read(file.as_ref()).unwrap();
    assert_eq!(archive.simulated.take().map(|one| one.seed), Some(1));
    archive.write(file.as_ref()).unwrap();
    let asked = ["explain", "mcollective.broadcast.agent.discovery", "--archive", &file];
    let refused = antiphon(&asked);
    assert_eq!(code(&refused), 64);
    assert!(text(&refused.stderr).contains("real gateways"), "{}", text(&refused.stderr));
}
