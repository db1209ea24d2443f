//! Certificates: when they end, and what became of renewed ones.

use std::{collections::BTreeMap, time::Duration};

use super::{
    flag,
    sheet::{Row, Sheet},
};
use crate::{certificates::OwnCertificate, shell::Report};

/// Our own by what they are for, peers' by gateway.
pub(super) fn show(sheet: &mut Sheet, report: &Report) {
    let own = |value: fn(&OwnCertificate) -> f64| {
        let all = report.daemon.certificates.iter();
        all.map(move |one| Row::new(label(one), value(one)))
    };
    let name = "certificate_expiry_timestamp_seconds";
    let help = "When the certificate in use ends, since 1970, by what it is for";
    sheet.gauge(name, help, own(|one| one.not_after.as_secs_f64()));
    let help = "From its first second to its last, by what it is for";
    sheet.gauge("certificate_lifetime_seconds", help, own(|one| one.life.as_secs_f64()));
    let help = "Whether its files hold something else that is not used";
    sheet.gauge("certificate_refused", help, own(|one| flag(one.refused.is_some())));
    let renewals = report.daemon.certificates.iter();
    let renewals = renewals.map(|one| Row::new(label(one), one.renewals));
    sheet.counter(
        "certificate_renewals",
        "Times that its files held a new one, which is used",
        renewals,
    );
    let help = "When the first certificate that a peer has shown ends, since 1970";
    sheet.gauge("peer_certificate_expiry_timestamp_seconds", help, peers(report));
    let help = "When the authority promised a newer list of revoked certificates, since 1970";
    sheet.gauge("revocation_list_next_update_timestamp_seconds", help, revoked(report));
    for (name, help, count) in [
        (
            "link_handovers",
            "Links that another took over from, for certificates",
            report.daemon.handovers,
        ),
        (
            "broker_handovers",
            "Broker connections that another took over from, for certificates",
            report.daemon.broker.handovers,
        ),
    ] {
        sheet.total(name, help, count);
    }
}

fn label(one: &OwnCertificate) -> [(&'static str, String); 1] {
    [("certificate", one.of.as_str().to_owned())]
}

/// Of two lists of one authority, the older.
fn revoked(report: &Report) -> impl Iterator<Item = Row<f64>> {
    first(report.daemon.trust.revoked.iter().filter_map(|list| {
        let labels = [("issuer", list.issuer.clone())];
        Some((labels, list.next_update?))
    }))
}

/// Of two links to one peer, the end that comes first.
fn peers(report: &Report) -> impl Iterator<Item = Row<f64>> {
    first(report.daemon.links.iter().filter_map(|link| {
        let labels = [("gateway", link.gateway.to_string()), ("region", link.region.to_string())];
        Some((labels, link.certificate_end?))
    }))
}

/// A row for each set of labels, with the first of its times.
fn first<const N: usize>(
    times: impl Iterator<Item = ([(&'static str, String); N], Duration)>,
) -> impl Iterator<Item = Row<f64>> {
    let mut firsts = BTreeMap::<_, Duration>::new();
    for (labels, time) in times {
        firsts.entry(labels).and_modify(|known| *known = (*known).min(time)).or_insert(time);
    }
    firsts.into_iter().map(|(labels, time)| Row::new(labels, time.as_secs_f64()))
}
