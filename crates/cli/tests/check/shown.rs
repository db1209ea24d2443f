//! What the doctor shows, at two widths and for programs.

use std::{collections::BTreeMap, fs, path::PathBuf, time::Duration};

use antiphon_cli::{
    check::{self, facts::Proof, junit, show::Checked},
    screen::Screen,
};
use serde_json::Value;

use super::good;

/// Two gateways of a fabric that has seen better days.
fn checked() -> Checked {
    let mut evidence = good::evidence();
    evidence.expect_gateways = Some(7);
    evidence.silent.insert("us-2".to_owned(), "no answer within 5s".to_owned());
    evidence.servers[0].ping_interval = Duration::from_secs(120);
    evidence.pairs[0].proof = Proof::Silence { known: 2 };
    evidence.pairs[1].proof = Proof::Nothing { reason: "no client in region ap".to_owned() };
    evidence.pairs[2].proof = Proof::Probe { took: Duration::from_millis(81) };
    evidence.pairs[3].proof = Proof::ProbeLost { reason: "us-1 <did> not \"answer\"".to_owned() };
    let report = &mut evidence.asked[0].report;
    report.core.links[4].state = "down".to_owned();
    report.core.links[4].reason =
        "data connection: TLS handshake: peer closed the connection without goodbye".to_owned();
    evidence.asked.retain(|asked| asked.report.core.gateway.as_str() != "us-2");
    let names = evidence.asked.iter().map(|asked| (asked.report.core.gateway.to_string(), None));
    let mut asked: BTreeMap<String, Option<String>> = names.collect();
    asked.insert("us-2".to_owned(), Some("no answer within 5s".to_owned()));
    Checked {
        at: Duration::from_secs(good::AT),
        fabric: "acme".to_owned(),
        region: "eu".to_owned(),
        gateway: "eu-1".to_owned(),
        before: false,
        asked,
        pairs: evidence.pairs.clone(),
        answers: check::look(&evidence),
    }
}

/// The text of a golden file; with `UPDATE=1`, written first.
fn golden(name: &str, actual: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, actual).expect("golden files can be written");
    }
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn the_table_is_as_recorded_and_fits_its_width() {
    for width in [80, 160] {
        let actual = checked().table(Screen { width: Some(width), colour: false });
        assert_eq!(actual, golden(&format!("check.{width}.txt"), &actual));
        for line in actual.lines() {
            assert!(line.chars().count() <= width.into(), "{width}: {line}");
        }
    }
}

#[test]
fn the_short_form_has_one_line_for_each_finding() {
    let checked = checked();
    let actual = checked.short();
    assert_eq!(actual, golden("check.short.txt", &actual));
    let findings: usize = checked.answers.iter().map(|answer| answer.outcome.findings.len()).sum();
    assert_eq!(actual.lines().count(), findings + 1);
}

#[test]
fn the_document_is_as_recorded() {
    let actual = checked().json();
    let text = golden("check.json", &format!("{actual:#}\n"));
    assert_eq!(actual, serde_json::from_str::<Value>(&text).unwrap());
}

#[test]
fn junit_is_as_recorded_and_counts_warnings_only_for_the_strict() {
    let (checked, count) = (checked(), |text: &str| text.matches("<failure").count());
    let actual = junit::document(&checked, false);
    assert_eq!(actual, golden("check.junit.xml", &actual));
    assert_eq!(count(&actual) as u64, checked.count(check::State::Problem));
    let strict = junit::document(&checked, true);
    let bad = checked.count(check::State::Problem) + checked.count(check::State::Warning);
    assert_eq!(count(&strict) as u64, bad);
}
