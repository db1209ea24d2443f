//! Whether a client in one region is answered by the nodes of another.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Check, Evidence, Finding, Outcome, Test,
    facts::{Pair, Proof},
};
use crate::human;

/// Choria's discovery with a sliding window ends when no node has answered for so long.
const WINDOW: Duration = Duration::from_millis(300);

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "E2E-001",
        title: "Nodes of every region answer clients of every region",
        meaning: "A discovery ping was sent from a client in one region, and none of the nodes of \
                  another region that are known answered.",
        next: "antiphon drops at the gateways of both regions; the nodes' own logs (trust, clock)",
        test: Test::Running(answered),
    },
    Check {
        code: "E2E-002",
        title: "All known nodes answer",
        meaning: "Some, not all, of the nodes that are known to be in a region answered a discovery \
                  ping from another region.",
        next: "antiphon ping --names in both regions: who is missing?",
        test: Test::Running(complete),
    },
    Check {
        code: "E2E-003",
        title: "Every pair of regions was proven by a real ping",
        meaning: "A ping needs a client's certificate and broker in the region that it starts from, \
                  and knowledge of which nodes are where. Pairs without are proven by a probe \
                  between their gateways at best: it shows that the way is there, not that nodes \
                  trust the caller.",
        next: "run antiphon check --client client.conf in the other regions too",
        test: Test::Running(proven),
    },
    Check {
        code: "E2E-004",
        title: "Probes between gateways are answered",
        meaning: "A gateway sent a probe over the fabric to another region and got no answer.",
        next: "antiphon trace REGION",
        test: Test::Running(probes),
    },
    Check {
        code: "E2E-005",
        title: "No node answers twice",
        meaning: "A node answered one ping more than once: two nodes have one identity, or a request \
                  reached it on two ways (regions that are joined natively, a Choria Federation \
                  Broker beside the fabric).",
        next: "antiphon check says more in BROK-009 and BROK-020; switch the Federation Broker off",
        test: Test::Running(copies),
    },
    Check {
        code: "E2E-006",
        title: "Answers arrive well within the discovery timeout",
        meaning: "Answers of a region took more than half of the time for which the client listens. \
                  When the network is slower one day, nodes go missing from discovery.",
        next: "discovery_timeout in the clients' configuration",
        test: Test::Running(in_time),
    },
    Check {
        code: "E2E-007",
        title: "Discovery with a window hears all regions",
        meaning: "Discovery with a sliding window ends when no node has answered for 300 ms. A region \
                  that is farther away than that is cut off whenever nearer nodes answer first. It is \
                  a problem where the client that was tried uses a window, else a warning for those \
                  that do.",
        next: "switch the window off: plugin.choria.discovery.broadcast.windowed_timeout = false",
        test: Test::Running(window),
    },
    Check {
        code: "E2E-008",
        title: "The client can ask",
        meaning: "The client's configuration was found, and it could not ask: its broker, its \
                  certificate or its permissions.",
        next: "antiphon ping --config FILE shows the whole error",
        test: Test::Running(client),
    },
];

fn way(pair: &Pair) -> String {
    format!("{} -> {}", pair.from, pair.to)
}

/// Pairs that were pinged, with who answered, who is known, and how long the last one took.
fn pinged(evidence: &Evidence) -> impl Iterator<Item = (&Pair, u64, Option<u64>, Duration)> {
    evidence.pairs.iter().filter_map(|pair| match pair.proof {
        Proof::Ping { nodes, known, slowest } => Some((pair, nodes, known, slowest)),
        Proof::Silence { known } => Some((pair, 0, Some(known), Duration::ZERO)),
        Proof::Probe { .. } | Proof::ProbeLost { .. } | Proof::Nothing { .. } => None,
    })
}

fn answered(evidence: &Evidence) -> Outcome {
    let count = pinged(evidence).count();
    if count == 0 {
        return Outcome::unknown("no pair could be pinged");
    }
    let silent = pinged(evidence).filter(|(_, nodes, ..)| *nodes == 0);
    let findings = silent.map(|(pair, _, known, _)| {
        let known = human::count(known.unwrap_or_default(), "node");
        Finding::problem(format!("{}: none of {known} answered", way(pair)))
    });
    Outcome::of(findings, human::count(count as u64, "pair"))
}

fn complete(evidence: &Evidence) -> Outcome {
    let known = pinged(evidence).filter_map(|(pair, nodes, known, _)| Some((pair, nodes, known?)));
    let known: Vec<_> = known.collect();
    if known.is_empty() {
        return Outcome::unknown("it is not known which nodes there are");
    }
    let some = known.iter().filter(|(_, nodes, known)| *nodes > 0 && nodes < known);
    let findings = some.map(|(pair, nodes, known)| {
        Finding::warning(format!("{}: {nodes} of {known} nodes answered", way(pair)))
    });
    let answers: u64 = known.iter().map(|(_, nodes, _)| nodes).sum();
    Outcome::of(findings, human::count(answers, "answer"))
}

