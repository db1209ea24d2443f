//! Whether messages find their way, and what is left when something breaks.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_core::RegionId;

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{lives, percent},
    quorum,
};
use crate::human;

/// The share of a queue's bound beyond which it is worth a look, in per cent.
const QUEUE_WARNING: u64 = 50;
/// The share beyond which messages are about to be dropped, in per cent.
const QUEUE_PROBLEM: u64 = 90;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "ROUTE-001",
        title: "Every region is within reach",
        meaning: "A gateway knows a region and has no route to it. What is sent there waits for some \
                  seconds and is dropped as no-route.",
        next: "antiphon routes, antiphon links",
        test: Test::Running(reach),
    },
    Check {
        code: "ROUTE-002",
        title: "Every route has a second way",
        meaning: "A region is reached over one peer alone, and no other peer could take over at once. \
                  When that peer fails, nothing is delivered until routes are computed anew, or for \
                  good. (That the peer is the only gateway of that region is MEMB-012's to tell.)",
        next: "antiphon routes (BACKUP): a second gateway, another link, or [transit] allow",
        test: Test::Running(second_way),
    },
    Check {
        code: "ROUTE-003",
        title: "No two regions depend on their direct links alone",
        meaning: "If all links between two regions are lost, as when a line between two sites is cut, \
                  no third region would carry their traffic: none of those that reach both allows \
                  transit at all its gateways.",
        next: "[transit] allow = true at every gateway of a third region",
        test: Test::Running(detour),
    },
    Check {
        code: "ROUTE-004",
        title: "Gateways of one region are linked with each other",
        meaning: "Two gateways of one region have no link. One that loses its links to other regions \
                  cannot go through its sibling.",
        next: "antiphon links on both; siblings always dial each other where they advertise",
        test: Test::Running(siblings),
    },
    Check {
        code: "ROUTE-005",
        title: "Regions that dial each other are linked directly",
        meaning: "Two regions are configured to dial each other and have no link at all; their \
                  traffic goes through others.",
        next: "antiphon links: the endpoints of the other region, and why they do not answer",
        test: Test::Running(direct),
    },
    Check {
        code: "ROUTE-006",
        title: "Queues are far from their bound",
        meaning: "Messages pile up for a region: it is out of reach, or slower than what is sent to \
                  it. When the bound is reached, messages are dropped as queue-full. Other regions \
                  are not held up by it.",
        next: "antiphon routes (WAITING); [limits] queue_bytes if the region is only slow",
        test: Test::Running(queues),
    },
    Check {
        code: "ROUTE-007",
        title: "Every collective is held by two regions",
        meaning: "A region exports a collective that no other region holds: nothing of it is ever \
                  forwarded. Either it is missing in [export] elsewhere, or its name has a typo.",
        next: "[export] collectives: add it in another region, or remove it here",
        test: Test::Running(collectives),
    },
];

fn reach(evidence: &Evidence) -> Outcome {
    let lost = evidence.other_regions().filter(|(_, region)| region.route.is_none());
    let lost = lost.filter(|(_, region)| evidence.has_working_gateway(region.region.as_str()));
    let findings = lost.map(|(report, region)| {
        let (us, them) = (&report.core.gateway, &region.region);
        Finding::problem(format!("{us} has no route to region {them}"))
            .next(format!("antiphon routes {them}, antiphon links"))
    });
    Outcome::of(findings, human::count(evidence.region_names().len() as u64, "region"))
}

fn second_way(evidence: &Evidence) -> Outcome {
    let routes = evidence
        .other_regions()
        .filter_map(|(report, region)| Some((report, region, region.route.as_ref()?)));
    let only = routes.filter(|(_, _, route)| route.next_hops.len() == 1 && route.backup.is_none());
    // Whoever else could help would have to reach that same gateway; whether one of them counts as a
    // backup is then a matter of round trips.
    let only = only.filter(|(_, region, route)| {
        !(quorum::is_single(evidence, &region.region) && route.next_hops == route.ends)
    });
    let findings = only.map(|(report, region, route)| {
        let (us, them) = (&report.core.gateway, &region.region);
        let by = human::list(&route.next_hops);
        Finding::warning(format!("{us} reaches region {them} over {by} alone"))
    });
    Outcome::of(findings, "every one")
}

type Pairs<'a> = BTreeSet<(&'a RegionId, &'a RegionId)>;

/// Regions with a link between them, each pair in both orders.
fn linked_regions(evidence: &Evidence) -> Pairs<'_> {
    let ends = evidence.adjacencies();
    let ends = ends.iter().map(|(one, other)| (&one.region, &other.region));
    let advertised = ends.filter(|(one, other)| one != other);
    advertised.chain(ordered_down(evidence)).flat_map(|(a, b)| [(a, b), (b, a)]).collect()
}

/// Regions whose links an operator wants to rest: they are up and not used, of which POLI-015 tells.
fn ordered_down(evidence: &Evidence) -> impl Iterator<Item = (&RegionId, &RegionId)> {
    let orders = evidence.reports().flat_map(|report| &report.core.orders);
    let held = orders.filter(|one| one.holds && one.order.stands);
    held.filter_map(|one| one.order.stop.link().map(|with| (&one.region, with)))
}

