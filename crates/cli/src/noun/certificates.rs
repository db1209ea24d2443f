//! A gateway's own certificates: what is left of each, and what is wrong with renewed ones.

use std::{collections::BTreeMap, time::Duration};

use antiphon_gateway::{Lifetime, OwnCertificate, Use, shell::Report};
use serde_json::{Value, json};

use super::millis;
use crate::human;

/// A line for each certificate that ends at a time of its own, the one of links first.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut ends = BTreeMap::<(Duration, &str), Vec<&str>>::new();
    for one in all(report) {
        ends.entry((one.not_after, &one.not_after_date)).or_default().push(name(one.of));
    }
    let certificate = &report.daemon.certificate;
    let link = (certificate.not_after, certificate.not_after_date.as_str());
    let link_uses = ends.remove(&link).unwrap_or_default();
    let mut lines = vec![line(report, link, &link_uses)];
    lines.extend(ends.iter().map(|(end, uses)| line(report, *end, uses)));
    lines
}

/// Links alone need no word: a gateway is about nothing else.
fn line(report: &Report, (end, date): (Duration, &str), uses: &[&str]) -> String {
    let left = human::days(end.saturating_sub(report.at));
    let whose = match uses {
        [] | ["links"] => String::new(),
        uses => format!(" ({})", human::list(uses)),
    };
    format!("{left} left, until {date}{whose}")
}

fn all(report: &Report) -> &[OwnCertificate] {
    &report.daemon.certificates
}

/// Each certificate besides that of links, and how long it is good.
pub(super) fn others(report: &Report) -> impl Iterator<Item = (&'static str, Lifetime)> {
    let others = all(report).iter().filter(|one| one.of != Use::Link);
    others.map(|one| (name(one.of), one.lifetime()))
}

/// What is wrong with files that hold something new, naming the file.
pub(super) fn refused(report: &Report) -> impl Iterator<Item = String> {
    all(report).iter().filter_map(|one| {
        let reason = one.refused.as_ref()?;
        Some(format!("a renewed certificate for {} is not used: {reason}", name(one.of)))
    })
}

/// For programs.
pub(super) fn value(report: &Report) -> Value {
    let one = |one: &OwnCertificate| {
        json!({
            "for": one.of.as_str(),
            "file": one.file,
            "not_after": one.not_after_date,
            "left_ms": millis(one.not_after.saturating_sub(report.at)),
            "fingerprint": one.fingerprint,
            "renewals": one.renewals,
            "refused": one.refused,
        })
    };
    all(report).iter().map(one).collect()
}

fn name(of: Use) -> &'static str {
    match of {
        Use::Link => "links",
        Use::Broker => "the broker",
        Use::Monitor => "the broker's monitors",
        Use::Admin => "the admin port",
    }
}
