//! Releases that work together.

use std::collections::{BTreeMap, BTreeSet};

use super::{Check, Evidence, Finding, Outcome, Test};
use crate::human;

/// The oldest nats-server that is tested.
const NATS_MIN: (u64, u64) = (2, 9);

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "VERS-001",
        title: "All gateways are of one release",
        meaning: "Gateways of different releases are in the fabric. One release and the one before it \
                  work together, so that gateways can be upgraded one after the other; it is not \
                  meant to last.",
        next: "antiphon gateways (wide terminal: VERSION); upgrade the rest",
        test: Test::Running(one_release),
    },
    Check {
        code: "VERS-002",
        title: "No release is older than the one before the newest",
        meaning: "Gateways are more than one release apart. That they understand each other is not \
                  tested.",
        next: "upgrade the oldest gateways first",
        test: Test::Running(neighbours),
    },
    Check {
        code: "VERS-003",
        title: "This command is of the gateways' release",
        meaning: "The antiphon command is of another release than the gateway that it asked. It may \
                  not know all that the gateway says.",
        next: "run the antiphon command that the gateway was installed with",
        test: Test::Running(ours),
    },
    Check {
        code: "VERS-004",
        title: "Brokers are nats-server 2.9 or later",
        meaning: "A broker is older than what the gateways are tested with.",
        next: "upgrade nats-server, or Choria's broker",
        test: Test::Running(old_brokers),
    },
    Check {
        code: "VERS-005",
        title: "The servers of a region are of one release",
        meaning: "Servers of one region's broker are of different releases: an upgrade is under way, \
                  or was left unfinished.",
        next: "upgrade the remaining servers of that region",
        test: Test::Running(mixed_brokers),
    },
];

/// Every gateway's release, as it says itself or as gossip says.
fn releases(evidence: &Evidence) -> BTreeMap<String, String> {
    let members = evidence.members();
    let heard = members.values().filter(|member| !member.version.is_empty());
    let heard = heard.map(|member| (member.gateway.to_string(), member.version.clone()));
    let told = evidence.reports();
    let told = told.map(|one| (one.core.gateway.to_string(), one.daemon.version.clone()));
    heard.chain(told).collect()
}

/// `major.minor` of a release; a release is what changes them.
fn release(version: &str) -> Option<(u64, u64)> {
    let mut parts = version.trim_start_matches('v').split(['.', '-', '+']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn one_release(evidence: &Evidence) -> Outcome {
    let all = releases(evidence);
    let mut gateways: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (gateway, version) in &all {
        gateways.entry(version).or_default().push(gateway);
    }
    let mixed = gateways.len() > 1;
    let each = gateways.iter().map(|(version, names)| format!("{version}: {}", human::list(names)));
    let finding = mixed.then(|| Finding::warning(each.collect::<Vec<_>>().join("; ")));
    Outcome::of(finding, human::list(gateways.keys()))
}

fn neighbours(evidence: &Evidence) -> Outcome {
    let all = releases(evidence);
    let newest = all.values().filter_map(|version| release(version)).max();
    let Some(newest) = newest else { return Outcome::unknown("no gateway tells its release") };
    let old = all.iter().filter(|(_, version)| {
        release(version)
            .is_some_and(|(major, minor)| major != newest.0 || newest.1.saturating_sub(minor) > 1)
    });
    let findings = old.map(|(gateway, version)| {
        let (major, minor) = newest;
        Finding::problem(format!("{gateway} is {version}, others are {major}.{minor}"))
            .next(format!("upgrade {gateway}"))
    });
    Outcome::of(findings, format!("the newest is {}.{}", newest.0, newest.1))
}

fn ours(evidence: &Evidence) -> Outcome {
    let ours = &evidence.version;
    let asked = evidence.reports().next();
    let other = asked.filter(|report| report.daemon.version != *ours).map(|report| {
        let (gateway, theirs) = (&report.core.gateway, &report.daemon.version);
        Finding::warning(format!("{ours} here, {theirs} at {gateway}"))
    });
    Outcome::of(other, ours.as_str())
}

/// Every region's servers, as gateways and monitoring ports tell.
fn brokers(evidence: &Evidence) -> BTreeSet<(String, String)> {
    let told = evidence
        .reports()
        .map(|report| (report.core.region.to_string(), report.core.broker.version.clone()));
    let servers = evidence.servers.iter();
    let seen = servers.map(|server| (server.region.clone(), server.version.clone()));
    told.chain(seen).filter(|(_, version)| !version.is_empty()).collect()
}

fn old_brokers(evidence: &Evidence) -> Outcome {
    let all = brokers(evidence);
    let old = all.iter().filter(|(_, version)| release(version).is_some_and(|one| one < NATS_MIN));
    let findings =
        old.map(|(region, version)| Finding::warning(format!("{version} in region {region}")));
    let versions: BTreeSet<_> = all.iter().map(|(_, version)| version).collect();
    Outcome::of(findings, human::list(versions))
}

fn mixed_brokers(evidence: &Evidence) -> Outcome {
    let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (region, version) in brokers(evidence) {
        regions.entry(region).or_default().insert(version);
    }
    let mixed = regions.iter().filter(|(_, versions)| versions.len() > 1);
    let findings = mixed.map(|(region, versions)| {
        Finding::warning(format!("region {region} has {}", human::list(versions)))
    });
    Outcome::of(findings, human::count(regions.len() as u64, "region"))
}
