//! One CA after another: every order in which two regions can take the steps.

use antiphon_identity::tls::{link_client_config, link_server_config};
use antiphon_identity::{CommonName, Credentials};

use crate::handshake::handshake;
use crate::pki::{Authority, Subject, names};

/// What an operator does in one region, one after the other: trust both CAs, move to a certificate
/// of the new one, trust the new one alone.
const STEPS: usize = 3;

/// The certificates of a region at each step, the beginning first.
fn region(uri: &str, old: &Authority, new: &Authority) -> Vec<Credentials> {
    let subject = || Subject::uri(uri);
    let stages = [
        old.issue_with(&subject(), &[], &[old]),
        old.issue_with(&subject(), &[], &[old, new]),
        new.issue_with(&subject(), &[], &[old, new]),
        new.issue_with(&subject(), &[], &[new]),
    ];
    stages.iter().map(crate::pki::Issued::credentials).collect()
}

/// Both ways, since either region may dial.
fn linked(eu: &Credentials, us: &Credentials) -> bool {
    let names = names(CommonName::Ignored);
    [(eu, us), (us, eu)].into_iter().all(|(client, server)| {
        let client = link_client_config(client, &names);
        handshake(client, link_server_config(server, &names), "x.example.net").succeeded()
    })
}

/// All ways to interleave the steps of two regions, as the steps that each has taken.
fn orders(eu: usize, us: usize) -> Vec<Vec<(usize, usize)>> {
    if (eu, us) == (STEPS, STEPS) {
        return vec![vec![(eu, us)]];
    }
    let more = [(eu + 1, us), (eu, us + 1)].into_iter().filter(|(eu, us)| *eu.max(us) <= STEPS);
    let rest = more.flat_map(|(eu, us)| orders(eu, us));
    rest.map(|rest| std::iter::once((eu, us)).chain(rest).collect()).collect()
}

#[test]
fn regions_stay_linked_in_every_order_that_waits_for_the_other_where_it_must() {
    let (old, new) = (Authority::new("old CA"), Authority::new("new CA"));
    let eu = region("antiphon://acme/eu/eu-1", &old, &new);
    let us = region("antiphon://acme/us/us-1", &old, &new);
    let orders = orders(0, 0);
    assert_eq!(orders.len(), 20);
    let mut kept = 0;
    for order in &orders {
        // A certificate of the new CA only once both trust it; the old CA goes only once both moved.
        let waits = order.iter().all(|(eu, us)| eu.abs_diff(*us) <= 1);
        for (at_eu, at_us) in order {
            let good = linked(&eu[*at_eu], &us[*at_us]);
            assert_eq!(good, at_eu.abs_diff(*at_us) <= 1, "eu at {at_eu}, us at {at_us}");
            assert!(good || !waits);
        }
        kept += usize::from(waits);
    }
    assert_eq!(kept, 8, "orders that never part the regions");
}

/// How many steps each of three regions has taken.
type State = [usize; 3];

/// Whether two regions that have taken so many steps can be linked, by real handshakes both ways.
struct Handshakes(std::collections::BTreeMap<(usize, usize, usize, usize), bool>);

impl Handshakes {
    fn of(regions: &[Vec<Credentials>; 3]) -> Self {
        let mut known = std::collections::BTreeMap::new();
        for (one, other) in [(0, 1), (0, 2), (1, 2)] {
            for (at, there) in (0..=STEPS).flat_map(|at| (0..=STEPS).map(move |there| (at, there)))
            {
                known.insert(
                    (one, at, other, there),
                    linked(&regions[one][at], &regions[other][there]),
                );
            }
        }
        Self(known)
    }

    fn all(&self, state: State) -> bool {
        [(0, 1), (0, 2), (1, 2)]
            .into_iter()
            .all(|(one, other)| self.0[&(one, state[one], other, state[other])])
    }
}

/// Every order from `state` to the end: how many there are, and how many keep all links at each step.
fn count(state: State, handshakes: &Handshakes) -> (u64, u64) {
    let good = handshakes.all(state);
    let spread = state.iter().max().unwrap() - state.iter().min().unwrap();
    assert_eq!(good, spread <= 1, "{state:?}");
    if state == [STEPS; 3] {
        return (1, u64::from(good));
    }
    let mut sum = (0, 0);
    for region in (0..3).filter(|region| state[*region] < STEPS) {
        let mut next = state;
        next[region] += 1;
        let (all, kept) = count(next, handshakes);
        sum = (sum.0 + all, sum.1 + kept * u64::from(good));
    }
    sum
}

#[test]
fn three_regions_stay_linked_in_every_order_in_which_none_is_two_steps_ahead() {
    let (old, new) = (Authority::new("old CA"), Authority::new("new CA"));
    let regions = ["eu/eu-1", "us/us-1", "ap/ap-1"]
        .map(|name| region(&format!("antiphon://acme/{name}"), &old, &new));
    let (orders, kept) = count([0; 3], &Handshakes::of(&regions));
    // Each of the three steps in any order of the regions: 3! * 3! * 3!.
    assert_eq!((orders, kept), (1680, 216));
}
