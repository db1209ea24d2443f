//! Orders of operators: who is stopped, who hears of it, and what outlives a restart.

use std::time::Duration;

use super::*;
use crate::{
    AdvertKind, ExplainAsked, Order, OrderError, OrderGiven, Orders, Stop, Supposition,
    policy::{Follow, Policy},
};

fn given(stop: Stop, stands: bool) -> OrderGiven {
    let (by, reason) = ("root".to_owned(), "leak".to_owned());
    OrderGiven { stop, stands, by, reason, lasts: None }
}

fn order(stop: Stop, stands: bool) -> Event {
    Event::Ordered { order: Box::new(given(stop, stands)) }
}

fn pair() -> Stop {
    Stop::pair("us".parse().unwrap(), "eu".parse().unwrap())
}

fn collective() -> Stop {
    Stop::Collective { collective: "mcollective".parse().unwrap() }
}

fn link() -> Stop {
    Stop::Link { with: "us".parse().unwrap() }
}

fn ping(bench: &mut Bench) -> Vec<DropReason> {
    let (subject, payload) = golden("v1-ping.json", 0);
    dropped(&bench.publish(&subject, payload))
}

fn holds(bench: &Bench) -> usize {
    bench.gateway.orders().iter().filter(|view| view.holds).count()
}

fn told(actions: &[Action]) -> Vec<Orders> {
    let orders = actions.iter().filter_map(|action| match action {
        Action::Originate { draft } => match &draft.content {
            AdvertContent::Orders(orders) => Some(orders.clone()),
            _ => None,
        },
        _ => None,
    });
    orders.collect()
}

fn advert_of(gateway: &str, region: &str, stop: Stop) -> Event {
    let order = Order {
        stop,
        stands: true,
        by: "ops at us-1".to_owned(),
        reason: "leak".to_owned(),
        made: at(0).unix,
        until: at(100).unix,
    };
    let content = AdvertContent::Orders(Orders { orders: vec![order] });
    let adverts = vec![advert(gateway, region, content)];
    Event::FromPeer { link: LINK, message: Control::Adverts { adverts, answered: false } }
}

#[test]
fn a_halt_stops_requests_both_ways_at_once_and_is_lifted() {
    let caller = Stop::Caller { caller: "choria=*.mcollective".parse().unwrap() };
    for stop in [collective(), caller, pair()] {
        let mut bench = Bench::new();
        let actions = bench.handle(order(stop.clone(), true));
        let orders = told(&actions);
        assert_eq!((&orders[0].orders[0].stop, &*orders[0].orders[0].by), (&stop, "root at eu-1"));
        assert!(actions.iter().any(|one| matches!(one, Action::Alarm { raised: true, .. })));
        assert_eq!(ping(&mut bench), [DropReason::Halted], "{stop}");
        let frame = request_frame(0, broadcast(), None);
        assert_eq!(dropped(&bench.frame(0, frame)), [DropReason::Halted], "{stop}");
        let actions = bench.handle(order(stop.clone(), false));
        assert!(actions.iter().any(|one| matches!(one, Action::Alarm { raised: false, .. })));
        assert!(ping(&mut bench).is_empty(), "{stop}");
        assert_eq!((bench.sent.len(), holds(&bench)), (1, 0));
    }
}

#[test]
fn replies_to_what_was_let_through_go_back_through_a_halt() {
    let mut bench = Bench::new();
    let request = bench.frame(0, request_frame(0, broadcast(), None));
    let request = Transport::decode(published(&request)[0].1.clone()).unwrap();
    bench.handle(order(pair(), true));
    bench.handle(order(collective(), true));
    let (_, reply) = golden("v1-ping.json", 1);
    let answer = Transport::decode(reply).unwrap().edit().federation(request.federation()).finish();
    assert!(dropped(&bench.publish(REPLY_SUBJECT, answer)).is_empty());
    assert_eq!(bench.sent.len(), 1);
    let mut back = reply_frame("us", "eu", 7);
    let Body::Reply(body) = &mut back.end.body else { panic!() };
    body.payload = golden("v1-ping.json", 1).1;
    assert_eq!(published(&bench.frame(1, back)).len(), 1);
}

#[test]
fn a_halt_of_another_region_is_followed_as_the_policy_says() {
    let mut bench = Bench::new();
    bench.handle(advert_of("us-1", "us", collective()));
    assert_eq!(ping(&mut bench), [DropReason::Halted]);
    let follow_halts = Follow::Regions([].into());
    let policy = Box::new(Policy { follow_halts, ..Policy::default() });
    bench.handle(Event::PolicyApplied { policy });
    assert!(ping(&mut bench).is_empty());
    let views = bench.gateway.snapshot(at(0)).orders;
    assert_eq!(views.len(), 1);
    assert!(!views[0].followed && !views[0].holds && views[0].order.stands);
}