fn proven(evidence: &Evidence) -> Outcome {
    let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in &evidence.pairs {
        let how = match &pair.proof {
            Proof::Ping { .. } | Proof::Silence { .. } => continue,
            Proof::Probe { .. } | Proof::ProbeLost { .. } => {
                "by a probe between gateways".to_owned()
            }
            Proof::Nothing { reason } => format!("not at all ({reason})"),
        };
        groups.entry(how).or_default().push(way(pair));
    }
    let pings = human::count(pinged(evidence).count() as u64, "pair");
    if groups.is_empty() && !evidence.pairs.is_empty() {
        return Outcome::good(pings);
    }
    let others = groups.iter().map(|(how, pairs)| format!("{how}: {}", pairs.join(", ")));
    let others = others.collect::<Vec<_>>().join("; ");
    Outcome::unknown(format!("{pings} by a ping; {others}"))
}

fn probes(evidence: &Evidence) -> Outcome {
    let mut tried = 0_u64;
    let findings: Vec<_> = evidence
        .pairs
        .iter()
        .filter_map(|pair| match &pair.proof {
            Proof::Probe { .. } => {
                tried += 1;
                None
            }
            Proof::ProbeLost { reason } => {
                tried += 1;
                Some(
                    Finding::problem(format!("{}: {reason}", way(pair)))
                        .next(format!("antiphon trace {} at a gateway of {}", pair.to, pair.from)),
                )
            }
            Proof::Ping { .. } | Proof::Silence { .. } | Proof::Nothing { .. } => None,
        })
        .collect();
    if tried == 0 {
        return Outcome::unknown("no probe was sent");
    }
    Outcome::of(findings, human::count(tried, "pair"))
}

fn copies(evidence: &Evidence) -> Outcome {
    if pinged(evidence).count() == 0 {
        return Outcome::unknown("no pair could be pinged");
    }
    let copies = &evidence.client.copies;
    let finding =
        (!copies.is_empty()).then(|| Finding::problem(human::list(copies.iter().take(5))));
    Outcome::of(finding, "none does")
}

fn in_time(evidence: &Evidence) -> Outcome {
    let limit = evidence.client.discovery_timeout;
    let slowest = pinged(evidence).map(|(.., slowest)| slowest).max();
    let Some(slowest) = slowest else { return Outcome::unknown("no pair could be pinged") };
    let late = pinged(evidence).filter(|(.., slowest)| *slowest * 2 > limit);
    let findings = late.map(|(pair, _, _, slowest)| {
        let (slowest, limit) = (human::round_trip(slowest), human::span(limit));
        Finding::warning(format!("{}: {slowest} of {limit}", way(pair)))
    });
    Outcome::of(findings, format!("{} at most", human::round_trip(slowest)))
}

/// By pings where there are any, and by the round trips of links.
fn window(evidence: &Evidence) -> Outcome {
    let pinged = pinged(evidence).map(|(pair, _, _, slowest)| (way(pair), slowest));
    let links = evidence.links().filter(|(report, link)| link.region != report.core.region);
    let links = links.filter_map(|(report, link)| {
        Some((format!("{} -> {}", report.core.region, link.region), link.rtt?))
    });
    let mut slowest: BTreeMap<String, Duration> = BTreeMap::new();
    for (way, took) in pinged.chain(links) {
        let known = slowest.entry(way).or_default();
        *known = (*known).max(took);
    }
    let far = slowest.iter().filter(|(_, took)| **took > WINDOW);
    let findings = far.map(|(way, took)| {
        let text = format!("{way} takes {}", human::round_trip(*took));
        match evidence.client.discovery_window {
            true => Finding::problem(text),
            false => Finding::warning(text),
        }
    });
    let most = slowest.values().max().copied().unwrap_or_default();
    Outcome::of(findings, format!("{} at most", human::round_trip(most)))
}

fn client(evidence: &Evidence) -> Outcome {
    let Some(origin) = &evidence.client.origin else {
        return Outcome::unknown("no client's configuration: --client FILE");
    };
    let findings = evidence.client.errors.iter().map(|(region, error)| {
        let place = if region.is_empty() { String::new() } else { format!("in region {region}: ") };
        Finding::problem(format!("{place}{error}"))
    });
    Outcome::of(findings, origin.as_str())
}
