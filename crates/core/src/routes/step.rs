//! The one rule that decides where a frame goes next.

use crate::{DropReason, Frame, GatewayId, Route};

use super::Table;

/// What to do with a frame next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Publish it on our own broker.
    Publish,
    /// Send it to this peer.
    Hop(GatewayId),
    /// Keep it for a moment: there may be a route soon.
    Wait,
    /// It goes no further.
    Drop(DropReason),
}

/// What the gateway that holds a frame knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Here<'a, F> {
    /// Its routes for frames of this origin.
    pub(crate) table: &'a Table,
    /// It is in the destination region and has a broker.
    pub(crate) publishes: bool,
    /// The gateway that should publish the frame, if that is another one and can.
    pub(crate) prefer: Option<&'a GatewayId>,
    /// Whether frames can be sent to this peer.
    pub(crate) open: F,
}

/// Decides about a frame.
///
/// Nobody gets a frame twice, whatever the tables say: they may be older or newer than those of the
/// gateways before us.
pub(crate) fn next_step(frame: &Frame, here: &Here<'_, impl Fn(&GatewayId) -> bool>) -> Step {
    let preferred = here.prefer.and_then(|gateway| here.table.gateway(gateway));
    let region = here.table.region(&frame.end.to);
    let straight = |route: &Route| pick(route, frame, &here.open);
    let detour = |route: &Route| detour(route, frame, &here.open);
    match preferred.and_then(straight) {
        Some(peer) => return hop_or_limit(peer, frame),
        None if here.publishes => return Step::Publish,
        None => {}
    }
    let on = preferred
        .and_then(detour)
        .or_else(|| region.and_then(straight))
        .or_else(|| region.and_then(detour));
    // A route that only leads back is one that is about to change: the others have lost theirs.
    on.map_or(Step::Wait, |peer| hop_or_limit(peer, frame))
}

/// The peer for this flow among equally good next hops, none that has had the frame.
fn pick(route: &Route, frame: &Frame, open: impl Fn(&GatewayId) -> bool) -> Option<GatewayId> {
    let fit = |peer: &&GatewayId| !has_visited(frame, peer) && open(peer);
    let count = route.next_hops.iter().filter(fit).count() as u64;
    let index = usize::try_from(frame.end.flow.checked_rem(count)?).ok()?;
    route.next_hops.iter().filter(fit).nth(index).cloned()
}

/// The route's backup, if it can be used.
fn detour(route: &Route, frame: &Frame, open: impl Fn(&GatewayId) -> bool) -> Option<GatewayId> {
    let peer = &route.backup.as_ref()?.next_hop;
    (!has_visited(frame, peer) && open(peer)).then(|| peer.clone())
}

fn has_visited(frame: &Frame, peer: &GatewayId) -> bool {
    frame.hop.visited.contains(peer)
}

fn hop_or_limit(peer: GatewayId, frame: &Frame) -> Step {
    if frame.hop.limit == 0 { Step::Drop(DropReason::HopLimit) } else { Step::Hop(peer) }
}
