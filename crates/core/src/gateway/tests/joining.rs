//! When a gateway says that it is in its region's queue groups.

use super::*;

/// `eu-1`, just started, with a broker that has not read anything yet.
fn linked_with(gateway: &str, region: &str, tells: Vec<Advert>) -> (Bench, Vec<Action>) {
    let mut bench = Bench::unlinked(config("eu", "eu-1"));
    let actions = bench.greet(gateway, region, tells);
    (bench, actions)
}

fn joins(actions: &[Action]) -> bool {
    actions.iter().any(|one| matches!(one, Action::Subscribe { group: Some(_), .. }))
}

#[test]
fn it_is_ready_when_the_broker_has_read_its_subscriptions_and_not_before() {
    let tells = vec![topology_of("us-1", "us", "eu-1"), offer_of("us-1", "us")];
    let (mut bench, actions) = linked_with("us-1", "us", tells);
    assert!(joins(&actions));
    assert!(!bench.gateway.is_ready(), "a sibling may leave when we say that we are in");
    assert_eq!(bench.gateway.state, GatewayState::Starting);
    let actions = bench.pass(&actions);
    assert!(actions.contains(&Action::Ready { ready: true }), "{actions:?}");
    assert_eq!(bench.gateway.state, GatewayState::Active);
}

#[test]
fn a_broker_that_goes_meanwhile_has_read_nothing() {
    let tells = vec![topology_of("us-1", "us", "eu-1"), offer_of("us-1", "us")];
    let (mut bench, before) = linked_with("us-1", "us", tells);
    bench.handle(Event::BrokerDown);
    let again = bench.handle(Event::BrokerUp(broker()));
    assert!(joins(&again));
    bench.pass(&before);
    assert!(!bench.gateway.is_ready());
    bench.pass(&again);
    assert!(bench.gateway.is_ready());
}

#[test]
fn a_link_with_a_sibling_alone_does_not_make_it_ready_where_there_are_other_regions() {
    let sibling = || topology_of("eu-2", "eu", "eu-1");
    let (_, actions) = linked_with("eu-2", "eu", vec![sibling()]);
    assert!(joins(&actions), "there is nobody else");
    let tells = vec![sibling(), topology_of("us-1", "us", "eu-2"), offer_of("us-1", "us")];
    let (mut bench, actions) = linked_with("eu-2", "eu", tells);
    assert!(!joins(&actions), "what it took would be lost if the sibling left next");
    for _ in 0..9 {
        assert!(!joins(&bench.wait(1)));
    }
    let actions = bench.wait(1);
    assert!(joins(&actions), "perhaps it never gets a link of its own");
}
