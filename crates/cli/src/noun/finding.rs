//! What an operator should look at, judged from one gateway's report.

use std::time::Duration;

use antiphon_core::{Alarm, GatewayState, LinkView, Snapshot};
use antiphon_gateway::{Lifetime, Nearness, shell::Report};
use serde::Serialize;

use super::{certificates, drops, links, regions};
use crate::{Exit, human};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Messages are lost, or soon will be.
    Problem,
}

/// One thing to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is, for people.
    pub text: String,
}

impl Finding {
    fn warning(text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, text: text.into() }
    }

    fn problem(text: impl Into<String>) -> Self {
        Self { severity: Severity::Problem, text: text.into() }
    }
}

/// Everything to look at, the worst first.
#[must_use]
pub fn findings(report: &Report) -> Vec<Finding> {
    let core = &report.core;
    let mut all: Vec<Finding> = [broker(core), membership(core), certificate(report)]
        .into_iter()
        .chain([links_down(core), defects(report), drops_lately(report)])
        .flatten()
        .collect();
    all.extend(policy_refused(report));
    all.extend(not_renewed(report));
    all.extend(old_lists(report));
    all.extend(other_certificates(report));
    all.extend(peers_certificates(report));
    all.extend(certificates::refused(report).map(Finding::warning));
    all.extend(regions_out_of_reach(core));
    let alarms = core.alarms.iter().map(|view| &view.alarm);
    all.extend(alarms.chain(&report.daemon.denied).map(alarm));
    all.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    all
}

/// The exit code for these findings; warnings count only where the caller is strict.
#[must_use]
pub fn exit(findings: &[Finding], strict: bool) -> Exit {
    match findings.iter().map(|finding| finding.severity).max() {
        Some(Severity::Problem) => Exit::Problem,
        Some(Severity::Warning) if strict => Exit::Warning,
        Some(Severity::Warning) | None => Exit::Good,
    }
}

fn broker(core: &Snapshot) -> Option<Finding> {
    let gone = human::span(core.broker.since);
    (!core.broker.up).then(|| Finding::problem(format!("the broker has been away for {gone}")))
}

/// Without a broker there is nothing to take, which [`broker`] says already.
fn membership(core: &Snapshot) -> Option<Finding> {
    match core.state {
        GatewayState::Active if core.joined || !core.broker.up => None,
        GatewayState::Active => Some(Finding::problem("takes no messages from its broker")),
        GatewayState::Starting | GatewayState::Draining | GatewayState::Left => {
            Some(Finding::warning(format!("it is {}", core.state.label())))
        }
    }
}

fn certificate(report: &Report) -> Option<Finding> {
    ends_soon("its certificate", report.daemon.certificate.lifetime(), report.at)
}

/// Those of the broker connection and the admin port, unless the certificate of links says it already.
fn other_certificates(report: &Report) -> impl Iterator<Item = Finding> {
    let link = report.daemon.certificate.not_after;
    let others = certificates::others(report).filter(move |(_, one)| one.end != link);
    others
        .filter_map(|(name, one)| ends_soon(&format!("its certificate for {name}"), one, report.at))
}

/// Whoever dialled asks for newer ones in good time; without any the link ends. It is that gateway's
/// to tell of it before its last day.
fn peers_certificates(report: &Report) -> impl Iterator<Item = Finding> {
    report.daemon.links.iter().filter_map(|link| {
        let shown = link.peer_certificate()?;
        let left = human::days(shown.left(report.at));
        let text = || format!("the certificate of {} ends in {left}", link.gateway);
        (shown.nearness(report.at) == Some(Nearness::Day)).then(|| Finding::warning(text()))
    })
}

fn ends_soon(what: &str, certificate: Lifetime, now: Duration) -> Option<Finding> {
    let severity = severity(certificate.nearness(now)?);
    let text = match certificate.left(now) {
        Duration::ZERO => format!("{what} has ended"),
        left => format!("{what} ends in {}", human::days(left)),
    };
    Some(Finding { severity, text })
}

/// How bad it is that a certificate ends so soon: a link does not outlive it.
#[must_use]
pub fn severity(nearness: Nearness) -> Severity {
    match nearness {
        Nearness::Month | Nearness::Week => Severity::Warning,
        Nearness::Day => Severity::Problem,
    }
}

