//! Who is there, and in what state.

use std::collections::BTreeMap;

use antiphon_core::{GatewayId, GatewayState, MemberView};
use antiphon_gateway::shell::Report;

use super::{Check, Evidence, Finding, Outcome, Test, evidence::lives};
use crate::{human, noun::regions};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "MEMB-001",
        title: "Every gateway is active",
        meaning: "A gateway is starting, draining, or has left and is still remembered. Starting \
                  takes ten seconds at most; one that drains ends by itself.",
        next: "antiphon gateways",
        test: Test::Running(states),
    },
    Check {
        code: "MEMB-002",
        title: "Active gateways take messages from their broker",
        meaning: "A gateway is active and its broker connection stands, yet it is not in the queue \
                  groups (/readyz says so too): its adverts were not exchanged with another gateway, \
                  or it has a route to none and a sibling has one.",
        next: "antiphon links on that gateway: one of them must be up",
        test: Test::Running(joined),
    },
    Check {
        code: "MEMB-003",
        title: "Every gateway that gossip knows has spoken",
        meaning: "Gossip tells of a gateway, or did until it went without a word, and no advert of it is \
                  here. It has no link with anybody, or its adverts are refused.",
        next: "antiphon links, and antiphon status on that gateway",
        test: Test::Running(unheard),
    },
    Check {
        code: "MEMB-004",
        title: "Gossip knows every gateway",
        meaning: "A gateway's adverts arrive, but gossip has not heard of it. New gateways do not \
                  learn of it and do not dial it.",
        next: "antiphon gateways (wide terminal: GOSSIP); restart that gateway if it lasts",
        test: Test::Running(unknown_to_gossip),
    },
    Check {
        code: "MEMB-005",
        title: "Every known gateway is within reach",
        meaning: "A gateway's advert lives on, but no path leads to it while its region can be \
                  reached: it has died, or lost all its links. Its advert expires after a while.",
        next: "start it, or look at its log",
        test: Test::Running(out_of_reach),
    },
    Check {
        code: "MEMB-006",
        title: "Another region is known",
        meaning: "The gateway knows no region but its own: no seed answers, nobody has dialled it.",
        next: "antiphon links; [link] seeds must name a gateway that is up",
        test: Test::Running(alone),
    },
    Check {
        code: "MEMB-007",
        title: "Seeds answer",
        meaning: "A place in [link] seeds does not answer, or somebody answers there who is none of \
                  the fabric. Seeds matter when a gateway starts: one that answers is enough.",
        next: "correct [link] seeds, or start what should answer there",
        test: Test::Running(seeds),
    },
    Check {
        code: "MEMB-008",
        title: "Every region has seeds",
        meaning: "No gateway of a region that answered has a seed. If all of them are restarted at \
                  once, nobody dials out and they wait until others dial them.",
        next: "[link] seeds = [\"host:port of a gateway in another region\"]",
        test: Test::Running(no_seeds),
    },
    Check {
        code: "MEMB-009",
        title: "Gossip has run without a restart",
        meaning: "The gossip task had to be started anew since the gateway started. Links and routes \
                  live on; new gateways may have been noticed late.",
        next: "look for \"gossip was started anew\" in the gateway's log, and report it",
        test: Test::Running(gossip_restarts),
    },
];

fn states(evidence: &Evidence) -> Outcome {
    let members = evidence.members();
    let all = members.values().filter_map(|member| Some((&member.gateway, member.state?)));
    let findings = all.filter(|(_, state)| *state != GatewayState::Active).map(|(name, state)| {
        let finding = Finding::warning(format!("{name} is {}", state.label()));
        match state {
            GatewayState::Draining => finding.next("wait for its end, then start it again"),
            GatewayState::Left => finding.next(format!("start {name} if it should be there")),
            GatewayState::Starting | GatewayState::Active => finding,
        }
    });
    Outcome::of(findings, human::count(members.len() as u64, "gateway"))
}

fn joined(evidence: &Evidence) -> Outcome {
    let idle = evidence.reports().filter(|report| {
        let core = &report.core;
        core.state == GatewayState::Active && core.broker.up && !core.joined
    });
    let findings = idle.map(|report| {
        Finding::problem(format!("{} takes no messages from its broker", report.core.gateway))
    });
    Outcome::of(findings, evidence.gateways_asked())
}

fn unheard(evidence: &Evidence) -> Outcome {
    let members = evidence.members();
    let silent = members.values().filter(|member| member.state.is_none());
    let findings = silent.map(|member| {
        let MemberView { gateway, region, endpoint, .. } = member;
        Finding::warning(format!("{gateway} of region {region}, at {endpoint}, is not heard"))
    });
    Outcome::of(findings, "all have")
}

