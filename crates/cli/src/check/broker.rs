//! The connection to a region's broker, as its gateways see it.

use std::time::Duration;

use antiphon_core::{Alarm, DropReason};
use antiphon_gateway::shell::Report;

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{LAST_HOUR, LATELY, is_lately, lives, percent},
};
use crate::human;

/// A connection that stands for less was lost lately.
const STEADY: Duration = Duration::from_secs(600);
/// The share of a bound beyond which it is worth a look, in per cent.
const SHARE_WARNING: u64 = 50;
/// Beacons are sent every few seconds: a connection that stands for so long has heard all siblings.
const BEACONS_HEARD: Duration = Duration::from_secs(30);

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "BROK-001",
        title: "Every gateway is connected to its broker",
        meaning: "A gateway has no connection to its broker: it neither takes nor delivers messages, \
                  and goes on to try. Its siblings do its work if they have one.",
        next: "antiphon status; the broker's log; [broker] servers, tls, and how it logs in",
        test: Test::Running(away),
    },
    Check {
        code: "BROK-002",
        title: "Broker connections have stood for ten minutes",
        meaning: "A gateway lost its broker connection within the last ten minutes and has it again. \
                  What was published and not confirmed when it was lost is in doubt.",
        next: "the gateway's log (\"broker connection lost\") and the broker's",
        test: Test::Running(unsteady),
    },
    Check {
        code: "BROK-003",
        title: "All brokers take payloads of the same size",
        meaning: "max_payload differs between regions. What one region's broker takes, another one's \
                  refuses: such messages are dropped as payload-too-large. A request grows by some \
                  200 bytes on its way.",
        next: "max_payload: the same in every region's nats-server configuration",
        test: Test::Running(payloads),
    },
    Check {
        code: "BROK-004",
        title: "The broker lets gateways subscribe to what they need",
        meaning: "The broker's permissions deny a subscription. What comes on that subject is never \
                  forwarded; a gateway that does not hear its collectives is not ready. It asks again every \
                  half a minute.",
        next: "allow it in the broker's permissions: see \"What a gateway may do on its broker\" in \
               README.md",
        test: Test::Running(may_subscribe),
    },
    Check {
        code: "BROK-005",
        title: "The broker lets gateways publish what they must",
        meaning: "The broker's permissions deny publishing on a subject. What is to go out there is \
                  dropped as publish-denied.",
        next: "allow it in the broker's permissions: see \"What a gateway may do on its broker\" in \
               README.md",
        test: Test::Running(may_publish),
    },
    Check {
        code: "BROK-006",
        title: "No gateway was cut off as a slow consumer within the hour",
        meaning: "The broker cut a gateway off because more waited for it than max_pending allows. \
                  What waited is lost. One connection carries the replies of a whole region: the \
                  default of 64 MB holds some 60,000 of 1 kB.",
        next: "max_pending: 256MB in the region's nats-server configuration",
        test: Test::Running(slow),
    },
    Check {
        code: "BROK-007",
        title: "Gateways work off what they read",
        meaning: "Much of the memory for messages from the broker is in use. Beyond the bound the \
                  gateway stops reading, and the broker holds what comes, up to its max_pending.",
        next: "antiphon status (waiting); [limits] intake_bytes; more gateways, or faster ones",
        test: Test::Running(intake),
    },
    Check {
        code: "BROK-008",
        title: "Brokers confirm what is published",
        meaning: "Many messages are published and not confirmed. Beyond the bound nothing more is \
                  published until the broker answers.",
        next: "the load of the broker: its /varz shows cpu and slow_consumers",
        test: Test::Running(unconfirmed),
    },
    Check {
        code: "BROK-009",
        title: "No two regions are joined by their brokers",
        meaning: "The beacon of another region is heard on a broker: the two are joined by leaf \
                  nodes, NATS gateways or a cluster. Each request would be heard twice there, so \
                  nothing is forwarded between the two, in either direction.",
        next: "cut the native connection, or give both one region name and one set of gateways",
        test: Test::Running(native),
    },
    Check {
        code: "BROK-010",
        title: "Gateways of one region hear each other on the broker",
        meaning: "A gateway does not hear the beacon of its sibling, though both are connected. They \
                  are on two brokers under one region name, and half of the region does not hear what \
                  is delivered to the other half; or a permission is missing for \
                  antiphon.beacon.<fabric>.*.*.",
        next: "[broker] servers of both must be one cluster; allow antiphon.beacon.*.*.* on it",
        test: Test::Running(beacons),
    },
];

fn away(evidence: &Evidence) -> Outcome {
    let told = evidence.reports().filter(|report| !report.core.broker.up).map(|report| {
        let since = human::span(report.core.broker.since);
        Finding::problem(format!("{} has had no broker for {since}", report.core.gateway))
    });
    let members = evidence.members();
    let heard = members.values().filter(|member| lives(member) && member.broker == Some(false));
    let heard = heard.filter(|member| evidence.report_of(&member.gateway).is_none());
    let heard = heard.map(|member| Finding::problem(format!("{} has no broker", member.gateway)));
    Outcome::of(told.chain(heard), human::count(members.len() as u64, "gateway"))
}

fn unsteady(evidence: &Evidence) -> Outcome {
    let lost = evidence.reports().filter(|report| {
        let broker = &report.core.broker;
        broker.up && report.daemon.broker.connects > 1 && broker.since < STEADY
    });
    let findings = lost.map(|report| {
        let since = human::span(report.core.broker.since);
        Finding::warning(format!("{} is connected again since {since}", report.core.gateway))
    });
    Outcome::of(findings, evidence.gateways_asked())
}

