//! Connections between gateways.

use std::time::Duration;

use antiphon_core::{Alarm, GatewayId, MemberView, RegionId};
use antiphon_gateway::shell::Report;

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{lives, percent},
};
use crate::human;

/// Adverts are exchanged within a round trip or two.
const OPENING_MAX: Duration = Duration::from_secs(10);
/// What one loss of a link counts for in its penalty.
const PENALTY_OF_A_LOSS: u32 = 1000;
/// Control messages that wait: a handful a second are written.
const CONTROL_QUEUED_MAX: u64 = 100;
/// The share of a bound beyond which it is worth a look, in per cent.
const SHARE_WARNING: u64 = 50;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "LINK-001",
        title: "Every link is up",
        meaning: "A link that stood is down, and the gateway at its other end has not said goodbye. \
                  Messages go another way if there is one.",
        next: "antiphon links (NOTES say why)",
        test: Test::Running(down),
    },
    Check {
        code: "LINK-002",
        title: "Links open at once",
        meaning: "A link stands, but the two gateways have not finished to exchange what each lacks. \
                  No message goes over it before.",
        next: "antiphon links; look at the logs of both ends",
        test: Test::Running(opening),
    },
    Check {
        code: "LINK-003",
        title: "Both ends of every link advertise it",
        meaning: "One gateway advertises a link and the other does not. Such a link is used by \
                  nobody. It may be down in one direction.",
        next: "antiphon links on both ends",
        test: Test::Running(one_sided),
    },
    Check {
        code: "LINK-004",
        title: "No link flaps",
        meaning: "A link was lost several times within a minute. Each loss costs a change of routes; \
                  beyond some losses it is a last resort until it has been quiet for a while.",
        next: "antiphon links; look for load balancers and firewalls that cut idle connections",
        test: Test::Running(flapping),
    },
    Check {
        code: "LINK-005",
        title: "Peers keep to the protocol",
        meaning: "A gateway was sent something that the protocol of links does not allow. The peer is \
                  of a release that does not fit, or has a defect.",
        next: "antiphon gateways (wide terminal: VERSION), and report it",
        test: Test::Running(misbehaving),
    },
    Check {
        code: "LINK-006",
        title: "Gateways are reached where they advertise",
        meaning: "A gateway dials another one where that says that it is reached, and nobody answers. \
                  A link may still come up if the other one dials.",
        next: "correct [link] advertise of that gateway, open the port, or set [link] dial here",
        test: Test::Running(unreachable),
    },
    Check {
        code: "LINK-007",
        title: "Whoever answers a dial is the one who was dialled",
        meaning: "Where a gateway should be, somebody else answers, or refuses us: another fabric, \
                  another gateway, or a certificate that one of the two does not accept.",
        next: "antiphon status -o json (refusals) on both; compare [link] tls and [identity] names",
        test: Test::Running(refused),
    },
    Check {
        code: "LINK-008",
        title: "Every known gateway has a link",
        meaning: "Two gateways know of each other and should have a link ([link] peers allows it on \
                  at least one side), but none has ever stood.",
        next: "antiphon links on both; [link] peers, and the port between them",
        test: Test::Running(missing),
    },
    Check {
        code: "LINK-009",
        title: "Peers take what is sent to them",
        meaning: "A peer grants no more credit while messages wait for it: it, or its broker, does \
                  not keep up.",
        next: "antiphon status on that peer (broker, waiting)",
        test: Test::Running(no_credit),
    },
    Check {
        code: "LINK-010",
        title: "Peers acknowledge what they received",
        meaning: "Much of what was sent to a peer is not acknowledged. If the link is lost now for \
                  longer than its session lives, all of it is in doubt.",
        next: "antiphon links (UNACKED, RTT)",
        test: Test::Running(unacknowledged),
    },
    Check {
        code: "LINK-011",
        title: "Control messages do not wait",
        meaning: "Pings, acknowledgements and adverts wait to be written to a peer. Beyond the link's \
                  timeout it counts as down.",
        next: "look at the network between the two: loss, or a full line",
        test: Test::Running(control_waits),
    },
];

