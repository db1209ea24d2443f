//! What several gateways remember of the same requests, put together.

use std::collections::BTreeMap;

use antiphon_core::{
    GatewayId, KeptFrom, PublishedView, Refusals, RegionId, RequestView, RequestsView,
    ReturnedView, Tally, WayView,
};
use antiphon_gateway::shell::Said;

/// One request, and whose records it was put together from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// What all of them know.
    pub request: RequestView,
    /// What each of them knows, by gateway.
    pub parts: BTreeMap<GatewayId, RequestView>,
}

/// The latest requests that any of them remembers, the latest first, at most `limit`.
#[must_use]
pub fn merge(said: &[Said<RequestsView>], limit: usize) -> Vec<Merged> {
    let mut all: BTreeMap<&str, Merged> = BTreeMap::new();
    for one in said {
        for request in &one.said.requests {
            match all.get_mut(request.request.as_str()) {
                Some(known) => {
                    add(&mut known.request, request);
                    known.parts.insert(one.gateway.clone(), request.clone());
                }
                None => {
                    let parts = BTreeMap::from([(one.gateway.clone(), request.clone())]);
                    all.insert(&request.request, Merged { request: request.clone(), parts });
                }
            }
        }
    }
    let mut all: Vec<Merged> = all.into_values().collect();
    all.sort_by_key(|one| std::cmp::Reverse(one.request.first));
    all.truncate(limit);
    all
}

/// Each gateway counts what it did itself, so counts add up.
fn add(known: &mut RequestView, other: &RequestView) {
    known.first = known.first.min(other.first);
    known.last = known.last.max(other.last);
    known.version = known.version.max(other.version);
    known.messages += other.messages;
    if known.asked.is_none() {
        known.asked.clone_from(&other.asked);
    }
    for one in &other.refused {
        let same = known.refused.iter_mut().find(|known| known.reason == one.reason);
        match same {
            Some(known) => known.count += one.count,
            None => known.refused.push(Refusals { reason: one.reason, count: one.count }),
        }
    }
    for one in &other.kept_from {
        let same = |known: &&mut KeptFrom| known.region == one.region && known.why == one.why;
        match known.kept_from.iter_mut().find(same) {
            Some(known) => known.count += one.count,
            None => known.kept_from.push(one.clone()),
        }
    }
    add_ways(&mut known.sent, &other.sent);
    add_ways(&mut known.answered, &other.answered);
    for one in &other.returned {
        match by_region(&mut known.returned, &one.region, |known| &known.region) {
            Some(known) => add_returned(known, one),
            None => known.returned.push(one.clone()),
        }
    }
    for PublishedView { region, count } in &other.published {
        match by_region(&mut known.published, region, |known| &known.region) {
            Some(known) => known.count += count,
            None => known.published.push(PublishedView { region: region.clone(), count: *count }),
        }
    }
}

fn by_region<'a, T>(
    list: &'a mut [T],
    region: &RegionId,
    of: fn(&T) -> &RegionId,
) -> Option<&'a mut T> {
    list.iter_mut().find(|one| of(one) == region)
}

fn add_returned(known: &mut ReturnedView, other: &ReturnedView) {
    known.published += other.published;
    for (reason, count) in &other.dropped {
        *known.dropped.entry(*reason).or_default() += count;
    }
}

fn add_ways(known: &mut Vec<WayView>, other: &[WayView]) {
    for one in other {
        match by_region(known, &one.region, |known| &known.region) {
            Some(known) => {
                add_tally(&mut known.tally, &one.tally);
                known.pending += one.pending;
            }
            None => known.push(one.clone()),
        }
    }
}

fn add_tally(known: &mut Tally, other: &Tally) {
    known.created += other.created;
    known.delivered += other.delivered;
    known.in_doubt += other.in_doubt;
    for (reason, count) in &other.dropped {
        *known.dropped.entry(*reason).or_default() += count;
    }
}
