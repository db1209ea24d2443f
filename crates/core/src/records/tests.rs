use super::*;
use crate::{Outcome, testing::at};

fn records(records: usize, bytes: usize) -> Records {
    Records::new(Bounds { records, bytes, memory: Duration::from_secs(60) })
}

fn us() -> RegionId {
    "us".parse().unwrap()
}

fn ids(records: &Records, now: u64) -> Vec<String> {
    let wanted = RequestsAsked { request: None, after: 0, limit: 100 };
    let views = records.views(&wanted, at(now).mono).requests;
    views.into_iter().map(|one| one.request).collect()
}

#[test]
fn units_are_created_and_end_in_the_record_as_in_the_account() {
    let mut records = records(10, 1 << 20);
    let id = records.answered("a", at(0));
    records.created(id, Way::Reply(&us()), 3);
    let moved = Moved { count: 2, cleared: 0, outcome: Outcome::Delivered };
    records.ended(id, Way::Reply(&us()), moved);
    let wanted = RequestsAsked { request: Some("a".to_owned()), after: 0, limit: 1 };
    let view = records.views(&wanted, at(0).mono);
    let way = &view.requests[0].answered[0];
    assert_eq!((way.tally.created, way.tally.delivered, way.pending), (3, 2, 1));
    let nothing_new = RequestsAsked { after: view.version, ..wanted };
    assert!(records.views(&nothing_new, at(0).mono).requests.is_empty());
}

/// Two records with an entry of a list each.
const BOUND: usize = 2 * (RECORD_BYTES + WAY_BYTES) + 10;

#[test]
fn the_oldest_goes_when_there_are_too_many_or_they_take_too_much() {
    let mut records = records(3, BOUND);
    for request in ["a", "b", "c", "d"] {
        records.refused(request, DropReason::NoRegion, at(0));
    }
    assert_eq!(ids(&records, 0), ["d", "c"], "each takes a record and a list's entry");
    records.returned("b", &us(), Ok(()), at(1));
    assert_eq!(ids(&records, 1), ["b", "d"], "what was forgotten begins anew");
    assert!(records.bytes <= BOUND);
    assert_eq!(records.by_request.len(), records.records.len());
}

#[test]
fn a_record_is_forgotten_in_time_and_its_units_change_nothing_then() {
    let mut records = records(10, 1 << 20);
    let id = records.answered("a", at(0));
    records.answered("b", at(30));
    assert_eq!(ids(&records, 60), ["b"], "not shown even before it goes");
    records.expire(at(60).mono);
    records.created(id, Way::Reply(&us()), 1);
    assert_eq!(ids(&records, 60), ["b"]);
    assert_eq!(records.answered("b", at(61)), records.answered("b", at(62)));
    records.expire(at(200).mono);
    assert_eq!((records.bytes, records.by_request.len()), (0, 0));
}
