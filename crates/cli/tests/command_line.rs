//! The command as a process: exit codes, and what goes to which stream.

use std::{
    fs,
    process::{Command, Output},
};

use clap::CommandFactory;

fn antiphon(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
    command.args(args).env_remove("ANTIPHON_ADMIN").output().expect("the command starts")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("no signal ended it")
}

fn stdout(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).expect("UTF-8")
}

fn stderr(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).expect("UTF-8")
}

#[test]
fn the_command_line_is_consistent() {
    antiphon_cli::args::Cli::command().debug_assert();
}

#[test]
fn help_is_an_answer_and_wrong_usage_is_64() {
    let help = antiphon(&["--help"]);
    assert_eq!((code(&help), stderr(&help)), (0, ""));
    assert!(stdout(&help).contains("Exit codes"));
    for args in [&["no-such"][..], &["status", "--frobnicate"], &["routes", "no region"], &[]] {
        let wrong = antiphon(args);
        assert_eq!((code(&wrong), stdout(&wrong)), (64, ""), "{args:?}");
        assert!(!stderr(&wrong).is_empty(), "{args:?}");
    }
}

#[test]
fn an_order_names_exactly_one_thing_and_lasts_thirty_days_at_most() {
    for words in [
        "halt --for 1h",
        "halt --reason drill",
        "halt --collective a --caller b",
        "halt --between eu",
        "halt --collective a --for 31d",
        "halt --collective a --for 0s",
        "resume",
        "resume --all --collective a",
        "link down",
        "link up eu us",
    ] {
        let wrong = antiphon(&words.split(' ').collect::<Vec<_>>());
        assert_eq!((code(&wrong), stdout(&wrong)), (64, ""), "{words}: {}", stderr(&wrong));
    }
}

#[test]
fn an_address_that_is_none_is_wrong_usage() {
    let wrong = antiphon(&["status", "--admin", "nonsense"]);
    assert_eq!(code(&wrong), 64);
    assert!(stderr(&wrong).contains("neither unix:PATH nor host:port"), "{}", stderr(&wrong));
}

#[test]
fn the_environment_names_a_gateway_where_the_command_line_does_not() {
    let asked = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_antiphon"));
        command.arg("status").args(args).env("ANTIPHON_ADMIN", "nonsense").output().unwrap()
    };
    let wrong = asked(&[]);
    assert_eq!(code(&wrong), 64);
    assert!(stderr(&wrong).starts_with("antiphon: ANTIPHON_ADMIN: "), "{}", stderr(&wrong));
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", folder.path().join("eu-1.sock").display());
    assert_eq!(code(&asked(&["--admin", &address])), 3);
}

#[test]
fn a_socket_that_nobody_serves_is_named_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", folder.path().join("eu-1.sock").display());
    for noun in [
        "status",
        "regions",
        "gateways",
        "links",
        "routes",
        "collectives",
        "drops",
        "drain",
        "check",
    ] {
        let silent = antiphon(&[noun, "--admin", &address]);
        assert_eq!((code(&silent), stdout(&silent)), (3, ""), "{noun}");
        assert_eq!(stderr(&silent).lines().count(), 1, "{}", stderr(&silent));
        assert!(stderr(&silent).contains(&address), "{}", stderr(&silent));
    }
}

#[test]
fn an_address_on_tcp_needs_certificates() {
    let wrong = antiphon(&["status", "--admin", "localhost:7443"]);
    assert_eq!(code(&wrong), 64);
    assert!(stderr(&wrong).contains("localhost:7443"), "{}", stderr(&wrong));
}

#[test]
fn a_folder_without_a_lab_is_a_bad_file() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = antiphon(&["regions", "--lab", folder.path().to_str().unwrap()]);
    assert_eq!(code(&wrong), 64);
    assert!(stderr(&wrong).contains("lab.json"), "{}", stderr(&wrong));
}

#[test]
fn every_problem_of_a_configuration_is_reported_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    fs::write(&file, "fabric = \"a b\"\nregion = \"eu\"\n").unwrap();
    let missing = folder.path().join("missing.toml");
    let files = [file.to_str().unwrap(), missing.to_str().unwrap()];
    let checked = antiphon(&["config", "check", files[0], files[1]]);
    assert_eq!((code(&checked), stdout(&checked)), (64, ""));
    for file in files {
        assert!(stderr(&checked).contains(file), "{}", stderr(&checked));
    }
    assert!(stderr(&checked).lines().count() > 2, "{}", stderr(&checked));
}

#[test]
fn completions_name_the_commands() {
    let script = antiphon(&["completions", "bash"]);
    assert_eq!(code(&script), 0);
    assert!(stdout(&script).contains("collectives"));
}