fn unknown_to_gossip(evidence: &Evidence) -> Outcome {
    let missed = evidence.reports().flat_map(|report| {
        let core = &report.core;
        let others = core.gateways.iter().filter(|member| member.gateway != core.gateway);
        let missed = others.filter(|one| lives(one) && one.route.is_some() && !one.gossip);
        missed.map(move |member| (core, member))
    });
    let findings = missed.map(|(core, member)| {
        Finding::warning(format!("{} has not heard of {} by gossip", core.gateway, member.gateway))
    });
    Outcome::of(findings, "every one")
}

fn out_of_reach(evidence: &Evidence) -> Outcome {
    let lost = evidence.reports().flat_map(|report| {
        let core = &report.core;
        let reached = move |member: &&MemberView| {
            core.regions.iter().any(|region| {
                region.region == member.region && (region.ours || region.route.is_some())
            })
        };
        let others = core.gateways.iter().filter(|member| member.gateway != core.gateway);
        let lost = others.filter(|member| lives(member) && member.route.is_none());
        lost.filter(reached).map(move |member| (core, member))
    });
    let mut missing: BTreeMap<&GatewayId, Vec<&GatewayId>> = BTreeMap::new();
    for (core, member) in lost {
        missing.entry(&member.gateway).or_default().push(&core.gateway);
    }
    let findings = missing.into_iter().map(|(gateway, without)| {
        let finding = match evidence.is_gone(gateway) {
            true => Finding::problem(format!("nobody reaches {gateway}")),
            false => {
                let without = human::list(without);
                Finding::warning(format!("{gateway} is not within reach of {without}"))
            }
        };
        finding.next(format!("start {gateway}, or look at its log"))
    });
    Outcome::of(findings, "every one")
}

fn alone(evidence: &Evidence) -> Outcome {
    let others = |report: &Report| report.core.regions.iter().filter(|one| !one.ours).count();
    let alone = evidence.reports().filter(|report| others(report) == 0);
    let findings = alone
        .map(|report| Finding::problem(format!("{} knows no other region", report.core.gateway)));
    let most = evidence.reports().map(others).max().unwrap_or_default();
    Outcome::of(findings, human::count(most as u64, "other region"))
}

fn seeds(evidence: &Evidence) -> Outcome {
    let failed = evidence.reports().flat_map(|report| {
        let dials = report.daemon.troubles.dials.iter();
        dials.filter(|dial| dial.gateway.is_none()).map(move |dial| (&report.core, dial))
    });
    let findings = failed.map(|(core, dial)| {
        let what = if dial.refused { "is refused" } else { "does not answer" };
        let text = format!(
            "the seed {} of {} {what}: {}",
            dial.endpoint,
            core.gateway,
            human::reason(&dial.reason)
        );
        Finding::warning(text)
    });
    let all: usize = evidence.reports().map(|report| report.daemon.settings.seeds.len()).sum();
    Outcome::of(findings, human::count(all as u64, "seed"))
}

fn no_seeds(evidence: &Evidence) -> Outcome {
    let told = |report: &&Report| !report.daemon.settings.servers.is_empty();
    if evidence.reports().filter(told).count() == 0 {
        return Outcome::unknown("no gateway tells its configuration");
    }
    let regions = evidence.by_region();
    let without = regions.iter().filter(|(_, reports)| {
        let told = reports.iter().filter(|report| told(report));
        told.clone().count() > 0 && told.clone().all(|one| one.daemon.settings.seeds.is_empty())
    });
    let findings = without
        .filter(|(_, reports)| reports.iter().all(|report| is_only(report, reports.len())))
        .map(|(region, _)| Finding::warning(format!("no gateway of region {region} has a seed")));
    Outcome::of(findings, human::count(regions.len() as u64, "region"))
}

/// Whether every usable gateway of the report's region is among those that answered.
fn is_only(report: &Report, answered: usize) -> bool {
    regions::usable(&report.core, &report.core.region) <= answered as u64
}

fn gossip_restarts(evidence: &Evidence) -> Outcome {
    let restarted = evidence.reports().filter(|report| report.daemon.gossip.restarts > 0);
    let findings = restarted.map(|report| {
        let count = human::count(report.daemon.gossip.restarts, "restart");
        Finding::warning(format!("{count} of gossip at {}", report.core.gateway))
    });
    Outcome::of(findings, "none")
}