fn detour(evidence: &Evidence) -> Outcome {
    let linked = linked_regions(evidence);
    let transit: BTreeMap<&RegionId, bool> = evidence
        .reports()
        .flat_map(|report| report.core.regions.iter().map(|view| (&view.region, view.transit)))
        .collect();
    let regions = evidence.region_names().len();
    if regions < 3 {
        return Outcome::good("there is no third region that could help");
    }
    let alone = linked.iter().filter(|(one, other)| one < other).filter(|(one, other)| {
        let rest: Pairs<'_> = linked
            .iter()
            .copied()
            .filter(|pair| *pair != (*one, *other) && *pair != (*other, *one))
            .collect();
        !connected(one, other, &rest, &transit)
    });
    let findings = alone.map(|(one, other)| {
        Finding::warning(format!("{one} and {other} reach each other by their own links alone"))
    });
    Outcome::of(findings, format!("{} pairs have another way", linked.len() / 2))
}

/// Whether `to` is reached from `from` over these pairs, through regions that allow transit.
fn connected(
    from: &RegionId,
    to: &RegionId,
    pairs: &Pairs<'_>,
    transit: &BTreeMap<&RegionId, bool>,
) -> bool {
    let mut seen = BTreeSet::from([from]);
    let mut next = vec![from];
    while let Some(here) = next.pop() {
        for (_, there) in pairs.iter().filter(|(one, _)| *one == here) {
            if *there == to {
                return true;
            }
            let carries = transit.get(there).copied().unwrap_or(false);
            if carries && seen.insert(there) {
                next.push(there);
            }
        }
    }
    false
}

fn siblings(evidence: &Evidence) -> Outcome {
    let members = evidence.members();
    let living: Vec<_> = members.values().filter(|member| lives(member)).collect();
    let mut findings = Vec::new();
    for one in &living {
        let later = living.iter().filter(|other| other.gateway > one.gateway);
        for other in later.filter(|other| other.region == one.region) {
            let apart = !one.adjacencies.contains_key(&other.gateway)
                && !other.adjacencies.contains_key(&one.gateway);
            // Both must have links at all, or LINK-001 and MEMB-002 tell of the one that is alone.
            if apart && !one.adjacencies.is_empty() && !other.adjacencies.is_empty() {
                let (one, other) = (&one.gateway, &other.gateway);
                findings.push(Finding::warning(format!("{one} and {other} are not linked")));
            }
        }
    }
    Outcome::of(findings, "all are")
}

fn direct(evidence: &Evidence) -> Outcome {
    let linked = linked_regions(evidence);
    let mut findings = Vec::new();
    for report in evidence.reports().filter(|report| report.core.broker.up) {
        let peers = report.daemon.settings.peers.as_ref();
        let ours = &report.core.region;
        let others = report.core.regions.iter().filter(|region| !region.ours);
        let reached = others.filter(|region| region.route.is_some());
        let dialled = reached.filter(|one| peers.is_none_or(|peers| peers.contains(&one.region)));
        for region in dialled.map(|one| &one.region).filter(|one| !linked.contains(&(ours, one))) {
            let (one, other) = if ours < region { (ours, region) } else { (region, ours) };
            let text = format!("{one} and {other} have no direct link");
            findings.push(Finding::warning(text));
        }
    }
    Outcome::of(findings, format!("{} pairs", linked.len() / 2))
}

fn queues(evidence: &Evidence) -> Outcome {
    let queues = evidence
        .reports()
        .flat_map(|report| report.core.queues.iter().map(move |queue| (report, queue)));
    let findings = queues.clone().filter_map(|(report, queue)| {
        let bound = report.daemon.settings.queue_bytes_max;
        let share = percent(queue.bytes, bound).filter(|share| *share >= QUEUE_WARNING)?;
        let (us, them, bytes) = (&report.core.gateway, &queue.region, human::bytes(queue.bytes));
        let text = format!("{bytes} wait at {us} for region {them}, {share}% of the bound");
        Some(match share {
            QUEUE_PROBLEM.. => Finding::problem(text),
            _ => Finding::warning(text),
        })
    });
    let waiting: u64 = queues.clone().map(|(_, queue)| queue.bytes).sum();
    Outcome::of(findings, format!("{} wait", human::bytes(waiting)))
}

fn collectives(evidence: &Evidence) -> Outcome {
    let mut holders: BTreeMap<&str, BTreeSet<&RegionId>> = BTreeMap::new();
    for view in evidence.reports().flat_map(|report| &report.core.regions) {
        for collective in &view.collectives {
            holders.entry(collective).or_default().insert(&view.region);
        }
    }
    if evidence.region_names().len() < 2 {
        return Outcome::unknown("there is only one region");
    }
    let single = holders.iter().filter(|(_, regions)| regions.len() == 1);
    let findings = single.map(|(collective, regions)| {
        let region = human::list(regions);
        Finding::warning(format!("only region {region} exports {collective}"))
    });
    Outcome::of(findings, human::count(holders.len() as u64, "collective"))
}