/// Renewal begins at two thirds of a certificate's life; once half of the rest is gone without one,
/// somebody has to act.
#[must_use]
pub fn not_renewed(report: &Report) -> Option<Finding> {
    let trouble = report.daemon.enrolment.as_ref()?.trouble.as_ref()?;
    let gone = report.at.saturating_sub(trouble.since);
    let left = report.daemon.certificate.not_after.saturating_sub(report.at);
    let text = format!("no new certificate for {}: {}", human::span(gone), trouble.text);
    Some(if gone < left { Finding::warning(text) } else { Finding::problem(text) })
}

/// What was revoked since is not known here.
fn old_lists(report: &Report) -> impl Iterator<Item = Finding> {
    report.daemon.trust.revoked.iter().filter_map(|list| {
        let late = human::span(list.late(report.at)?);
        let issuer = &list.issuer;
        let what = "the list of certificates that it has revoked should have been replaced";
        Some(Finding::warning(format!("{issuer}: {what} {late} ago ([link] tls.crl)")))
    })
}

fn links_down(core: &Snapshot) -> Option<Finding> {
    let down: Vec<&LinkView> = core.links.iter().filter(|link| !links::is_up(link)).collect();
    if down.is_empty() {
        return None;
    }
    let count = human::count(down.len() as u64, "link");
    let names = human::list(down.iter().map(|link| &link.gateway));
    Some(Finding::warning(format!("{count} not up: {names}")))
}

fn regions_out_of_reach(core: &Snapshot) -> Vec<Finding> {
    let others: Vec<_> = core.regions.iter().filter(|region| !region.ours).collect();
    if others.is_empty() {
        return vec![Finding::warning("knows no other region")];
    }
    let judged = others.into_iter().filter_map(|region| {
        let name = &region.region;
        if region.route.is_none() {
            return Some(Finding::problem(format!("no route to region {name}")));
        }
        let usable = regions::usable(core, name);
        let short = usable < region.gateways;
        let few = format!("{usable} of {}", human::count(region.gateways, "gateway"));
        short.then(|| Finding::warning(format!("region {name} has {few} in use")))
    });
    judged.collect()
}

/// Orders that our own queues could not take; they are sized so that this never happens.
fn defects(report: &Report) -> Option<Finding> {
    let count = report.daemon.link_overflows + report.daemon.broker.overflows;
    let what = || format!("{} could not be queued, please report it", human::count(count, "order"));
    (count > 0).then(|| Finding::warning(what()))
}

fn policy_refused(report: &Report) -> Option<Finding> {
    let refused = report.daemon.policy.refused.as_ref()?;
    let text = format!("the policy of {} cannot be read; the old one holds", refused.source);
    Some(Finding::warning(text))
}

/// What was refused at the door (registration, a collective that is not exported) is routine.
fn drops_lately(report: &Report) -> Option<Finding> {
    let recent = drops::recent(report);
    let what = || format!("{} dropped in the last minute", human::count(recent.units, "message"));
    (recent.units > 0).then(|| Finding::warning(what()))
}

fn because(reason: &str) -> String {
    if reason.is_empty() { String::new() } else { format!(": {reason}") }
}

fn alarm(alarm: &Alarm) -> Finding {
    match alarm {
        Alarm::NativelyJoined { region } => Finding::problem(format!(
            "region {region} is joined natively with ours: nothing is forwarded between the two"
        )),
        Alarm::TwoClusters { gateway } => Finding::problem(format!(
            "{gateway} of our region is linked and not heard on our broker: the brokers are not one \
             cluster, each request reaches one part of the nodes"
        )),
        Alarm::DuplicateGateway { gateway } => {
            Finding::problem(format!("somebody else uses the gateway id {gateway}"))
        }
        Alarm::IdentityInTwoRegions { identity, region } => Finding::problem(format!(
            "node {identity} is here and in region {region}: both act on what it is asked"
        )),
        Alarm::PermissionDenied { operation, subject } => {
            Finding::problem(format!("the broker denies us to {operation} on {subject}"))
        }
        Alarm::PeerMisbehaves { gateway, what } => {
            Finding::warning(format!("{gateway} breaks the protocol of links: {what}"))
        }
        Alarm::Halted { what, region, by, reason } => {
            Finding::warning(format!("{what}: halted in {region} by {by}{}", because(reason)))
        }
        Alarm::LinkOrderedDown { between: [_, other], region, by, reason } => {
            let because = because(reason);
            Finding::warning(format!(
                "links with {other}: ordered down in {region} by {by}{because}"
            ))
        }
    }
}
