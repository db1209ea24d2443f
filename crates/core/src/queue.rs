//! Frames that wait: one first-in-first-out lane for each next hop and destination region, bounded
//! in bytes for each destination, so that a slow region holds up and costs nobody else.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use crate::{
    DropReason,
    frame::Frame,
    id::{GatewayId, RegionId},
};

/// Between two looks for expired frames.
const SWEEP: Duration = Duration::from_millis(250);

/// A frame that waits.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) frame: Frame,
    pub(crate) weight: u64,
    /// When it arrived here; its age grows from then.
    pub(crate) since: Duration,
    /// When its lifetime ends.
    pub(crate) expires: Duration,
}

/// Where a lane leads: over a peer, or nowhere yet.
pub(crate) type Lane = Option<GatewayId>;

/// Everything that waits to be sent.
///
/// Bound: `bytes_max` of weight for each destination region. Lanes that have run empty stay until the next
/// sweep: where frames pass one by one, none is made anew for each.
#[derive(Debug)]
pub(crate) struct Queues {
    lanes: BTreeMap<Lane, Lanes>,
    /// Frames in all lanes.
    len: usize,
    weights: BTreeMap<RegionId, u64>,
    bytes_max: u64,
    hold: Duration,
    next_sweep: Option<Duration>,
    /// When room was last looked for.
    looked: Option<Duration>,
}

/// The lanes over one next hop, served in turn.
#[derive(Debug, Default)]
struct Lanes {
    by_region: BTreeMap<RegionId, VecDeque<Queued>>,
    /// Frames in all of them.
    len: usize,
    /// The region served last.
    last: Option<RegionId>,
}

impl Queues {
    pub(crate) fn new(bytes_max: u64, hold: Duration) -> Self {
        Self {
            lanes: BTreeMap::new(),
            len: 0,
            weights: BTreeMap::new(),
            bytes_max,
            hold,
            next_sweep: None,
            looked: None,
        }
    }

    /// Appends a frame; gives it back with the reason if there is no room.
    ///
    /// Room is first made from frames of the same destination whose time is up; those land in
    /// `expired`.
    pub(crate) fn push(
        &mut self,
        lane: Lane,
        queued: Queued,
        now: Duration,
        expired: &mut Vec<(Queued, DropReason)>,
    ) -> Result<(), Box<Queued>> {
        let region = queued.frame.end.to.clone();
        let full = self.weight(&region) + queued.weight > self.bytes_max;
        // A look at everything costs: one that was just had would find nothing new.
        if full && self.looked.is_none_or(|at| at + SWEEP <= now) {
            self.looked = Some(now);
            self.expire(now, expired);
        }
        let weight = self.weights.entry(region.clone()).or_default();
        if *weight + queued.weight > self.bytes_max {
            return Err(Box::new(queued));
        }
        *weight += queued.weight;
        let lanes = self.lanes.entry(lane).or_default();
        lanes.by_region.entry(region).or_default().push_back(queued);
        lanes.len += 1;
        self.len += 1;
        self.next_sweep.get_or_insert(now + SWEEP);
        Ok(())
    }

    /// The next frame for this peer, if `fits` agrees to its weight; the destinations take turns.
    pub(crate) fn pop(&mut self, peer: &GatewayId, fits: impl Fn(u64) -> bool) -> Option<Queued> {
        let lanes = self.lanes.get_mut(&Some(peer.clone()))?;
        let region = lanes.next_region()?;
        let lane = lanes.by_region.get_mut(&region)?;
        if !lane.front().is_some_and(|head| fits(head.weight)) {
            return None;
        }
        let queued = lane.pop_front()?;
        lanes.len -= 1;
        self.len -= 1;
        lanes.last = (lanes.len > 0).then(|| region.clone()); // Turns begin anew.
        self.lighten(&region, queued.weight);
        Some(queued)
    }

    /// Takes everything out, lane by lane, to be routed anew.
    pub(crate) fn take_all(&mut self) -> Vec<Queued> {
        self.weights.clear();
        self.len = 0;
        self.next_sweep = None;
        let lanes = std::mem::take(&mut self.lanes);
        lanes.into_values().flat_map(|one| one.by_region.into_values()).flatten().collect()
    }