fn payloads(evidence: &Evidence) -> Outcome {
    let sizes = evidence.reports().map(|report| (report, report.core.broker.max_payload));
    let known: Vec<_> = sizes.filter(|(_, size)| *size > 0).collect();
    let largest = known.iter().map(|(_, size)| *size).max().unwrap_or_default();
    let smaller = known.iter().filter(|(_, size)| *size < largest);
    let findings = smaller.map(|(report, size)| {
        let (size, largest) = (human::bytes(*size), human::bytes(largest));
        let region = &report.core.region;
        Finding::warning(format!("{size} in region {region}, {largest} elsewhere"))
    });
    Outcome::of(findings, human::bytes(largest))
}

fn may_subscribe(evidence: &Evidence) -> Outcome {
    denied(evidence, "subscribe")
}

fn may_publish(evidence: &Evidence) -> Outcome {
    denied(evidence, "publish")
}

fn denied(evidence: &Evidence, wanted: &str) -> Outcome {
    let alarms = evidence.reports().flat_map(|report| {
        let known = report.core.alarms.iter().map(|view| &view.alarm);
        known.chain(&report.daemon.denied).map(move |alarm| (&report.core, alarm))
    });
    let told = alarms.filter_map(|(core, alarm)| {
        let Alarm::PermissionDenied { operation, subject } = alarm else { return None };
        let (gateway, region) = (&core.gateway, &core.region);
        (operation == wanted).then(|| {
            Finding::problem(format!("{gateway} may not {operation} on {subject}"))
                .next(format!("allow {operation} on {subject} at the broker of region {region}"))
        })
    });
    let dropped = evidence.reports().flat_map(|report| {
        let lately = report.core.examples.iter();
        lately.filter(|one| is_lately(report, one.at, LATELY)).map(move |one| (report, one))
    });
    let dropped = dropped.filter(|(_, one)| one.dropped.reason == DropReason::PublishDenied);
    let dropped = dropped.filter(|_| wanted == "publish").map(|(report, one)| {
        let (gateway, subject) = (&report.core.gateway, &one.dropped.subject);
        Finding::problem(format!("{gateway} may not publish on {subject}"))
    });
    Outcome::of(told.chain(dropped), "nothing was denied")
}

fn slow(evidence: &Evidence) -> Outcome {
    let cut = evidence.reports().filter_map(|report| {
        let last = report.daemon.troubles.lagged?;
        is_lately(report, last, LAST_HOUR).then_some((report, last))
    });
    let findings = cut.map(|(report, last)| {
        let ago = human::span(report.at.saturating_sub(last));
        Finding::warning(format!("{} was cut off {ago} ago", report.core.gateway))
    });
    Outcome::of(findings, "none")
}

fn intake(evidence: &Evidence) -> Outcome {
    shares(evidence, "of the memory for messages from the broker is in use", |report| {
        (report.daemon.broker.intake_bytes, report.daemon.settings.intake_bytes_max)
    })
}

fn unconfirmed(evidence: &Evidence) -> Outcome {
    shares(evidence, "of what may be unconfirmed is", |report| {
        (report.core.broker.unconfirmed, report.daemon.settings.publish_messages_max)
    })
}

fn shares(evidence: &Evidence, what: &str, of: fn(&Report) -> (u64, u64)) -> Outcome {
    let share = |report: &Report| {
        let (part, whole) = of(report);
        percent(part, whole).unwrap_or_default()
    };
    let high = evidence.reports().filter(|report| share(report) > SHARE_WARNING);
    let findings = high.map(|report| {
        Finding::warning(format!("{}: {}% {what}", report.core.gateway, share(report)))
    });
    let most = evidence.reports().map(share).max().unwrap_or_default();
    Outcome::of(findings, format!("{most}% at most"))
}

fn native(evidence: &Evidence) -> Outcome {
    let alarms = evidence.reports().flat_map(|report| {
        report.core.alarms.iter().filter_map(|view| {
            let Alarm::NativelyJoined { region } = &view.alarm else { return None };
            Some((&report.core.region, region))
        })
    });
    let views = evidence.other_regions().filter(|(_, region)| region.native);
    let views = views.map(|(report, region)| (&report.core.region, &region.region));
    let findings = alarms.chain(views).map(|(one, other)| {
        let (one, other) = if one < other { (one, other) } else { (other, one) };
        Finding::problem(format!("regions {one} and {other} are joined natively"))
    });
    Outcome::of(findings, "none")
}

fn beacons(evidence: &Evidence) -> Outcome {
    let mut findings = Vec::new();
    let mut pairs = 0;
    for report in evidence.reports() {
        let core = &report.core;
        if !core.broker.up || core.broker.since < BEACONS_HEARD {
            continue;
        }
        let siblings = core.gateways.iter().filter(|one| one.region == core.region);
        let siblings = siblings.filter(|one| one.gateway != core.gateway && one.route.is_some());
        for sibling in siblings.filter(|one| lives(one) && one.broker == Some(true)) {
            let theirs = evidence.report_of(&sibling.gateway).map(|other| other.core.broker.since);
            if theirs.is_some_and(|since| since < BEACONS_HEARD) {
                continue;
            }
            pairs += 1;
            if !core.siblings.contains(&sibling.gateway) {
                let (one, other) = (&core.gateway, &sibling.gateway);
                findings.push(Finding::problem(format!("{one} does not hear {other}")));
            }
        }
    }
    if pairs == 0 {
        return Outcome::unknown("no two gateways of one region were connected for long enough");
    }
    Outcome::of(findings, "all do")
}
