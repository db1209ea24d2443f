use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{Alarm, DropReason, DropView, Tally, TallyKey, TallyView};

use super::*;
use crate::{
    shell::{LinkTraffic, RevokedFacts},
    testing::report,
};

fn page(report: &Report) -> String {
    Metrics::new().text(report)
}

fn assert_line(page: &str, line: &str) {
    assert!(page.lines().any(|one| one == line), "no line {line:?} in\n{page}");
}

#[test]
fn a_fresh_gateway_shows_what_it_is() {
    let page = page(&report());
    assert_line(
        &page,
        "antiphon_info{version=\"0.1.0\",fabric=\"acme\",region=\"eu\",gateway=\"eu-1\",\
         incarnation=\"7\"} 1.0",
    );
    assert_line(&page, "antiphon_start_time_seconds 40.0");
    assert_line(&page, "antiphon_broker_up 0.0");
    assert_line(&page, "antiphon_state{state=\"starting\"} 1.0");
    let link = "{certificate=\"link\"}";
    let end = format!("antiphon_certificate_expiry_timestamp_seconds{link} 2000000000.0");
    assert_line(&page, &end);
    assert_line(&page, &format!("antiphon_certificate_refused{link} 0.0"));
    assert_line(&page, &format!("antiphon_certificate_renewals_total{link} 0"));
}

#[test]
fn units_are_counted_by_region_pair_kind_and_collective() {
    let mut report = report();
    report.core.tallies.push(TallyView {
        key: TallyKey {
            to: "us".parse().unwrap(),
            kind: UnitKind::Request,
            collective: Some("mcollective".parse().unwrap()),
        },
        tally: Tally {
            created: 10,
            delivered: 6,
            dropped: BTreeMap::from([(DropReason::NoRoute, 2)]),
            in_doubt: 1,
        },
        pending: 1,
    });
    let page = page(&report);
    let labels = "from=\"eu\",to=\"us\",kind=\"request\",collective=\"mcollective\"";
    assert_line(&page, &format!("antiphon_units_created_total{{{labels}}} 10"));
    assert_line(&page, &format!("antiphon_units_delivered_total{{{labels}}} 6"));
    let dropped = format!("antiphon_units_dropped_total{{{labels},reason=\"no-route\"}} 2");
    assert_line(&page, &dropped);
    assert_line(&page, &format!("antiphon_units_in_doubt{{{labels}}} 1.0"));
    assert_line(&page, &format!("antiphon_units_pending{{{labels}}} 1.0"));
}

#[test]
fn drops_and_refusals_are_counted_by_reason() {
    let mut report = report();
    let drops = DropView { reason: DropReason::NotTransport, to: None, count: 3, recent: 0 };
    report.core.drops.push(drops);
    let kinds = BTreeMap::from([("untrusted".to_owned(), 5)]);
    report.daemon.refusals.insert("link".to_owned(), kinds);
    let page = page(&report);
    assert_line(&page, "antiphon_drops_total{reason=\"not-transport\",to=\"\"} 3");
    assert_line(&page, "antiphon_identity_refusals_total{place=\"link\",kind=\"untrusted\"} 5");
}

#[test]
fn two_links_to_one_peer_are_one_row() {
    let mut report = report();
    let connection = Connection { bytes_in: 3, bytes_out: 4, queued: 0 };
    for link in [1, 2] {
        report.daemon.links.push(LinkTraffic {
            link,
            gateway: "us-1".parse().unwrap(),
            region: "us".parse().unwrap(),
            control: connection,
            data: connection,
            frames_out: 0,
            batches_out: 0,
            frames_in: 0,
            rate_in: 0,
            rate_out: 0,
            certificate_end: Some(Duration::from_secs(1_900_000_000)),
            certificate_life: None,
        });
    }
    let labels = "gateway=\"us-1\",region=\"us\",connection=\"data\",direction=\"in\"";
    let page = page(&report);
    assert_line(&page, &format!("antiphon_link_bytes_total{{{labels}}} 6"));
    let end = "antiphon_peer_certificate_expiry_timestamp_seconds";
    assert_line(&page, &format!("{end}{{gateway=\"us-1\",region=\"us\"}} 1900000000.0"));
}

#[test]
fn lists_of_revoked_certificates_tell_when_they_are_due() {
    let mut report = report();
    let (issuer, revoked) = ("CN=acme".to_owned(), 2);
    let next_update = Some(Duration::from_secs(1_900_000_000));
    report.daemon.trust.revoked = vec![RevokedFacts { issuer, revoked, next_update }];
    let name = "antiphon_revocation_list_next_update_timestamp_seconds";
    assert_line(&page(&report), &format!("{name}{{issuer=\"CN=acme\"}} 1900000000.0"));
}

#[test]
fn barriers_fill_a_histogram() {
    let metrics = Metrics::new();
    metrics.barrier.observe(Duration::from_millis(3).as_secs_f64());
    let page = metrics.text(&report());
    assert_line(&page, "antiphon_broker_barrier_seconds_count 1");
    assert!(page.contains("antiphon_broker_barrier_seconds_bucket{le=\"0.004\"} 1"), "{page}");
}

#[test]
fn alarms_are_counted_by_kind_and_kinds_without_any_are_zero() {
    let mut report = report();
    let denied = |subject: &str| Alarm::PermissionDenied {
        operation: "subscribe".to_owned(),
        subject: subject.to_owned(),
    };
    report.daemon.denied = vec![denied("a"), denied("b")];
    let page = page(&report);
    assert_line(&page, "antiphon_alarms{kind=\"permission-denied\"} 2.0");
    assert_line(&page, "antiphon_alarms{kind=\"natively-joined\"} 0.0");
}

#[test]
fn interest_is_shown_by_whoever_reads_it() {
    let mut report = report();
    assert!(!page(&report).contains("antiphon_interest_complete"));
    report.core.interest.monitors = true;
    report.core.interest.reads = true;
    assert_line(&page(&report), "antiphon_interest_complete 0.0");
}

#[test]
fn what_any_process_has_bears_its_usual_name() {
    let mut report = report();
    report.daemon.process.open_files = 12;
    let page = page(&report);
    assert_line(&page, "process_open_fds 12.0");
    assert_line(&page, "process_start_time_seconds 40.0");
    assert!(!page.contains("process_max_fds"), "an unknown limit is no limit of 0");
}
