//! What is configured, and whether the regions' configurations fit each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{DropReason, Order, OrderView, RegionId, policy::Direction};
use antiphon_gateway::shell::{Report, Settings};

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{LATELY, is_lately},
};
use crate::{human, meant::did_you_mean};

/// Subjects that no reply is ever let out on, whatever is configured: one of each kind.
const NEVER: [&str; 6] = [
    "$SYS.a",
    "$JS.a",
    "_INBOX.a",
    "c.broadcast.agent.a",
    "c.node.a",
    "choria.federation.a.federation",
];
/// What a policy refuses, a request or a frame.
pub(super) const BY_POLICY: [DropReason; 10] = [
    DropReason::PolicyExport,
    DropReason::PolicyAccept,
    DropReason::PolicyTransit,
    DropReason::CallerUnproved,
    DropReason::RateLimited,
    DropReason::Halted,
    DropReason::NotExported,
    DropReason::NotAccepted,
    DropReason::TransitRefused,
    DropReason::TargetRefused,
];

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "POLI-001",
        title: "Every region exports a collective",
        meaning: "A region exports no collective: it neither asks nor answers. That is right for one \
                  that only carries traffic of others ([transit] allow).",
        next: "[export] collectives = [\"mcollective\"]",
        test: Test::Running(exports_nothing),
    },
    Check {
        code: "POLI-002",
        title: "Gateways of one region export the same",
        meaning: "Gateways of one region have different [export] collectives. Which of them takes a \
                  message is chance, and so is whether it is forwarded.",
        next: "make [export] the same at every gateway of the region, then restart one by one",
        test: Test::Running(exports),
    },
    Check {
        code: "POLI-003",
        title: "Gateways of one region expect replies on the same subjects",
        meaning: "Gateways of one region have different [broker] reply_subject or [export] \
                  reply_subjects. A reply may reach one that does not know what to do with it.",
        next: "make both settings the same at every gateway of the region",
        test: Test::Running(reply_settings),
    },
    Check {
        code: "POLI-004",
        title: "Gateways of one region agree about transit",
        meaning: "[transit] allow differs between gateways of one region. A region carries traffic \
                  of others only if all its gateways say so.",
        next: "[transit] allow: the same at every gateway of the region",
        test: Test::Running(transit),
    },
    Check {
        code: "POLI-005",
        title: "Replies to --reply-to come back",
        meaning: "A client asked for replies on a subject of its own (choria req --reply-to), and its \
                  region lets no replies out there: they were dropped as reply-subject-refused.",
        next: "[export] reply_subjects in the client's region",
        test: Test::Running(reply_to),
    },
    Check {
        code: "POLI-006",
        title: "[export] reply_subjects can have an effect",
        meaning: "An entry of [export] reply_subjects covers request, system, JetStream, inbox or \
                  federation subjects. On those no reply is ever let out, whatever is configured.",
        next: "[export] reply_subjects: name a subject of your own, as \"reports.>\"",
        test: Test::Running(useless_reply_subjects),
    },
    Check {
        code: "POLI-007",
        title: "[federation] names stand for regions that exist",
        meaning: "A name for clients in federated mode stands for a region that nobody has heard of. \
                  What is sent to it is dropped.",
        next: "[federation] names: correct the region",
        test: Test::Running(federation_regions),
    },
    Check {
        code: "POLI-008",
        title: "[federation] names mean the same at every gateway of a region",
        meaning: "Gateways of one region serve different names for clients in federated mode, or let \
                  one name stand for different regions.",
        next: "make [federation] names the same at every gateway of the region",
        test: Test::Running(federation_names),
    },
    Check {
        code: "POLI-009",
        title: "[link] peers and costs name regions that exist",
        meaning: "[link] peers or [link] costs names a region that nobody has heard of.",
        next: "correct the name, or remove it",
        test: Test::Running(peers),
    },
    Check {
        code: "POLI-010",
        title: "[identity] names names regions that exist",
        meaning: "[identity] names lets host names stand for a region that nobody has heard of.",
        next: "correct the name, or remove it",
        test: Test::Running(identity_names),
    },
    Check {
        code: "POLI-011",
        title: "Some gateway dials between any two regions",
        meaning: "Neither of two regions has the other in its [link] peers, so no link is set up \
                  between them. That is right for hub and spoke if a third one carries their \
                  traffic.",
        next: "[link] peers of one of them",
        test: Test::Running(nobody_dials),
    },
    Check {
        code: "POLI-012",
        title: "No message was refused by policy lately",
        meaning: "Messages were dropped within the last five minutes because a region does not \
                  export, accept or carry them, a rule of its policy says so, or a caller asks more \
                  than his rate allows.",
        next: "antiphon drops; [export] collectives, [transit] allow, [policy] file",
        test: Test::Running(refused),
    },
    Check {
        code: "POLI-013",
        title: "Policies name regions that exist",
        meaning: "A rule of a policy names a region that nobody has heard of. The rule never \
                  matches.",
        next: "correct the name in the [policy] file, then antiphon policy apply",
        test: Test::Running(policy_regions),
    },
    Check {
        code: "POLI-014",
        title: "Gateways of one region hold the same policy",
        meaning: "Gateways of one region have different policies. Which of them takes a message is \
                  chance, and so is whether it is let through.",
        next: "make the [policy] file the same at every gateway of the region, then antiphon policy \
               apply",
        test: Test::Running(policies),
    },
    Check {
        code: "POLI-015",
        title: "Nothing is stopped by an operator's order",
        meaning: "An operator has halted a collective, a caller or what passes between two regions, or \
                  has ordered links down, and that holds. What it stops is dropped as halted, or takes \
                  other ways. Orders end by themselves, a month after they were given at the latest.",
        next: "antiphon resume, or antiphon link up REGION, once the reason is gone",
        test: Test::Running(orders),
    },
];

