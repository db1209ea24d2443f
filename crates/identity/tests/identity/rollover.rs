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
