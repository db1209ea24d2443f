use super::*;

fn region(name: &str) -> RegionId {
    name.parse().unwrap()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn order(stands: bool, made: u64) -> Order {
    Order {
        stop: Stop::pair(region("us"), region("eu")),
        stands,
        by: "ops".to_owned(),
        reason: "leak".to_owned(),
        made: at(made),
        until: at(1000),
    }
}

/// Whether everything between eu and us is stopped at a gateway of eu.
fn stopped(book: &mut Book, follow: &Follow, seconds: u64) -> bool {
    book.review(&region("eu"), follow, at(seconds));
    book.in_force().stops_pair(&region("eu"), &region("us")).is_some()
}

#[test]
fn the_newest_halt_or_resumption_holds_whoever_gave_it() {
    let mut book = Book::default();
    assert!(book.take(order(true, 10), &region("us"), at(10)));
    assert!(!book.take(order(false, 9), &region("us"), at(10)), "older");
    assert!(stopped(&mut book, &Follow::Any, 10));
    assert!(book.take(order(false, 11), &region("ap"), at(11)));
    assert!(!stopped(&mut book, &Follow::Any, 11));
    let us = Follow::Regions([region("us")].into());
    assert!(stopped(&mut book, &us, 11), "ap is not followed");
    assert_eq!(book.next_time(&order(true, 0).stop, at(5)), at(11) + Duration::from_micros(1));
}

#[test]
fn who_is_not_followed_stops_nothing_but_is_seen() {
    let mut book = Book::default();
    book.take(order(true, 10), &region("us"), at(10));
    let nobody = Follow::Regions([].into());
    assert!(!stopped(&mut book, &nobody, 10));
    let [view] = book.views(&region("eu"), &nobody).try_into().unwrap();
    assert!(!view.followed && !view.holds && view.order.stands);
    assert!(book.views(&region("us"), &nobody)[0].holds, "our own region always is");
}

#[test]
fn an_order_ends_by_itself_and_does_not_come_back() {
    let mut book = Book::default();
    let short = Order { until: at(20), ..order(true, 10) };
    book.take(short.clone(), &region("eu"), at(10));
    assert!(stopped(&mut book, &Follow::Any, 19));
    assert_eq!(book.ends(), Some(at(20)));
    assert!(!stopped(&mut book, &Follow::Any, 20));
    assert_eq!(book.ends(), None);
    assert!(!book.take(short, &region("eu"), at(21)));
}

#[test]
fn no_order_lasts_longer_than_it_may_or_comes_from_the_future() {
    let mut book = Book::default();
    let endless = Order { until: Duration::MAX, ..order(true, 10) };
    assert!(book.take(endless, &region("us"), at(10)));
    stopped(&mut book, &Follow::Any, 10);
    assert_eq!(book.ends(), Some(at(10) + ORDER_LASTS_MAX));
    let later = Order { made: at(11) + AHEAD_MAX, until: Duration::MAX, ..order(false, 0) };
    assert!(!book.take(later, &region("us"), at(10)));
}

#[test]
fn there_is_room_for_so_many_orders_of_a_region() {
    let mut book = Book::default();
    let last = ORDERS_MAX as u64 + 1;
    for number in 0..=last {
        let caller = format!("choria=c{number}").parse().unwrap();
        let one = Order { stop: Stop::Caller { caller }, ..order(number != 5, number + 1) };
        assert!(book.take(one, &region("eu"), at(1)));
    }
    assert_eq!(book.of_region(&region("eu")).count(), ORDERS_MAX);
    book.review(&region("eu"), &Follow::Any, at(1));
    assert!(
        book.in_force().stops_caller("choria=c0").is_none(),
        "what was lifted went, then the oldest"
    );
    assert!(book.in_force().stops_caller("choria=c1").is_some());
    assert!(book.in_force().stops_caller(&format!("choria=c{last}")).is_some());
}

#[test]
fn links_are_held_down_by_either_end_and_by_nobody_else() {
    let link =
        |to: &str, made| Order { stop: Stop::Link { with: region(to) }, ..order(true, made) };
    let mut book = Book::default();
    book.take(link("us", 1), &region("ap"), at(1));
    book.review(&region("eu"), &Follow::Any, at(1));
    assert!(
        !book.in_force().bars(&region("us")) && !book.in_force().bars(&region("ap")),
        "not ours"
    );
    book.take(link("eu", 1), &region("us"), at(1));
    book.take(link("us", 2), &region("eu"), at(2));
    let nobody = Follow::Regions([].into());
    book.review(&region("eu"), &nobody, at(2));
    assert!(book.in_force().bars(&region("us")));
    book.take(Order { stands: false, ..link("us", 3) }, &region("eu"), at(3));
    book.review(&region("eu"), &nobody, at(3));
    assert!(book.in_force().bars(&region("us")), "the other end has not lifted it");
    let ours = Stop::Link { with: region("us") };
    assert_eq!(book.holding(&ours, &region("eu")), Some(&region("us")));
}
