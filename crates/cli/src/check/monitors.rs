//! The brokers' own servers, as their monitoring ports show them.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::Alarm;

use super::{Check, Evidence, Finding, Outcome, Test, evidence::percent, facts::ServerFacts};
use crate::human;

/// nats-server's default, 64 MB: some 60,000 replies of 1 kB.
const MAX_PENDING_MIN: u64 = 64 << 20;
/// A frozen gateway keeps its share of the queue group for two of them.
const PING_INTERVAL_MAX: Duration = Duration::from_secs(30);
/// The share of `max_pending` that waits for a gateway beyond which it is about to be cut off.
const PENDING_WARNING: u64 = 25;
/// The share of connections in use beyond which nodes are soon turned away.
const CONNECTIONS_WARNING: u64 = 90;
/// A gateway that has been connected for so long has read its broker, or cannot.
const FIRST_READING: Duration = Duration::from_secs(30);
/// Identities named in one line.
const NAMED_MAX: usize = 5;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "BROK-011",
        title: "Brokers can be looked at",
        meaning: "The monitoring port of a broker's server, named in [broker] monitors, does not \
                  answer this command. What the checks below look at stays unknown there.",
        next: "http: 127.0.0.1:8222 in nats-server's configuration; [broker] monitors; or run this \
               command on the gateway's host",
        test: Test::Running(answers),
    },
    Check {
        code: "BROK-012",
        title: "max_pending is 64 MB or more",
        meaning: "A server lets little wait for one client. One connection of a gateway carries the \
                  replies of a whole region; when more waits, the gateway is cut off as a slow \
                  consumer and what waited is lost.",
        next: "max_pending: 256MB in nats-server's configuration",
        test: Test::Running(max_pending),
    },
    Check {
        code: "BROK-013",
        title: "ping_interval is 30 s or less",
        meaning: "A server asks its clients seldom whether they live. A gateway that is frozen keeps \
                  its share of the queue group, and loses it, until the server gives up on it: two \
                  missed answers, with the default of 2 minutes some four minutes.",
        next: "ping_interval: \"5s\" in nats-server's configuration",
        test: Test::Running(ping_interval),
    },
    Check {
        code: "BROK-014",
        title: "No client was a slow consumer",
        meaning: "The server has cut off clients for reading too slowly since it started: gateways, \
                  nodes or others. What waited for them is lost.",
        next: "curl MONITOR/connz?state=closed (reason \"Slow Consumer\")",
        test: Test::Running(slow_consumers),
    },
    Check {
        code: "BROK-015",
        title: "No leaf nodes",
        meaning: "Leaf nodes are connected to a broker. If their other end is another region's \
                  broker, both hear the same requests (BROK-009). If nodes are behind them, all is \
                  well.",
        next: "curl MONITOR/leafz: none of them may lead to a broker of another region",
        test: Test::Running(leaf_nodes),
    },
    Check {
        code: "BROK-016",
        title: "No NATS gateways",
        meaning: "A broker is joined with other clusters by NATS gateways. If one of them is another \
                  region's broker, both hear the same requests (BROK-009).",
        next: "curl MONITOR/gatewayz: none of them may be a broker of another region",
        test: Test::Running(nats_gateways),
    },
    Check {
        code: "BROK-017",
        title: "Little waits in brokers for gateways",
        meaning: "Much waits in a server for a gateway, which does not read fast enough. Beyond \
                  max_pending it is cut off.",
        next: "antiphon status on that gateway; max_pending in nats-server's configuration",
        test: Test::Running(pending),
    },
    Check {
        code: "BROK-018",
        title: "Servers have room for clients",
        meaning: "A server has nearly as many clients as max_connections allows; more are turned \
                  away, gateways too.",
        next: "max_connections in nats-server's configuration",
        test: Test::Running(connections),
    },
    Check {
        code: "BROK-019",
        title: "Every server of a cluster is monitored",
        meaning: "[broker] monitors names fewer servers than the cluster has. What nodes of the \
                  others listen to is not seen, so that hints about them are never complete and \
                  prune nothing.",
        next: "[broker] monitors = [every server's monitoring port]",
        test: Test::Running(whole_clusters),
    },
    Check {
        code: "BROK-020",
        title: "No identity is in two regions",
        meaning: "Nodes of the same name listen in two regions. Both execute what is sent to one of \
                  them, and a client counts two answers of one node.",
        next: "choria inventory NAME in both regions: rename one, or end the copy",
        test: Test::Running(identities),
    },
    Check {
        code: "BROK-021",
        title: "The gateways of a region use the cluster that is monitored",
        meaning: "Servers named in [broker] monitors of one region belong to different clusters. \
                  What is delivered to one is not heard on the other.",
        next: "one region name for each cluster; correct [broker] servers and monitors",
        test: Test::Running(one_cluster),
    },
    Check {
        code: "BROK-022",
        title: "What is known of nodes is complete and current",
        meaning: "The gateway that reads a region's brokers for all did not read every server within \
                  the last two polls. Until it does, requests for single nodes of other regions go \
                  there too, since it is not known who is not there, and requests to services may not \
                  leave their region.",
        next: "antiphon collectives (AGE); [broker] monitors must name every server and be reachable",
        test: Test::Running(interest),
    },
];

