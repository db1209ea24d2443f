//! Every check: good evidence passes, and minimally broken evidence fails that check and no other.
//!
//! `UPDATE=1 cargo test -p antiphon-cli --test check` rewrites `docs/checks.md` and the golden files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "check/before.rs"]
mod before;
#[path = "check/cases.rs"]
mod cases;
#[path = "check/good.rs"]
mod good;
#[path = "check/shown.rs"]
mod shown;

use std::{collections::BTreeSet, time::Duration};

use antiphon_cli::{
    Exit,
    check::{self, Answer, Evidence, State, docs, facts::Proof},
};

/// See [`pairs_that_were_not_pinged_are_unknown_rather_than_wrong`].
const UNPROVEN: &str = "E2E-003";

/// What cannot be broken without breaking another: a line of three regions has no way around, nor has
/// a fabric in which one of three regions carries nothing; and two releases apart are two releases.
const ALSO: [(&str, &str); 3] =
    [("ROUTE-005", "ROUTE-003"), ("POLI-001", "ROUTE-003"), ("VERS-002", "VERS-001")];

/// Codes of the checks that found something.
fn failed(answers: &[Answer]) -> BTreeSet<&'static str> {
    let found = answers.iter().filter(|answer| !answer.outcome.findings.is_empty());
    found.map(|answer| answer.check.code).collect()
}

#[test]
fn a_healthy_fabric_passes_every_check() {
    for answer in check::look(&good::evidence()) {
        // Where every pair is pinged, nothing is left to be probed.
        let expected = if answer.check.code == "E2E-004" { State::Unknown } else { State::Good };
        assert_eq!(answer.outcome.state(), expected, "{answer:#?}");
        assert!(!answer.outcome.line().is_empty(), "{}", answer.check.code);
    }
}

#[test]
fn every_check_has_evidence_that_fails_it_and_no_other() {
    let mut wrong = Vec::new();
    for (code, broken) in cases::running() {
        let mut evidence = good::evidence();
        broken(&mut evidence);
        let failed = failed(&check::look(&evidence));
        let also = ALSO.iter().filter(|(one, _)| *one == code).map(|(_, also)| *also);
        if failed != also.chain([code]).collect() {
            wrong.push((code, failed));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// The one check that never fails: it says what is not proven.
#[test]
fn pairs_that_were_not_pinged_are_unknown_rather_than_wrong() {
    for proof in [
        Proof::Probe { took: Duration::from_millis(80) },
        Proof::Nothing { reason: "no client".to_owned() },
    ] {
        let mut evidence = good::evidence();
        evidence.pairs[0].proof = proof;
        let answers = check::look(&evidence);
        assert_eq!(failed(&answers), BTreeSet::new());
        let proven = answers.iter().find(|answer| answer.check.code == UNPROVEN).unwrap();
        assert_eq!(proven.outcome.state(), State::Unknown);
        assert!(proven.outcome.line().contains("ap -> eu"), "{}", proven.outcome.line());
    }
}

#[test]
fn no_check_is_without_a_case() {
    let mut covered: BTreeSet<&str> = cases::running().into_iter().map(|(code, _)| code).collect();
    covered.insert(UNPROVEN);
    covered.extend(before::cases().into_iter().map(|(code, _)| code));
    let known: BTreeSet<&str> = check::all().map(|check| check.code).collect();
    assert_eq!(covered, known);
    assert!(known.len() >= 40, "{}", known.len());
}

#[test]
fn codes_are_unique_and_of_their_form() {
    let codes: Vec<&str> = check::all().map(|check| check.code).collect();
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len(), "{codes:?}");
    for check in check::all() {
        let (letters, number) = check.code.split_once('-').unwrap();
        assert!(letters.chars().all(|one| one.is_ascii_uppercase() || one.is_ascii_digit()));
        assert!(number.len() == 3 && number.parse::<u16>().is_ok(), "{}", check.code);
        assert!(!check.category().is_empty());
        for text in [check.title, check.meaning, check.next] {
            assert!(!text.is_empty() && !text.contains("  "), "{}: {text:?}", check.code);
        }
    }
}

#[test]
fn a_problem_fails_and_a_warning_only_the_strict() {
    let exit = |evidence: &Evidence, strict| check::exit(&check::look(evidence), strict);
    let mut evidence = good::evidence();
    assert_eq!(exit(&evidence, true), Exit::Good);
    evidence.version = "0.0.1".to_owned();
    assert_eq!(exit(&evidence, false), Exit::Good);
    assert_eq!(exit(&evidence, true), Exit::Warning);
    evidence.expect_regions = Some(7);
    assert_eq!(exit(&evidence, false), Exit::Problem);
}

#[test]
fn a_single_gateway_is_judged_by_what_it_knows() {
    let mut evidence = good::evidence();
    evidence.asked.truncate(1);
    evidence.whole = false;
    assert_eq!(failed(&check::look(&evidence)), BTreeSet::new());
}

#[test]
fn a_report_of_an_older_gateway_is_unknown_rather_than_wrong() {
    let mut evidence = good::evidence();
    for asked in &mut evidence.asked {
        let daemon = &mut asked.report.daemon;
        daemon.settings = antiphon_gateway::shell::Settings::default();
        daemon.trust = antiphon_gateway::shell::TrustFacts::default();
        daemon.process = antiphon_gateway::shell::ProcessFacts::default();
    }
    assert_eq!(failed(&check::look(&evidence)), BTreeSet::new());
}

#[test]
fn the_documentation_is_made_from_the_checks() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks.md");
    let page = docs::page();
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/checks.md is not what the checks say: UPDATE=1 writes it");
    for check in check::all() {
        let (_, anchor) =
            check.anchor().split_once('#').map(|(_, one)| ((), one.to_owned())).unwrap();
        let head = format!("\n### {}\n", anchor.to_uppercase());
        assert!(page.contains(&head), "{anchor}");
    }
}
