//! Which policies were in force when, and what that says of a request.
//!
//! Each end judges a request once, at some moment between its client's publishing it and its being
//! published for nodes. So a publication is wrong if no policy of that time allows it, and an answer
//! is owed if all of them do.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{
    RegionId,
    policy::{Action, Asked, Direction, Effect, Policy, Proof, Verdict},
};

use crate::world::Slot;

/// All policies that were ever in force, by place.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    places: BTreeMap<Slot, (RegionId, Vec<(Duration, Policy)>)>,
    /// Nothing but the default was ever applied.
    touched: bool,
}

/// A request between two regions, and the time in which it was judged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) from: &'a RegionId,
    pub(crate) to: &'a RegionId,
    pub(crate) collective: &'a str,
    pub(crate) agent: &'a str,
    pub(crate) caller: &'a str,
    pub(crate) since: Duration,
    pub(crate) until: Duration,
}

impl Policies {
    pub(crate) fn add(&mut self, slot: Slot, region: RegionId) {
        self.places.entry(slot).or_insert((region, Vec::new()));
    }

    pub(crate) fn applied(&mut self, at: Duration, slot: Slot, policy: Policy) {
        self.touched |= policy != Policy::default();
        let Some((_, history)) = self.places.get_mut(&slot) else { return };
        if history.last().is_none_or(|(_, last)| *last != policy) {
            history.push((at, policy));
        }
    }

    /// The side that refused a request which is published all the same.
    pub(crate) fn refused_by(&self, judged: &Judged<'_>) -> Option<Direction> {
        let refused = |direction: &Direction| !self.perhaps(judged, *direction);
        self.touched.then_some(())?;
        [Direction::Export, Direction::Accept].into_iter().find(refused)
    }

    /// Whether a gateway of this region may have let a request pass between two others.
    pub(crate) fn may_transit(&self, judged: &Judged<'_>, slot: Slot) -> bool {
        let Some((_, history)) = self.places.get(&slot).filter(|_| self.touched) else {
            return true;
        };
        let mut seen = in_force(history, judged).peekable();
        seen.peek().is_none() || seen.any(|policy| allows(policy, Direction::Transit, judged))
    }

    /// Whether everything lets a request through at any time: both ends, and whoever may be asked to
    /// carry it. No rates are limited.
    pub(crate) fn surely(&self, judged: &Judged<'_>) -> bool {
        !self.touched
            || self.places.values().all(|(region, history)| {
                let direction = if region == judged.from {
                    Direction::Export
                } else if region == judged.to {
                    Direction::Accept
                } else {
                    Direction::Transit
                };
                in_force(history, judged).all(|policy| {
                    policy.limits == Default::default() && allows(policy, direction, judged)
                })
            })
    }

    /// Whether any gateway of the region that decides had a policy that allows it.
    fn perhaps(&self, judged: &Judged<'_>, direction: Direction) -> bool {
        let decides = if direction == Direction::Export { judged.from } else { judged.to };
        let histories = self.places.values().filter(|(region, _)| region == decides);
        let mut seen = histories.flat_map(|(_, history)| in_force(history, judged)).peekable();
        seen.peek().is_none() || seen.any(|policy| allows(policy, direction, judged))
    }
}

/// Policies of one place that were in force at some time in which the request may have been judged.
fn in_force<'p>(
    history: &'p [(Duration, Policy)],
    judged: &Judged<'_>,
) -> impl Iterator<Item = &'p Policy> {
    let (since, until) = (judged.since, judged.until);
    let ends = history.iter().skip(1).map(|(at, _)| *at).chain([Duration::MAX]);
    let meant =
        move |((begin, _), end): &(&(Duration, Policy), Duration)| *begin <= until && since <= *end;
    history.iter().zip(ends).filter(meant).map(|((_, policy), _)| policy)
}

fn allows(policy: &Policy, direction: Direction, judged: &Judged<'_>) -> bool {
    let asked = Asked {
        direction,
        from: judged.from,
        to: judged.to,
        collective: judged.collective,
        agent: judged.agent,
        // Virtual clients ask without naming an action, and their signatures hold.
        action: Action::Absent,
        caller: judged.caller,
        proof: Proof::Verified,
    };
    match policy.judge(&asked) {
        Verdict::Ruled(effect, _) => effect == Effect::Allow,
        Verdict::WantsAction | Verdict::WantsProof | Verdict::Forged => false,
    }
}

#[cfg(test)]
mod tests {
    use antiphon_core::policy::{Rule, Rules};

    use super::*;

    fn region(name: &str) -> RegionId {
        name.try_into().unwrap()
    }

    /// What us refuses from 10 s to 20 s.
    fn refusing() -> Policies {
        let mut policies = Policies::default();
        policies.add(Slot(0), region("eu"));
        policies.add(Slot(1), region("us"));
        let rule = Rule { from: [region("eu")].into(), effect: Effect::Deny, ..Rule::default() };
        let accept = Rules { rules: vec![rule], ..Rules::default() };
        let policy = Policy { accept, ..Policy::default() };
        policies.applied(Duration::ZERO, Slot(1), Policy::default());
        policies.applied(Duration::from_secs(10), Slot(1), policy);
        policies.applied(Duration::from_secs(20), Slot(1), Policy::default());
        policies
    }

    #[test]
    fn only_what_is_refused_all_the_time_is_wrong_and_only_what_is_allowed_all_the_time_is_owed() {
        let (eu, us) = (region("eu"), region("us"));
        let policies = refusing();
        for (since, until, refused, owed) in [
            (1, 9, None, true),
            (9, 11, None, false),
            (11, 19, Some(Direction::Accept), false),
            (19, 21, None, false),
            (21, 22, None, true),
        ] {
            let [since, until] = [since, until].map(Duration::from_secs);
            let (collective, agent, caller) = ("mcollective", "rpcutil", "choria=alice");
            let judged = Judged { from: &eu, to: &us, collective, agent, caller, since, until };
            assert_eq!(policies.refused_by(&judged), refused, "{since:?}");
            assert_eq!(policies.surely(&judged), owed, "{since:?}");
            let back = Judged { from: &us, to: &eu, ..judged };
            assert_eq!(policies.refused_by(&back), None);
        }
    }
}