/// Judges every server that answered; unknown if none did.
fn each(
    evidence: &Evidence,
    good: impl Fn(&[&ServerFacts]) -> String,
    judge: impl Fn(&ServerFacts) -> Option<Finding>,
) -> Outcome {
    let servers: Vec<_> = evidence.servers.iter().filter(|one| one.error.is_none()).collect();
    if servers.is_empty() {
        return Outcome::unknown("no monitoring port of a broker answered");
    }
    Outcome::of(servers.iter().filter_map(|server| judge(server)), good(&servers))
}

fn at(server: &ServerFacts) -> String {
    let ServerFacts { name, url, region, .. } = server;
    let name = if name.is_empty() { url } else { name };
    format!("{name} of region {region}")
}

fn looked_at(servers: &[&ServerFacts]) -> String {
    human::count(servers.len() as u64, "server")
}

fn answers(evidence: &Evidence) -> Outcome {
    let elsewhere = &evidence.servers_elsewhere;
    if evidence.servers.is_empty() && elsewhere.is_empty() {
        return Outcome::unknown("[broker] monitors is empty");
    }
    let findings = evidence.servers.iter().filter_map(|server| {
        let error = server.error.as_ref()?;
        Some(Finding::warning(format!("{} of region {}: {error}", server.url, server.region)))
    });
    let asked = human::count(evidence.servers.len() as u64, "server");
    let outcome = Outcome::of(findings, asked.as_str());
    if !outcome.findings.is_empty() || elsewhere.is_empty() {
        return outcome;
    }
    let elsewhere = human::list(elsewhere);
    Outcome::unknown(format!("{asked} asked; on other hosts, to be looked at there: {elsewhere}"))
}

fn max_pending(evidence: &Evidence) -> Outcome {
    let least = |servers: &[&ServerFacts]| {
        let least = servers.iter().map(|server| server.max_pending).min().unwrap_or_default();
        human::bytes(least)
    };
    each(evidence, least, |server| {
        let size = human::bytes(server.max_pending);
        (server.max_pending < MAX_PENDING_MIN)
            .then(|| Finding::warning(format!("{size} at {}", at(server))))
    })
}

fn ping_interval(evidence: &Evidence) -> Outcome {
    let most = |servers: &[&ServerFacts]| {
        let most = servers.iter().map(|server| server.ping_interval).max().unwrap_or_default();
        human::span(most)
    };
    each(evidence, most, |server| {
        let interval = human::span(server.ping_interval);
        (server.ping_interval > PING_INTERVAL_MAX)
            .then(|| Finding::warning(format!("{interval} at {}", at(server))))
    })
}

fn slow_consumers(evidence: &Evidence) -> Outcome {
    each(evidence, looked_at, |server| {
        let count = human::count(server.slow_consumers, "slow consumer");
        (server.slow_consumers > 0).then(|| {
            let look = format!("curl {}/connz?state=closed (reason \"Slow Consumer\")", server.url);
            Finding::warning(format!("{count} at {}", at(server))).next(look)
        })
    })
}

fn leaf_nodes(evidence: &Evidence) -> Outcome {
    each(evidence, looked_at, |server| {
        let names = human::list(server.leaf_nodes.iter().take(NAMED_MAX));
        (!server.leaf_nodes.is_empty()).then(|| {
            Finding::warning(format!("{names} at {}", at(server)))
                .next(format!("curl {}/leafz", server.url))
        })
    })
}

fn nats_gateways(evidence: &Evidence) -> Outcome {
    each(evidence, looked_at, |server| {
        let names = human::list(server.nats_gateways.iter().take(NAMED_MAX));
        (!server.nats_gateways.is_empty()).then(|| {
            Finding::warning(format!("{names} at {}", at(server)))
                .next(format!("curl {}/gatewayz", server.url))
        })
    })
}

