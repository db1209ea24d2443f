//! Which links there are, and how each is.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_core::{GatewayId, MemberView, RegionId, Snapshot};

use super::{Link, LinkState};

type Members<'a> = BTreeMap<&'a GatewayId, &'a MemberView>;
/// In the order of their names.
type Pair<'a, T> = [&'a T; 2];

/// What somebody advertises, what a gateway that was asked remembers, and what operators hold down.
pub(super) fn links(members: &Members<'_>, snapshots: &[&Snapshot]) -> Vec<Link> {
    let held = held(snapshots);
    let pairs = pairs(members, snapshots, &held);
    pairs.into_iter().filter_map(|ends| link(ends, members, &held)).collect()
}

/// Pairs of regions whose links an operator holds down.
fn held<'a>(snapshots: &[&'a Snapshot]) -> BTreeSet<Pair<'a, RegionId>> {
    let orders = snapshots.iter().flat_map(|snapshot| &snapshot.orders);
    let standing = orders.filter(|view| view.order.stands);
    standing
        .filter_map(|view| view.order.stop.link().map(|with| sorted(&view.region, with)))
        .collect()
}

fn pairs<'a>(
    members: &Members<'a>,
    snapshots: &[&'a Snapshot],
    held: &BTreeSet<Pair<'_, RegionId>>,
) -> BTreeSet<Pair<'a, GatewayId>> {
    let mut pairs = BTreeSet::new();
    for (name, member) in members {
        pairs.extend(member.adjacencies.keys().map(|other| sorted(*name, other)));
    }
    for snapshot in snapshots {
        // One that only opens has no place in a picture yet.
        let down = snapshot.links.iter().filter(|link| link.state == "down" || link.held_down);
        pairs.extend(down.map(|link| sorted(&snapshot.gateway, &link.gateway)));
    }
    // What is held down is advertised by nobody: that regions are linked is seen in the order.
    let of = |region: &RegionId| {
        let region = region.clone();
        members.iter().filter(move |(_, one)| one.region == region).map(|(name, _)| *name)
    };
    for [one, other] in held {
        for near in of(one) {
            pairs.extend(of(other).map(|far| sorted(near, far)));
        }
    }
    pairs
}

fn link(
    ends: Pair<'_, GatewayId>,
    members: &Members<'_>,
    held: &BTreeSet<Pair<'_, RegionId>>,
) -> Option<Link> {
    let [one, other] = ends.map(|end| members.get(end).copied());
    let (one, other) = (one?, other?);
    let held = held.contains(&sorted(&one.region, &other.region));
    let costs = [(one, ends[1]), (other, ends[0])];
    let costs = costs.map(|(end, far)| end.adjacencies.get(far).copied());
    let state = match costs {
        [Some(_), Some(_)] => LinkState::Up,
        [Some(_), None] | [None, Some(_)] | [None, None] if held => LinkState::Held,
        [None, None] => LinkState::Down,
        [Some(_), None] | [None, Some(_)] => LinkState::OneSided,
    };
    let regions = [one.region.clone(), other.region.clone()];
    Some(Link { ends: ends.map(Clone::clone), regions, costs, state })
}

fn sorted<'a, T: Ord>(one: &'a T, other: &'a T) -> Pair<'a, T> {
    let mut pair = [one, other];
    pair.sort();
    pair
}
