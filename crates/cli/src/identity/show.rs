//! Certificates for people and for programs.

use std::time::Duration;

use antiphon_identity::{Date, UnixTime, inspect::Inspected};
use serde_json::{Value, json};

use super::{Looked, Rule};
use crate::{
    human,
    table::{Cell, Table, Tone},
};

/// The schema of [`document`].
pub const SCHEMA: &str = "antiphon.identity.v1";

/// One table a certificate, the holder's first, with the verdict.
#[must_use]
pub fn tables(looked: &Looked) -> Vec<Table> {
    let all = looked.certificates.iter().enumerate();
    all.map(|(index, one)| {
        let mut pairs = if index == 0 { head(looked) } else { Vec::new() };
        pairs.extend(facts(one, looked.at));
        if index == 0 {
            pairs.extend(verdict(looked));
        }
        Table::pairs(pairs)
    })
    .collect()
}

fn head(looked: &Looked) -> Vec<(&'static str, Cell)> {
    let mut pairs = vec![("file", looked.file.as_str().into())];
    if let Some((fabric, identity, rule)) = &looked.member {
        let gateway = identity.gateway.as_deref().unwrap_or("any gateway");
        let text = format!(
            "{gateway} of region {}, fabric {fabric}, by its {}",
            identity.region,
            rule.words()
        );
        pairs.push(("member", text.into()));
    }
    pairs
}

fn facts(one: &Inspected, at: Duration) -> Vec<(&'static str, Cell)> {
    let names = |kind: &str, names: &[String]| {
        names.iter().map(|name| format!("{kind}:{name}")).collect::<Vec<_>>()
    };
    let mut alternatives = names("URI", &one.leaf.uris);
    alternatives.extend(names("DNS", &one.leaf.dns_names));
    let shown = if alternatives.is_empty() { "none".to_owned() } else { alternatives.join(", ") };
    vec![
        ("subject", one.subject.as_str().into()),
        ("names", shown.into()),
        ("issuer", one.issuer.as_str().into()),
        ("from", date(one.leaf.validity.not_before).into()),
        ("until", until(one, at)),
        ("use", usage(one).into()),
        ("serial", one.serial.as_str().into()),
        ("sha256", one.leaf.fingerprint.to_string().into()),
    ]
}

fn until(one: &Inspected, at: Duration) -> Cell {
    let end = date(one.leaf.validity.not_after);
    match left(one, at) {
        Duration::ZERO => Cell::from(format!("{end}, has ended")).tone(Tone::Problem),
        left => format!("{end}, {} left", human::days(left)).into(),
    }
}

fn usage(one: &Inspected) -> String {
    let uses = [(one.is_ca, "CA"), (one.client, "client"), (one.server, "server")];
    let uses: Vec<_> = uses.into_iter().filter(|(is, _)| *is).map(|(_, what)| what).collect();
    uses.join(", ")
}

fn verdict(looked: &Looked) -> Vec<(&'static str, Cell)> {
    if looked.refusals.is_empty() {
        let text = match looked.trusted {
            Some(_) => "a gateway believes it",
            None => "not judged: no CA was given",
        };
        return vec![("verdict", Cell::from(text).tone(Tone::Good))];
    }
    let heads = std::iter::once("verdict").chain(std::iter::repeat(""));
    let refused = |text: &String| Cell::from(format!("refused: {text}")).tone(Tone::Problem);
    heads.zip(looked.refusals.iter().map(refused)).collect()
}

/// The same for programs.
#[must_use]
pub fn document(looked: &Looked) -> Value {
    let member = looked.member.as_ref().map(|(fabric, identity, rule)| {
        json!({
            "fabric": fabric,
            "region": identity.region,
            "gateway": identity.gateway,
            "rule": rule.label(),
        })
    });
    json!({
        "schema": SCHEMA,
        "file": looked.file,
        "certificates":
            looked.certificates.iter().map(|one| value(one, looked.at)).collect::<Vec<_>>(),
        "member": member,
        "trusted": looked.trusted,
        "refusals": looked.refusals,
    })
}

fn value(one: &Inspected, at: Duration) -> Value {
    let millis = u64::try_from(left(one, at).as_millis()).unwrap_or(u64::MAX);
    json!({
        "subject": one.subject,
        "issuer": one.issuer,
        "serial": one.serial,
        "common_names": one.leaf.common_names,
        "dns_names": one.leaf.dns_names,
        "uris": one.leaf.uris,
        "not_before": date(one.leaf.validity.not_before),
        "not_after": date(one.leaf.validity.not_after),
        "left_ms": millis,
        "ca": one.is_ca,
        "client": one.client,
        "server": one.server,
        "fingerprint": one.leaf.fingerprint.to_string(),
    })
}

fn date(time: UnixTime) -> String {
    Date(time).to_string()
}

fn left(one: &Inspected, at: Duration) -> Duration {
    Duration::from_secs(one.leaf.validity.not_after.as_secs()).saturating_sub(at)
}

impl Rule {
    /// A stable word.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Uri => "uri",
            Self::DnsName => "dns-name",
            Self::CommonName => "common-name",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Uri => "URI",
            Self::DnsName => "DNS name",
            Self::CommonName => "Common Name, a last resort",
        }
    }
}