fn down(evidence: &Evidence) -> Outcome {
    let down = evidence.links().filter(|(report, link)| {
        let expected = evidence.takes_frames(&link.gateway)
            && !link.draining
            && !evidence.is_gone(&link.gateway);
        let up_again = evidence.report_of(&link.gateway).is_some_and(|other| {
            let back = |one: &&antiphon_core::LinkView| one.gateway == report.core.gateway;
            other.core.links.iter().find(back).is_some_and(|one| one.state == "up")
        });
        link.state == "down" && expected && !up_again
    });
    let findings = down.map(|(report, link)| {
        let (from, to) = (&report.core.gateway, &link.gateway);
        let since = human::span(link.since);
        let why = human::reason(&link.reason);
        let why = if why.is_empty() { "no reason given" } else { &why };
        Finding::problem(format!("{from} - {to} is down for {since}: {why}"))
    });
    Outcome::of(findings, human::count(evidence.links().count() as u64, "end"))
}

fn opening(evidence: &Evidence) -> Outcome {
    let slow =
        evidence.links().filter(|(_, one)| one.state == "opening" && one.since > OPENING_MAX);
    let findings = slow.map(|(report, link)| {
        let (from, to, since) = (&report.core.gateway, &link.gateway, human::span(link.since));
        Finding::warning(format!("{from} - {to} has been opening for {since}"))
    });
    Outcome::of(findings, "none is opening")
}

fn one_sided(evidence: &Evidence) -> Outcome {
    let members = evidence.members();
    let pairs = members.values().filter(|member| lives(member)).flat_map(|one| {
        let others = one.adjacencies.keys().filter_map(|name| members.get(name));
        others.map(move |other| (*one, *other))
    });
    let one_sided = pairs.filter(|(one, other)| {
        lives(other)
            && !other.adjacencies.contains_key(&one.gateway)
            && ![one, other].iter().any(|end| evidence.is_gone(&end.gateway))
    });
    let findings = one_sided.map(|(one, other)| {
        let text =
            format!("{} advertises a link with {}, which does not", one.gateway, other.gateway);
        Finding::warning(text)
    });
    let links = human::count(evidence.adjacencies().len() as u64, "link");
    Outcome::of(findings, format!("{links}, from both ends"))
}

fn flapping(evidence: &Evidence) -> Outcome {
    let findings = evidence.links().filter_map(|(report, link)| {
        let (from, to) = (&report.core.gateway, &link.gateway);
        match (link.suppressed, link.penalty) {
            (true, _) => Some(Finding::problem(format!(
                "{from} - {to} flaps so much that it is a last resort"
            ))),
            (false, PENALTY_OF_A_LOSS..) => {
                Some(Finding::warning(format!("{from} - {to} was lost repeatedly just now")))
            }
            (false, _) => None,
        }
    });
    Outcome::of(findings, "none")
}

fn misbehaving(evidence: &Evidence) -> Outcome {
    let alarms = evidence.reports().flat_map(|report| {
        report.core.alarms.iter().map(move |view| (&report.core.gateway, &view.alarm))
    });
    let findings = alarms.filter_map(|(us, alarm)| {
        let Alarm::PeerMisbehaves { gateway, what } = alarm else { return None };
        Some(Finding::problem(format!("{us} says of {gateway}: {what}")))
    });
    Outcome::of(findings, "all do")
}

fn unreachable(evidence: &Evidence) -> Outcome {
    dials(evidence, false, "cannot be reached at")
}

fn refused(evidence: &Evidence) -> Outcome {
    dials(evidence, true, "is refused at")
}