#[test]
fn another_policy_is_supposed_with_the_halts_that_it_follows() {
    let mut bench = Bench::new();
    bench.handle(advert_of("us-1", "us", collective()));
    let refused = |bench: &Bench, follow_halts| {
        let policy = Box::new(Policy { follow_halts, ..Policy::default() });
        let asked = ExplainAsked {
            subject: "mcollective.broadcast.agent.discovery".to_owned(),
            what_if: vec![Supposition::Policy { policy }],
            ..Default::default()
        };
        bench.gateway.explain(&asked, at(0)).unwrap().refused
    };
    assert_eq!(refused(&bench, Follow::Any), Some(DropReason::Halted));
    assert_eq!(refused(&bench, Follow::Regions([].into())), None);
    assert_eq!(ping(&mut bench), [DropReason::Halted], "it was only supposed");
}

#[test]
fn our_operator_may_lift_what_another_region_halted() {
    let mut bench = Bench::new();
    bench.handle(advert_of("us-1", "us", collective()));
    let orders = told(&bench.handle(order(collective(), false)));
    assert!(!orders[0].orders[0].stands);
    assert!(ping(&mut bench).is_empty());
    assert!(matches!(
        bench.gateway.may_order(&given(collective(), false)),
        Err(OrderError::NothingHolds(_))
    ));
}

#[test]
fn what_waits_for_a_route_is_halted_too_and_the_account_closes() {
    let mut bench = Bench::new();
    bench.handle(Event::LinkDown { link: LINK, reason: "cut".to_owned() });
    assert!(ping(&mut bench).is_empty());
    assert_eq!(dropped(&bench.handle(order(collective(), true))), [DropReason::Halted]);
    assert!(bench.gateway.account.tallies().values().all(|tally| tally.pending() == 0));
}

#[test]
fn a_halt_ends_when_its_time_is_over() {
    let mut bench = Bench::new();
    let lasts = Some(Duration::from_secs(2));
    bench.handle(Event::Ordered { order: Box::new(OrderGiven { lasts, ..given(pair(), true) }) });
    bench.wait(1);
    assert_eq!(ping(&mut bench), [DropReason::Halted]);
    assert!(bench.gateway.next_deadline().unwrap() <= at(2).mono);
    let actions = bench.wait(1);
    assert_eq!(told(&actions), [Orders::default()], "nothing is ordered any more");
    assert!(ping(&mut bench).is_empty());
}

#[test]
fn an_order_outlives_the_gateway_that_took_it() {
    let mut bench = Bench::new();
    // What it told in an earlier life comes back from a peer.
    let Event::FromPeer { link, message: Control::Adverts { mut adverts, answered } } =
        advert_of("eu-1", "eu", collective())
    else {
        panic!()
    };
    adverts[0].draft.stamp.incarnation = Incarnation(0);
    let message = Control::Adverts { adverts, answered };
    let actions = bench.handle(Event::FromPeer { link, message });
    assert_eq!(told(&actions).len(), 1, "it is told again");
    assert_eq!(ping(&mut bench), [DropReason::Halted]);
    assert!(bench.gateway.database.stamp(&"eu-1".parse().unwrap(), AdvertKind::Orders).is_some());
}

#[test]
fn a_link_that_is_ordered_down_stays_up_and_carries_nothing() {
    let mut bench = Bench::new();
    let actions = bench.handle(order(link(), true));
    assert!(!actions.iter().any(|action| matches!(action, Action::CloseLink { .. })));
    assert!(ping(&mut bench).is_empty(), "it waits for another way");
    assert!(bench.sent.is_empty());
    let view = bench.gateway.snapshot(at(0));
    assert_eq!((view.links[0].state.as_str(), view.links[0].held_down), ("up", true));
    bench.wait(1);
    let (_, said) = bench.gateway.database.topology(&"eu-1".parse().unwrap()).unwrap();
    assert!(said.adjacencies.is_empty(), "and is no adjacency");
    let arrived = bench.frame(0, request_frame(0, broadcast(), None));
    assert_eq!(published(&arrived).len(), 1, "what is under way still arrives");
    bench.handle(order(link(), false));
    assert_eq!(bench.sent.len(), 1, "and goes when the link may be used again");
}

#[test]
fn what_the_other_end_holds_down_it_alone_lifts() {
    let mut bench = Bench::new();
    let theirs = Stop::Link { with: "eu".parse().unwrap() };
    bench.handle(advert_of("us-1", "us", theirs));
    let view = bench.gateway.snapshot(at(0));
    assert!(view.links[0].held_down);
    let text = serde_json::to_string(&view.orders).unwrap();
    assert_eq!(serde_json::from_str::<Vec<crate::OrderView>>(&text).unwrap(), view.orders);
    let lift = given(link(), false);
    let refused = bench.gateway.may_order(&lift);
    assert_eq!(refused, Err(OrderError::TheirsToLift(link(), "us".parse().unwrap())));
    let own = Stop::Link { with: "eu".parse().unwrap() };
    let refused = bench.gateway.may_order(&given(own, true));
    assert_eq!(refused, Err(OrderError::SameRegion("eu".parse().unwrap())));
}