fn told(evidence: &Evidence) -> impl Iterator<Item = (&Report, &Settings)> {
    let settings = evidence.reports().map(|report| (report, &report.daemon.settings));
    settings.filter(|(_, settings)| !settings.servers.is_empty())
}

fn exports_nothing(evidence: &Evidence) -> Outcome {
    let views = evidence.reports().flat_map(|report| &report.core.regions);
    let mut exported: BTreeMap<&RegionId, bool> = BTreeMap::new();
    for view in views {
        let useful = !view.collectives.is_empty() || view.transit;
        *exported.entry(&view.region).or_default() |= useful;
    }
    let nothing = exported.iter().filter(|(_, useful)| !**useful);
    let findings = nothing
        .map(|(region, _)| Finding::warning(format!("region {region} exports no collective")));
    Outcome::of(findings, human::count(exported.len() as u64, "region"))
}

/// Compares a setting of the gateways of each region.
fn alike(evidence: &Evidence, what: &str, of: fn(&Settings) -> String) -> Outcome {
    let mut regions: BTreeMap<&RegionId, BTreeMap<String, Vec<String>>> = BTreeMap::new();
    for (report, settings) in told(evidence) {
        let values = regions.entry(&report.core.region).or_default();
        values.entry(of(settings)).or_default().push(report.core.gateway.to_string());
    }
    if !regions.values().any(|values| values.values().map(Vec::len).sum::<usize>() > 1) {
        return Outcome::unknown("no two gateways of one region were asked");
    }
    let findings = regions.values().filter(|values| values.len() > 1).map(|values| {
        let each = values.iter().map(|(value, names)| format!("{value} at {}", human::list(names)));
        Finding::problem(format!("{what}: {}", each.collect::<Vec<_>>().join("; ")))
    });
    Outcome::of(findings, human::count(regions.len() as u64, "region"))
}

fn exports(evidence: &Evidence) -> Outcome {
    alike(evidence, "[export] collectives", |settings| human::list(&settings.collectives))
}

fn reply_settings(evidence: &Evidence) -> Outcome {
    alike(evidence, "reply subjects", |settings| {
        let more: BTreeSet<_> = settings.reply_subjects.iter().collect();
        human::list(std::iter::once(&settings.reply_subject).chain(more))
    })
}

fn transit(evidence: &Evidence) -> Outcome {
    alike(evidence, "[transit] allow", |settings| settings.transit.to_string())
}

