//! Every command in the guide for operators is one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, fs, path::Path};

use antiphon_cli::args::Cli;
use clap::Parser;

#[test]
fn every_command_of_the_guide_is_one() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = fs::read_to_string(guide).unwrap();
    let mut commands = 0;
    for (mark, lines) in blocks(&text) {
        let first = lines.first().copied().unwrap_or_default();
        let excused = first.starts_with("# Not run");
        assert!(excused || mark == "run", "neither run nor excused: {lines:?}");
        for line in lines.iter().filter(|line| line.starts_with("antiphon ")) {
            let words = line.split('#').next().unwrap_or_default().split_whitespace();
            if let Err(error) = Cli::try_parse_from(words) {
                assert!(!error.use_stderr(), "{line}: {error}");
            }
            commands += 1;
        }
        let others = lines.iter().filter(|line| !line.starts_with("antiphon "));
        assert!(mark != "run" || others.count() == 0, "not all are ours: {lines:?}");
    }
    assert!(commands > 20, "{commands}");
}

/// What the text names is in a block too, so that it is run or said not to be.
#[test]
fn commands_in_the_text_of_the_guide_are_in_a_block() {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let text = fs::read_to_string(guide).unwrap();
    let blocks: Vec<_> = blocks(&text).into_iter().flat_map(|(_, lines)| lines).collect();
    let prose: String = text.split("```").step_by(2).collect();
    let spans = prose.split('`').skip(1).step_by(2);
    let named: Vec<_> = spans.filter(|span| span.starts_with("antiphon ")).collect();
    for span in &named {
        let span = span.replace('\n', " ");
        let verb: Vec<_> = span.split(' ').take(2).collect();
        let verb = verb.join(" ");
        assert!(blocks.iter().any(|line| line.starts_with(&verb)), "{span} is in no block");
    }
    assert!(named.len() > 5, "{named:?}");
}

/// Whoever is woken by an alert finds it in the guide, and nothing else is there.
#[test]
fn every_alert_is_in_the_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| fs::read_to_string(root.join(file)).unwrap();
    let (rules, guide) =
        (read("deploy/prometheus/antiphon.rules.yaml"), read("docs/operations.md"));
    let alerts: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    let spans = guide.split('`').skip(1).step_by(2);
    let is_alert = |span: &&str| {
        span.strip_prefix("Antiphon").is_some_and(|rest| rest.starts_with(char::is_uppercase))
    };
    let told: BTreeSet<_> = spans.filter(is_alert).collect();
    assert_eq!(told, alerts);
    assert!(alerts.len() > 20, "{alerts:?}");
}

/// The blocks of shell commands: what is said after ```` ```sh ````, and their lines.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    text.split("```sh").skip(1).map(|part| block(part).unwrap()).collect()
}

fn block(part: &str) -> Option<(&str, Vec<&str>)> {
    let (mark, rest) = part.split_once('\n')?;
    let (inside, _) = rest.split_once("```")?;
    Some((mark.trim(), inside.lines().map(str::trim).filter(|line| !line.is_empty()).collect()))
}