    /// Takes out what has waited too long, if it is time to look.
    pub(crate) fn sweep(&mut self, now: Duration, expired: &mut Vec<(Queued, DropReason)>) {
        if self.next_sweep.is_some_and(|at| at <= now) {
            self.expire(now, expired);
            self.next_sweep = (!self.is_empty()).then(|| now + SWEEP);
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Duration> {
        self.next_sweep
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The peer after this one, by name, that something waits for.
    pub(crate) fn next_hop_after(&self, last: Option<&GatewayId>) -> Option<GatewayId> {
        use std::ops::Bound::{Excluded, Unbounded};
        // The lane that leads nowhere is before all others.
        let after = Excluded(last.cloned());
        let mut later = self.lanes.range::<Lane, _>((after, Unbounded));
        later.find(|(_, lanes)| lanes.len > 0).and_then(|(lane, _)| lane.clone())
    }

    /// What waits for a region, in bytes of weight.
    pub(crate) fn weight(&self, region: &RegionId) -> u64 {
        self.weights.get(region).copied().unwrap_or(0)
    }

    /// What waits for each region.
    pub(crate) fn weights(&self) -> impl Iterator<Item = (&RegionId, u64)> {
        let waiting = self.weights.iter().filter(|(_, weight)| **weight > 0);
        waiting.map(|(region, weight)| (region, *weight))
    }

    /// What waits over one next hop, in bytes of weight.
    pub(crate) fn lane_weight(&self, peer: &GatewayId) -> u64 {
        let lanes = self.lanes.get(&Some(peer.clone()));
        lanes
            .map_or(0, |lanes| lanes.by_region.values().flatten().map(|queued| queued.weight).sum())
    }

    /// How long the oldest frame over one next hop has waited.
    pub(crate) fn lane_wait(&self, peer: &GatewayId, now: Duration) -> Duration {
        let lanes = self.lanes.get(&Some(peer.clone()));
        let heads = lanes.into_iter().flat_map(|lanes| lanes.by_region.values());
        let oldest = heads.filter_map(VecDeque::front).map(|head| head.since).min();
        oldest.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    fn expire(&mut self, now: Duration, expired: &mut Vec<(Queued, DropReason)>) {
        let before = expired.len();
        for (lane, lanes) in &mut self.lanes {
            let hold = lane.is_none().then_some(self.hold);
            for queue in lanes.by_region.values_mut() {
                take_expired(queue, now, hold, expired);
            }
            lanes.by_region.retain(|_, queue| !queue.is_empty());
            lanes.len = lanes.by_region.values().map(VecDeque::len).sum();
        }
        self.lanes.retain(|_, lanes| lanes.len > 0);
        self.len = self.lanes.values().map(|lanes| lanes.len).sum();
        for (queued, _) in expired.iter().skip(before) {
            let weight = self.weights.entry(queued.frame.end.to.clone()).or_default();
            *weight = weight.saturating_sub(queued.weight);
        }
        self.weights.retain(|_, weight| *weight > 0);
    }

    fn lighten(&mut self, region: &RegionId, by: u64) {
        if let Some(weight) = self.weights.get_mut(region) {
            *weight = weight.saturating_sub(by);
        }
    }
}

impl Lanes {
    /// The region after the one served last, round and round.
    fn next_region(&self) -> Option<RegionId> {
        use std::ops::Bound::{Excluded, Unbounded};
        let waits = |(_, queue): &(&RegionId, &VecDeque<Queued>)| !queue.is_empty();
        let after = self.last.as_ref().and_then(|last| {
            self.by_region.range::<RegionId, _>((Excluded(last), Unbounded)).find(waits)
        });
        after.or_else(|| self.by_region.iter().find(waits)).map(|(region, _)| region.clone())
    }
}

fn take_expired(
    queue: &mut VecDeque<Queued>,
    now: Duration,
    hold: Option<Duration>,
    expired: &mut Vec<(Queued, DropReason)>,
) {
    let verdict = |queued: &Queued| match hold {
        _ if queued.expires <= now => Some(DropReason::Expired),
        Some(hold) if queued.since + hold <= now => Some(DropReason::NoRoute),
        Some(_) | None => None,
    };
    if queue.iter().all(|queued| verdict(queued).is_none()) {
        return;
    }
    for queued in std::mem::take(queue) {
        match verdict(&queued) {
            Some(reason) => expired.push((queued, reason)),
            None => queue.push_back(queued),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, reply_frame};

    fn queued(to: &str, since: u64, expires: u64) -> Queued {
        let frame = reply_frame("us", to, 1);
        Queued { weight: 100, frame, since: at(since).mono, expires: at(expires).mono }
    }

    fn queues() -> Queues {
        Queues::new(250, Duration::from_secs(5))
    }

    fn over(peer: &str) -> Lane {
        Some(peer.parse().unwrap())
    }

    #[test]
    fn destinations_over_one_peer_take_turns() {
        let mut queues = queues();
        let mut expired = Vec::new();
        for to in ["a", "a", "b"] {
            queues.push(over("p"), queued(to, 0, 60), at(0).mono, &mut expired).unwrap();
        }
        let order: Vec<String> = std::iter::from_fn(|| queues.pop(&"p".parse().unwrap(), |_| true))
            .map(|queued| queued.frame.end.to.to_string())
            .collect();
        assert_eq!(order, ["a", "b", "a"]);
        assert!(queues.is_empty() && queues.next_hop_after(None).is_none());
        queues.sweep(at(1).mono, &mut expired);
        assert!(queues.lanes.is_empty() && queues.weights.is_empty(), "a sweep forgets them");
    }

    #[test]
    fn a_full_destination_sheds_and_leaves_others_alone() {
        let mut queues = queues();
        let mut expired = Vec::new();
        for _ in 0..2 {
            queues.push(over("p"), queued("a", 0, 60), at(0).mono, &mut expired).unwrap();
        }
        assert!(queues.push(over("p"), queued("a", 0, 60), at(0).mono, &mut expired).is_err());
        assert!(queues.push(over("p"), queued("b", 0, 60), at(0).mono, &mut expired).is_ok());
        assert!(expired.is_empty());
    }

    #[test]
    fn room_is_made_from_what_expired() {
        let mut queues = queues();
        let mut expired = Vec::new();
        queues.push(over("p"), queued("a", 0, 1), at(0).mono, &mut expired).unwrap();
        queues.push(over("q"), queued("a", 0, 60), at(0).mono, &mut expired).unwrap();
        queues.push(over("p"), queued("a", 2, 60), at(2).mono, &mut expired).unwrap();
        assert_eq!(expired.len(), 1);
        assert_eq!(expired[0].1, DropReason::Expired);
        assert_eq!(queues.weight(&"a".parse().unwrap()), 200);
    }

    #[test]
    fn without_a_route_a_frame_waits_no_longer_than_the_hold() {
        let mut queues = queues();
        let mut expired = Vec::new();
        queues.push(None, queued("a", 0, 60), at(0).mono, &mut expired).unwrap();
        queues.sweep(at(4).mono, &mut expired);
        assert!(expired.is_empty());
        queues.sweep(at(5).mono, &mut expired);
        assert_eq!(expired[0].1, DropReason::NoRoute);
        assert!(queues.is_empty());
        assert_eq!(queues.next_deadline(), None);
    }
}
