//! What an operator is told to look at, and with which exit code.

use std::{fs, path::Path, time::Duration};

use antiphon_cli::{
    Exit,
    noun::{
        drops::{Recent, recent},
        finding::{self, Severity, findings},
        routes::is_reachable,
    },
};
use antiphon_core::GatewayState;
use antiphon_gateway::shell::{EnrolmentFacts, EnrolmentTrouble, Report, RevokedFacts};

const DAY: Duration = Duration::from_secs(86_400);

/// A gateway that has much to tell.
fn troubled() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report.json");
    let text = fs::read(path).expect("the report is there");
    serde_json::from_slice(&text).expect("the report is readable")
}

/// The same gateway on a good day.
fn calm() -> Report {
    let mut report = troubled();
    let core = &mut report.core;
    core.regions.retain(|region| region.route.is_some() && !region.native);
    core.gateways.iter_mut().for_each(|member| member.state = Some(GatewayState::Active));
    core.links.retain(|link| link.state == "up");
    core.alarms.clear();
    core.examples.clear();
    core.drops.clear();
    report.daemon.denied.clear();
    report.daemon.certificate.not_after = report.at + DAY * 30;
    report
}

#[test]
fn a_list_of_revoked_certificates_that_is_overdue_is_told() {
    let mut report = calm();
    let known = findings(&report).len();
    let list = |next_update| RevokedFacts { issuer: "CN=acme".to_owned(), revoked: 2, next_update };
    report.daemon.trust.revoked = vec![list(None), list(Some(report.at + DAY))];
    assert_eq!(findings(&report).len(), known, "in time, or never promised");
    report.daemon.trust.revoked.push(list(Some(report.at - DAY * 2)));
    let told = findings(&report);
    let one = told.iter().find(|one| one.text.starts_with("CN=acme")).expect("it is told");
    assert_eq!(one.severity, Severity::Warning);
    assert!(one.text.contains("2d") && one.text.contains("tls.crl"), "{}", one.text);
}

fn worst(report: &Report) -> Option<Severity> {
    findings(report).first().map(|finding| finding.severity)
}

#[test]
fn a_gateway_on_a_good_day_has_no_findings() {
    assert_eq!(findings(&calm()), []);
    assert_eq!(finding::exit(&[], true), Exit::Good);
}

/// With half of the time gone that is left for it, a renewal that fails is a problem.
#[test]
fn a_certificate_of_vault_that_is_due_is_judged_by_its_renewal() {
    let mut report = calm();
    let at = report.at;
    report.daemon.enrolment = Some(EnrolmentFacts::default());
    report.daemon.certificate.not_after = at + Duration::from_secs(1000);
    report.daemon.certificate.life = Some(Duration::from_secs(3000));
    assert_eq!(findings(&report), []);
    for (since, severity) in [(100, Severity::Warning), (1100, Severity::Problem)] {
        let trouble = EnrolmentTrouble {
            kind: "sealed".to_owned(),
            text: "Vault is sealed".to_owned(),
            since: at - Duration::from_secs(since),
        };
        report.daemon.enrolment.as_mut().unwrap().trouble = Some(trouble);
        let all = findings(&report);
        let told = all.iter().find(|one| one.text.contains("Vault is sealed")).unwrap();
        assert_eq!(told.severity, severity);
    }
    report.daemon.enrolment = Some(EnrolmentFacts::default());
    report.daemon.certificate.not_after = at;
    assert_eq!(worst(&report), Some(Severity::Problem));
}

#[test]
fn problems_come_before_warnings_and_decide_the_exit_code() {
    let all = findings(&troubled());
    assert!(all.is_sorted_by(|one, next| one.severity >= next.severity), "{all:#?}");
    assert_eq!(finding::exit(&all, false), Exit::Problem);
}

