//! Every command in the guide for operators is one.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

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

/// The blocks of shell commands: what is said after ```` ```sh ````, and their lines.
fn blocks(text: &str) -> Vec<(&str, Vec<&str>)> {
    text.split("```sh").skip(1).map(|part| block(part).unwrap()).collect()
}

fn block(part: &str) -> Option<(&str, Vec<&str>)> {
    let (mark, rest) = part.split_once('\n')?;
    let (inside, _) = rest.split_once("```")?;
    Some((mark.trim(), inside.lines().filter(|line| !line.is_empty()).collect()))
}