/// Failed dials of gateways by name that no link has made up for. One that drains refuses newcomers.
fn dials(evidence: &Evidence, refused: bool, what: &str) -> Outcome {
    let failed = evidence.reports().flat_map(|report| {
        let dials = report.daemon.troubles.dials.iter().filter(move |dial| dial.refused == refused);
        dials.filter_map(move |dial| Some((report, dial.gateway.as_ref()?, dial)))
    });
    let failed = failed.filter(|(_, gateway, _)| is_expected(evidence, gateway));
    let failed = failed.filter(|(report, gateway, _)| !was_linked(report, gateway));
    let findings = failed.map(|(report, gateway, dial)| {
        let (from, at, why) = (&report.core.gateway, &dial.endpoint, human::reason(&dial.reason));
        let text = format!("{gateway} {what} {at} by {from}: {why}");
        if refused { Finding::problem(text) } else { Finding::warning(text) }
    });
    Outcome::of(findings, "every one")
}

/// Of one that has left, or died so long ago that its adverts are gone, nothing is expected.
fn is_expected(evidence: &Evidence, gateway: &GatewayId) -> bool {
    let member = evidence.members().get(gateway).copied();
    member.is_some_and(|member| lives(member) || member.state.is_none())
}

/// Whether a link with this gateway is, or lately was, there; then LINK-001 tells of it.
fn was_linked(report: &Report, gateway: &GatewayId) -> bool {
    report.core.links.iter().any(|link| link.gateway == *gateway)
}

fn missing(evidence: &Evidence) -> Outcome {
    let mut findings = Vec::new();
    for report in evidence.reports() {
        let core = &report.core;
        let others = core.gateways.iter().filter(|member| member.gateway != core.gateway);
        for member in others.filter(|member| lives(member) && member.route.is_some()) {
            let dialled = report.daemon.troubles.dials.iter();
            let tried = dialled.clone().any(|dial| dial.gateway.as_ref() == Some(&member.gateway));
            if !was_linked(report, &member.gateway) && !tried && wants(evidence, report, member) {
                let (one, other) = order(&core.gateway, &member.gateway);
                findings.push(Finding::warning(format!("{one} and {other} have no link")));
            }
        }
    }
    Outcome::of(findings, "every one")
}

fn order<'a>(one: &'a GatewayId, other: &'a GatewayId) -> (&'a GatewayId, &'a GatewayId) {
    if one < other { (one, other) } else { (other, one) }
}

/// Whether one of the two dials the other's region.
fn wants(evidence: &Evidence, report: &Report, member: &MemberView) -> bool {
    let dials = |one: &Report, region: &RegionId| {
        let peers = one.daemon.settings.peers.as_ref();
        one.core.region == *region || peers.is_none_or(|peers| peers.contains(region))
    };
    let theirs = evidence.report_of(&member.gateway);
    dials(report, &member.region) || theirs.is_some_and(|other| dials(other, &report.core.region))
}

fn no_credit(evidence: &Evidence) -> Outcome {
    let stuck =
        evidence.links().filter(|(_, one)| one.state == "up" && one.credit == 0 && one.queued > 0);
    let findings = stuck.map(|(report, link)| {
        let (from, to, waits) = (&report.core.gateway, &link.gateway, human::bytes(link.queued));
        Finding::warning(format!("{to} takes nothing from {from}, where {waits} wait"))
    });
    Outcome::of(findings, "all do")
}

fn unacknowledged(evidence: &Evidence) -> Outcome {
    let findings = evidence.links().filter_map(|(report, link)| {
        let bound = report.daemon.settings.retention_bytes_max;
        let share = percent(link.unacknowledged, bound).filter(|share| *share > SHARE_WARNING)?;
        let (from, to) = (&report.core.gateway, &link.gateway);
        Some(Finding::warning(format!("{from} - {to}: {share}% of what may be unacknowledged")))
    });
    Outcome::of(findings, "all do")
}

fn control_waits(evidence: &Evidence) -> Outcome {
    let links = evidence
        .reports()
        .flat_map(|report| report.daemon.links.iter().map(move |link| (&report.core, link)));
    let waiting = links.filter(|(_, link)| link.control.queued > CONTROL_QUEUED_MAX);
    let findings = waiting.map(|(core, link)| {
        let count = human::count(link.control.queued, "control message");
        Finding::warning(format!("{count} of {} wait for {}", core.gateway, link.gateway))
    });
    Outcome::of(findings, "none")
}
