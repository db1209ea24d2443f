//! What stands and should not.

use std::collections::BTreeMap;

use super::{
    flag,
    sheet::{Row, Sheet},
};
use crate::shell::Report;

/// Every kind of alarm.
const KINDS: [&str; 9] = [
    "natively-joined",
    "two-clusters",
    "duplicate-gateway",
    "peer-misbehaves",
    "permission-denied",
    "identity-in-two-regions",
    "halted",
    "link-ordered-down",
    NOT_RENEWED,
];
/// Vault gives no new certificate.
const NOT_RENEWED: &str = "certificate-not-renewed";

/// Where identities are looked at.
const PLACES: [&str; 4] = ["link", "advert", "gossip", "beacon"];

pub(super) fn show(sheet: &mut Sheet, report: &Report) {
    let (daemon, core) = (&report.daemon, &report.core);
    // Kinds without alarms are shown too, so that an alert can see the change.
    let mut counts = BTreeMap::from(KINDS.map(|kind| (kind, 0.0)));
    for alarm in core.alarms.iter().map(|view| &view.alarm).chain(&daemon.denied) {
        *counts.entry(alarm.kind()).or_default() += 1.0;
    }
    let enrolment = daemon.enrolment.as_ref();
    if enrolment.is_some_and(|enrolment| enrolment.trouble.is_some()) {
        counts.insert(NOT_RENEWED, 1.0);
    }
    let rows = counts.into_iter().map(|(kind, n)| Row::new([("kind", kind.to_owned())], n));
    sheet.gauge("alarms", "Alarms that stand", rows);
    refusals(sheet, report);
    let refused = flag(daemon.policy.refused.is_some());
    sheet.single("policy_refused", "Whether the newest policy could not be read", refused);
    let interest = &core.interest;
    if interest.monitors && interest.reads {
        let help =
            "Whether the last reading of the broker's servers was complete and is not too old";
        sheet.single("interest_complete", help, flag(interest.complete));
    }
    let jumps = daemon.troubles.clock.jumps;
    sheet.total("clock_jumps", "Times that the system's clock was set", jumps);
}

fn refusals(sheet: &mut Sheet, report: &Report) {
    let row = |place: &str, kind: &str, count| {
        Row::new([("place", place.to_owned()), ("kind", kind.to_owned())], count)
    };
    let rows =
        report.daemon.refusals.iter().flat_map(|(place, kinds)| {
            kinds.iter().map(move |(kind, count)| row(place, kind, *count))
        });
    // The usual kind is there before its first count, or no rate would see that one.
    let none = PLACES.iter().map(|place| row(place, "untrusted", 0));
    let help = "Certificates and signed statements that were not accepted";
    sheet.counter("identity_refusals", help, none.chain(rows));
}