fn federation_names(evidence: &Evidence) -> Outcome {
    alike(evidence, "[federation] names", |settings| {
        human::list(settings.federation.iter().map(|(name, region)| format!("{name}={region}")))
    })
}

fn reply_to(evidence: &Evidence) -> Outcome {
    let lately = evidence.reports().flat_map(|report| {
        let examples = report.core.examples.iter();
        examples.filter(|one| is_lately(report, one.at, LATELY)).map(move |one| (report, one))
    });
    let refused = lately.filter(|(_, one)| one.dropped.reason == DropReason::ReplySubjectRefused);
    let findings = refused.map(|(report, one)| {
        let (subject, to) = (&one.dropped.subject, one.dropped.to.as_ref());
        let home = to.unwrap_or(&report.core.region);
        Finding::warning(format!("replies on {subject} were dropped in region {home}"))
            .next(format!("[export] reply_subjects = [\"{subject}\"] in region {home}"))
    });
    Outcome::of(findings, "none was refused lately")
}

fn useless_reply_subjects(evidence: &Evidence) -> Outcome {
    let entries = told(evidence).flat_map(|(report, settings)| {
        settings.reply_subjects.iter().map(move |entry| (report, entry))
    });
    let useless = entries.filter(|(_, entry)| NEVER.iter().any(|never| covers(entry, never)));
    let findings = useless.map(|(report, entry)| {
        let gateway = &report.core.gateway;
        Finding::warning(format!("{entry} at {gateway} covers subjects of no reply"))
    });
    Outcome::of(findings, "every entry")
}

/// Whether a NATS pattern covers a subject.
fn covers(pattern: &str, subject: &str) -> bool {
    let (mut pattern, mut subject) = (pattern.split('.'), subject.split('.'));
    loop {
        match (pattern.next(), subject.next()) {
            (Some(">"), Some(_)) | (None, None) => return true,
            (Some(one), Some(other)) if one == "*" || one == other => {}
            (Some(_) | None, _) => return false,
        }
    }
}

fn federation_regions(evidence: &Evidence) -> Outcome {
    unknown_regions(evidence, "[federation] names", |settings| {
        settings.federation.values().collect()
    })
}

fn peers(evidence: &Evidence) -> Outcome {
    unknown_regions(evidence, "[link] peers or costs", |settings| {
        settings.peers.iter().flatten().chain(settings.costs.keys()).collect()
    })
}

fn identity_names(evidence: &Evidence) -> Outcome {
    unknown_regions(evidence, "[identity] names", |settings| {
        settings.named_regions.iter().collect()
    })
}

fn unknown_regions(
    evidence: &Evidence,
    setting: &str,
    of: fn(&Settings) -> Vec<&RegionId>,
) -> Outcome {
    let known = evidence.region_names();
    let named = told(evidence)
        .flat_map(|(report, settings)| of(settings).into_iter().map(move |one| (report, one)));
    let unknown = named.filter(|(_, region)| !known.contains(region));
    let findings = unknown.map(|(report, region)| {
        let hint = did_you_mean(region.as_str(), known.iter().map(|known| known.as_str()));
        let gateway = &report.core.gateway;
        Finding::warning(format!("{setting} of {gateway} says {region}, which is unknown{hint}"))
    });
    Outcome::of(findings, "all do")
}

fn policy_regions(evidence: &Evidence) -> Outcome {
    let known = evidence.region_names();
    let mut findings = Vec::new();
    for report in evidence.reports() {
        let (gateway, policy) = (&report.core.gateway, &report.core.policy.policy);
        let rules = Direction::ALL.iter().flat_map(|way| &policy.rules(*way).rules);
        let named = rules.flat_map(|rule| {
            rule.from.iter().chain(&rule.to).map(|region| (format!("rule {}", rule.name), region))
        });
        for (place, region) in named.filter(|(_, one)| !known.contains(one)) {
            let hint = did_you_mean(region.as_str(), known.iter().map(|known| known.as_str()));
            let text = format!("{place} at {gateway} says {region}, which is unknown{hint}");
            findings.push(Finding::warning(text));
        }
    }
    Outcome::of(findings, "all do")
}