#[test]
fn a_warning_counts_only_for_the_strict() {
    let mut report = calm();
    report.core.state = GatewayState::Draining;
    let all = findings(&report);
    assert_eq!(worst(&report), Some(Severity::Warning), "{all:#?}");
    assert_eq!(finding::exit(&all, false), Exit::Good);
    assert_eq!(finding::exit(&all, true), Exit::Warning);
}

#[test]
fn a_broker_that_is_away_is_a_problem() {
    let mut report = calm();
    report.core.broker.up = false;
    report.core.joined = false;
    let all = findings(&report);
    assert_eq!(all.len(), 1, "the same is not said twice: {all:#?}");
    assert_eq!(worst(&report), Some(Severity::Problem));
}

#[test]
fn an_active_gateway_outside_the_queue_groups_is_a_problem() {
    let mut report = calm();
    report.core.joined = false;
    assert_eq!(worst(&report), Some(Severity::Problem));
}

#[test]
fn a_region_without_a_route_is_a_problem() {
    let mut report = calm();
    report.core.regions.last_mut().unwrap().route = None;
    assert_eq!(worst(&report), Some(Severity::Problem));
}

#[test]
fn a_gateway_out_of_reach_is_missed_although_its_advert_lives_on() {
    let mut report = calm();
    report.core.gateways.last_mut().unwrap().route = None;
    assert_eq!(worst(&report), Some(Severity::Warning));
}

#[test]
fn a_certificate_warns_weeks_ahead_and_is_a_problem_on_its_last_day() {
    let mut report = calm();
    let mut ends_in = |left: Duration| {
        report.daemon.certificate.not_after = report.at + left;
        worst(&report)
    };
    let second = Duration::from_secs(1);
    assert_eq!(ends_in(DAY * 30), None);
    assert_eq!(ends_in(DAY * 30 - second), Some(Severity::Warning));
    assert_eq!(ends_in(DAY - second), Some(Severity::Problem));
    assert_eq!(ends_in(Duration::ZERO), Some(Severity::Problem));
}

/// A certificate of a day that is renewed when a third is left is nothing to look at, neither here nor
/// at its peers; one that is not is.
#[test]
fn short_certificates_are_judged_by_what_is_left_of_their_life() {
    let hour = DAY / 24;
    let mut report = calm();
    let mut at_both = |left: Duration| {
        report.daemon.certificate.not_after = report.at + left;
        report.daemon.certificate.life = Some(DAY);
        let end = Some(report.at + left);
        for link in &mut report.daemon.links {
            (link.certificate_end, link.certificate_life) = (end, Some(DAY));
        }
        let all = findings(&report);
        let peers = all.iter().filter(|one| one.text.starts_with("the certificate of")).count();
        (worst(&report), peers > 0)
    };
    assert_eq!(at_both(hour * 8), (None, false));
    assert_eq!(at_both(hour * 4), (None, false));
    assert_eq!(at_both(hour * 3), (Some(Severity::Warning), false));
    assert_eq!(at_both(hour / 2), (Some(Severity::Problem), true));
}

#[test]
fn what_is_refused_at_the_door_is_routine() {
    let mut report = calm();
    report.core.drops = troubled().core.drops;
    report.core.drops.retain(|drop| drop.to.is_none());
    assert_eq!(findings(&report), []);
    report.core.drops = troubled().core.drops;
    assert_eq!(worst(&report), Some(Severity::Warning));
}

#[test]
fn drops_of_the_last_minute_are_told_apart() {
    assert_eq!(recent(&troubled()), Recent { count: 5, units: 4 });
}

#[test]
fn a_region_is_reachable_by_a_route_or_because_it_is_ours() {
    let core = troubled().core;
    let reach = |region: &str| is_reachable(&core, &region.parse().unwrap());
    assert_eq!(reach("eu"), Some(true));
    assert_eq!(reach("us"), Some(true));
    assert_eq!(reach("sa"), Some(false));
    assert_eq!(reach("mars"), None);
}
