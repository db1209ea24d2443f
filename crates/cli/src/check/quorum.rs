//! How many there are, and whether they agree.

use std::collections::BTreeSet;

use antiphon_core::{GatewayId, RegionId};

use super::{Check, Evidence, Finding, Outcome, Test, evidence::lives};
use crate::{human, noun::regions};

/// Adverts are counted up with each change and reach everybody within seconds; reports are not taken at
/// the same moment.
const VERSIONS_BEHIND_MAX: u64 = 5;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "MEMB-010",
        title: "As many regions as expected",
        meaning: "Fewer or more regions are known than --expect-regions says.",
        next: "antiphon regions",
        test: Test::Running(expected_regions),
    },
    Check {
        code: "MEMB-011",
        title: "As many gateways as expected",
        meaning: "Fewer or more gateways are active and within reach than --expect-gateways says.",
        next: "antiphon gateways",
        test: Test::Running(expected_gateways),
    },
    Check {
        code: "MEMB-012",
        title: "Every region has two gateways",
        meaning: "A region has a single gateway that works. The region is cut off while that gateway \
                  restarts, and nothing takes over when it fails.",
        next: "start a second gateway in that region",
        test: Test::Running(single),
    },
    Check {
        code: "MEMB-013",
        title: "Every region has a gateway that can publish",
        meaning: "No gateway of a region is active with a broker connection: requests for its nodes \
                  are dropped, or wait.",
        next: "antiphon gateways; then antiphon status on the gateways of that region",
        test: Test::Running(none_usable),
    },
    Check {
        code: "MEMB-014",
        title: "All gateways know the same gateways",
        meaning: "Gateways hold different adverts. Within a few seconds of a change that is normal; \
                  if it lasts, adverts do not get through or are refused.",
        next: "antiphon gateways on both; antiphon status -o json (refusals)",
        test: Test::Running(same_view),
    },
    Check {
        code: "MEMB-015",
        title: "Adverts are current everywhere",
        meaning: "A gateway holds an advert of an earlier life of another one, or one that is many \
                  versions old. Its routes follow from what is no longer true.",
        next: "antiphon gateways -o json (incarnation, advert_version) on both",
        test: Test::Running(stale_adverts),
    },
    Check {
        code: "MEMB-016",
        title: "Every gateway answers",
        meaning: "A gateway that is known to be there did not answer the questions of this command; \
                  what is said of it rests on what others say.",
        next: "antiphon status on that gateway",
        test: Test::Running(silent),
    },
];

fn expected_regions(evidence: &Evidence) -> Outcome {
    let Some(expected) = evidence.expect_regions else {
        return Outcome::unknown("not asked for: --expect-regions N");
    };
    expected_count(evidence.region_names().len() as u64, expected, "region")
}

fn expected_gateways(evidence: &Evidence) -> Outcome {
    let Some(expected) = evidence.expect_gateways else {
        return Outcome::unknown("not asked for: --expect-gateways N");
    };
    let members = evidence.members();
    let there = members.values().filter(|member| {
        lives(member)
            && (evidence.report_of(&member.gateway).is_some()
                || evidence.reports().any(|report| {
                    let of = |one: &&antiphon_core::MemberView| one.gateway == member.gateway;
                    report.core.gateways.iter().find(of).is_some_and(|one| one.route.is_some())
                }))
    });
    expected_count(there.count() as u64, expected, "gateway")
}

fn expected_count(found: u64, expected: u64, what: &str) -> Outcome {
    let text = format!("{}, {expected} expected", human::count(found, what));
    let finding = match found.cmp(&expected) {
        std::cmp::Ordering::Less => Some(Finding::problem(text)),
        std::cmp::Ordering::Greater => Some(Finding::warning(text)),
        std::cmp::Ordering::Equal => None,
    };
    Outcome::of(finding, human::count(found, what))
}

/// How many gateways of a region work, as the best informed report says.
fn usable(evidence: &Evidence, region: &RegionId) -> u64 {
    evidence.reports().map(|report| regions::usable(&report.core, region)).max().unwrap_or_default()
}

/// Whether one gateway of a region works, and no other: MEMB-012 tells of it.
pub(super) fn is_single(evidence: &Evidence, region: &RegionId) -> bool {
    usable(evidence, region) == 1
}

fn single(evidence: &Evidence) -> Outcome {
    let names = evidence.region_names();
    let single = names.iter().filter(|region| is_single(evidence, region));
    let findings = single
        .map(|region| Finding::warning(format!("region {region} has a single working gateway")));
    Outcome::of(findings, human::count(names.len() as u64, "region"))
}

fn none_usable(evidence: &Evidence) -> Outcome {
    let names = evidence.region_names();
    let none = names.iter().filter(|region| usable(evidence, region) == 0);
    let findings =
        none.map(|region| Finding::problem(format!("region {region} has no working gateway")));
    Outcome::of(findings, human::count(names.len() as u64, "region"))
}

fn same_view(evidence: &Evidence) -> Outcome {
    if evidence.asked.len() < 2 {
        return Outcome::unknown("a single gateway was asked");
    }
    let all: BTreeSet<&GatewayId> = evidence
        .members()
        .into_iter()
        .filter(|(_, one)| lives(one))
        .map(|(name, _)| name)
        .collect();
    let findings = evidence.reports().filter_map(|report| {
        let known: BTreeSet<&GatewayId> =
            report.core.gateways.iter().map(|member| &member.gateway).collect();
        let missing: Vec<_> = all.difference(&known).collect();
        (!missing.is_empty()).then(|| {
            let missing = human::list(missing);
            Finding::warning(format!("{} does not know {missing}", report.core.gateway))
        })
    });
    Outcome::of(findings, format!("{} agree", evidence.gateways_asked()))
}

fn stale_adverts(evidence: &Evidence) -> Outcome {
    if evidence.asked.len() < 2 {
        return Outcome::unknown("a single gateway was asked");
    }
    let findings = evidence.reports().flat_map(|report| {
        report.core.gateways.iter().filter_map(move |member| {
            let own = evidence.report_of(&member.gateway)?;
            let newest = own.core.gateways.iter().find(|one| one.gateway == member.gateway)?;
            let (held, newest) = (member.advert?, newest.advert?);
            let old_life = held.incarnation < newest.incarnation;
            let behind = held.incarnation == newest.incarnation
                && newest.version.saturating_sub(held.version) > VERSIONS_BEHIND_MAX;
            let what = if old_life { "an earlier life" } else { "an old version" };
            (old_life || behind).then(|| {
                let (holder, of) = (&report.core.gateway, &member.gateway);
                Finding::warning(format!("{holder} holds an advert of {what} of {of}"))
            })
        })
    });
    Outcome::of(findings, format!("at {}", evidence.gateways_asked()))
}

fn silent(evidence: &Evidence) -> Outcome {
    if !evidence.whole {
        return Outcome::unknown("a single gateway was asked");
    }
    let findings = evidence
        .silent
        .iter()
        .map(|(gateway, reason)| Finding::warning(format!("{gateway}: {reason}")));
    Outcome::of(findings, evidence.gateways_asked())
}