fn policies(evidence: &Evidence) -> Outcome {
    let regions = evidence.by_region();
    if !regions.values().any(|reports| reports.len() > 1) {
        return Outcome::unknown("no two gateways of one region were asked");
    }
    let differ = regions.iter().filter(|(_, reports)| {
        let mut policies = reports.iter().map(|report| &report.core.policy.policy);
        let first = policies.next();
        policies.any(|other| Some(other) != first)
    });
    let findings = differ.map(|(region, reports)| {
        let names = human::list(reports.iter().map(|report| &report.core.gateway));
        Finding::problem(format!("the policies of region {region} differ between {names}"))
    });
    Outcome::of(findings, human::count(regions.len() as u64, "region"))
}

fn nobody_dials(evidence: &Evidence) -> Outcome {
    let dials = |one: &RegionId, other: &RegionId| {
        let mut peers = told(evidence).filter(|(report, _)| report.core.region == *one);
        peers.any(|(_, settings)| settings.peers.as_ref().is_none_or(|peers| peers.contains(other)))
    };
    let regions: BTreeSet<_> = told(evidence).map(|(report, _)| &report.core.region).collect();
    let mut findings = Vec::new();
    for one in &regions {
        for other in regions.iter().filter(|other| *other > one) {
            if !dials(one, other) && !dials(other, one) {
                let text = format!("neither {one} nor {other} dials the other");
                findings.push(Finding::warning(text));
            }
        }
    }
    Outcome::of(findings, human::count(regions.len() as u64, "region"))
}

/// Every gateway of the fabric knows all orders; what holds at one of them is told once.
fn orders(evidence: &Evidence) -> Outcome {
    let mut held: BTreeMap<(String, &str), (&OrderView, Duration, BTreeSet<&str>)> =
        BTreeMap::new();
    for report in evidence.reports() {
        for one in report.core.orders.iter().filter(|one| one.holds && one.order.stands) {
            let key = (one.order.stop.to_string(), one.region.as_str());
            let known = held.entry(key).or_insert((one, report.at, BTreeSet::new()));
            known.2.insert(report.core.region.as_str());
        }
    }
    let findings = held.iter().map(|((what, region), (one, at, places))| {
        let Order { by, reason, made, until, .. } = &one.order;
        let since = human::span(at.saturating_sub(*made));
        let left = human::span(until.saturating_sub(*at));
        let places = human::list(places);
        let what = format!("{what}: stopped in {places} for {since} by {by} of region {region}");
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        let finding = Finding::warning(format!("{what}{because}, for another {left}"));
        finding.next(match one.order.stop.is_halt() {
            true => "antiphon resume, once the reason is gone",
            false => "antiphon link up REGION, once the reason is gone",
        })
    });
    Outcome::of(findings, "none holds")
}

fn refused(evidence: &Evidence) -> Outcome {
    let mut counts: BTreeMap<(DropReason, &str), u64> = BTreeMap::new();
    for report in evidence.reports() {
        let lately = report.core.examples.iter().filter(|one| is_lately(report, one.at, LATELY));
        // Of halts POLI-015 tells.
        let lately = lately.filter(|one| one.dropped.reason != DropReason::Halted);
        for one in lately.filter(|one| BY_POLICY.contains(&one.dropped.reason)) {
            let key = (one.dropped.reason, one.dropped.subject.as_str());
            *counts.entry(key).or_default() += one.dropped.count;
        }
    }
    let findings = counts.iter().map(|((reason, subject), count)| {
        let count = human::count(*count, "message");
        Finding::warning(format!("{count} on {subject}: {reason}"))
    });
    Outcome::of(findings, "none")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_covers_what_nats_says_it_does() {
        for (pattern, subject) in [(">", "a"), ("*.node.>", "c.node.a"), ("a.*", "a.b")] {
            assert!(covers(pattern, subject), "{pattern} {subject}");
        }
        for (pattern, subject) in [("a.>", "a"), ("*", "a.b"), ("a.b", "a"), ("a", "b")] {
            assert!(!covers(pattern, subject), "{pattern} {subject}");
        }
    }
}