fn pending(evidence: &Evidence) -> Outcome {
    each(evidence, looked_at, |server| {
        let share = |bytes: u64| percent(bytes, server.max_pending).unwrap_or_default();
        let (name, bytes) = server.pending.iter().max_by_key(|(_, bytes)| **bytes)?;
        let waiting = human::bytes(*bytes);
        (share(*bytes) > PENDING_WARNING)
            .then(|| Finding::warning(format!("{waiting} wait for {name} at {}", at(server))))
    })
}

fn connections(evidence: &Evidence) -> Outcome {
    each(evidence, looked_at, |server| {
        let share = percent(server.connections, server.connections_max).unwrap_or_default();
        (share >= CONNECTIONS_WARNING).then(|| {
            let (count, most) = (server.connections, server.connections_max);
            Finding::warning(format!("{count} of {most} clients at {}", at(server)))
        })
    })
}

fn whole_clusters(evidence: &Evidence) -> Outcome {
    let monitored = |region: &str| {
        evidence.servers.iter().filter(|server| server.region == region).count() as u64
    };
    each(evidence, looked_at, |server| {
        let (there, known) = (server.cluster_servers, monitored(&server.region));
        (there > known).then(|| {
            let region = &server.region;
            Finding::warning(format!("{known} of {there} servers of region {region}"))
        })
    })
}

/// By what the brokers say now, and by what gateways have noticed in each other's hints.
fn identities(evidence: &Evidence) -> Outcome {
    let mut homes: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let told: Vec<_> = evidence.servers.iter().filter(|one| one.nodes.is_some()).collect();
    for report in evidence.reports() {
        for alarm in report.core.alarms.iter().map(|view| &view.alarm) {
            if let Alarm::IdentityInTwoRegions { identity, region } = alarm {
                let regions = [region.as_str(), report.core.region.as_str()];
                homes.entry(identity).or_default().extend(regions);
            }
        }
    }
    if told.is_empty() && homes.is_empty() {
        return Outcome::unknown("no broker tells who listens");
    }
    for server in &told {
        for (_, identity) in server.nodes.iter().flatten() {
            homes.entry(identity).or_default().insert(&server.region);
        }
    }
    let twice: Vec<_> = homes.iter().filter(|(_, regions)| regions.len() > 1).collect();
    let findings = twice.iter().take(NAMED_MAX).map(|(identity, regions)| {
        let regions = human::list(regions.iter());
        Finding::problem(format!("{identity} is in regions {regions}"))
            .next(format!("choria inventory {identity} in regions {regions}"))
    });
    let more = twice.len().saturating_sub(NAMED_MAX);
    let more = (more > 0).then(|| Finding::problem(format!("{more} more identities are")));
    Outcome::of(findings.chain(more), format!("{} identities", homes.len()))
}

fn interest(evidence: &Evidence) -> Outcome {
    let readers = evidence.reports().filter(|report| {
        let (core, interest) = (&report.core, &report.core.interest);
        // Without a broker nothing can be read, and BROK-001 tells.
        interest.monitors && interest.reads && core.broker.up && core.broker.since > FIRST_READING
    });
    let readers: Vec<_> = readers.collect();
    if readers.is_empty() {
        return Outcome::unknown("no gateway reads a broker's monitoring ports");
    }
    let late = readers.iter().filter(|report| !report.core.interest.complete).map(|report| {
        let (gateway, interest) = (&report.core.gateway, &report.core.interest);
        let why = if interest.problem.is_empty() { "it takes long" } else { &interest.problem };
        let age = interest.read.map(|read| report.at.saturating_sub(read));
        let read =
            age.map_or("never read".to_owned(), |age| format!("read {} ago", human::span(age)));
        Finding::warning(format!("{gateway}: {read}, not in full: {}", human::reason(why)))
    });
    Outcome::of(late, human::count(readers.len() as u64, "reader"))
}

fn one_cluster(evidence: &Evidence) -> Outcome {
    let mut clusters: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let known = evidence.servers.iter().filter(|one| one.error.is_none());
    for server in known.filter(|one| !one.cluster.is_empty()) {
        clusters.entry(&server.region).or_default().insert(&server.cluster);
    }
    each(evidence, looked_at, |server| {
        let names = clusters.get(server.region.as_str()).filter(|names| names.len() > 1)?;
        let (region, names) = (&server.region, human::list(names));
        Some(Finding::problem(format!("region {region} has the clusters {names}")))
    })
}
