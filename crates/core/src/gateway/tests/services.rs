//! Requests to service agents run on one node of the fabric at most.

use super::{
    hinted::{bench, hear, hints_of},
    *,
};
use crate::{Interest, InterestAnswer, QuestionId, ServicePolicy};

const SUBJECT: &str = "mcollective.broadcast.service.discovery";

/// A request for the service, as its client publishes it.
fn request(bench: &mut Bench) -> Vec<Action> {
    let (_, payload) = golden("v1-ping.json", 0);
    bench.publish(SUBJECT, payload)
}

fn question(actions: &[Action]) -> Option<QuestionId> {
    actions.iter().find_map(|action| match action {
        Action::AskInterest { question, subject } if subject == SUBJECT => Some(*question),
        _ => None,
    })
}

fn answer(bench: &mut Bench, question: QuestionId, interest: Interest) -> Vec<DropReason> {
    let answer = InterestAnswer { question, interest };
    dropped(&bench.handle(Event::InterestAnswered(answer)))
}

/// Both other regions have the service; `us` is nearer.
fn offered() -> Bench {
    let mut bench = bench();
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &[], &["discovery"]));
    hear(&mut bench, hints_of(("ap-1", "ap"), 2, true, &[], &["discovery"]));
    bench
}

fn sent(bench: &Bench) -> Vec<&str> {
    bench.sent.iter().map(|frame| frame.end.to.as_str()).collect()
}

#[test]
fn it_goes_to_the_nearest_region_when_no_local_service_took_it() {
    let mut bench = offered();
    let asked = question(&request(&mut bench)).expect("the brokers are asked");
    assert!(sent(&bench).is_empty(), "nothing leaves before they answer");
    assert!(question(&request(&mut bench)).is_none(), "one question for both");
    assert_eq!(answer(&mut bench, asked, Interest::Absent), []);
    assert_eq!(sent(&bench), ["us", "us"], "each to one region");
    assert!(question(&request(&mut bench)).is_none(), "it is known for a second");
    assert_eq!(sent(&bench).len(), 3);
    bench.wait(1);
    assert!(question(&request(&mut bench)).is_some(), "and asked again after it");
}

#[test]
fn it_stays_when_a_local_service_took_it_or_may_have() {
    for (interest, reason) in [
        (Interest::Present, DropReason::ServiceLocal),
        (Interest::Unknown, DropReason::ServiceInterestUnknown),
    ] {
        let mut bench = offered();
        let asked = question(&request(&mut bench)).unwrap();
        assert_eq!(answer(&mut bench, asked, interest), [reason]);
        assert!(sent(&bench).is_empty());
    }
}

#[test]
fn brokers_that_do_not_answer_within_a_second_cost_the_request() {
    let mut bench = offered();
    let asked = question(&request(&mut bench)).unwrap();
    assert_eq!(dropped(&bench.wait(1)), [DropReason::ServiceInterestUnknown]);
    assert_eq!(answer(&mut bench, asked, Interest::Absent), [], "too late");
    assert!(sent(&bench).is_empty());
}

#[test]
fn a_drain_waits_for_what_the_brokers_are_asked() {
    let mut bench = offered();
    let asked = question(&request(&mut bench)).unwrap();
    let leaving = bench.handle(Event::Drain { grace: Duration::from_secs(20) });
    unsubscribed(&mut bench, &leaving);
    let last = Control::LastFrame { epoch: THEIR_EPOCH, next: 0 };
    let actions = bench.handle(Event::FromPeer { link: LINK, message: last });
    assert!(!actions.contains(&Action::Stop), "a request is held");
    assert_eq!(answer(&mut bench, asked, Interest::Absent), []);
    assert_eq!(sent(&bench), ["us"]);
}

#[test]
fn nobody_is_asked_who_is_not_known_to_have_it() {
    let mut bench = bench();
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &[], &["other"]));
    let asked = question(&request(&mut bench)).unwrap();
    assert_eq!(answer(&mut bench, asked, Interest::Absent), [DropReason::ServiceNowhere]);
}

#[test]
fn an_operator_decides_where_brokers_cannot_be_asked() {
    for (policy, reasons, regions) in [
        (ServicePolicy::Never, vec![DropReason::ServiceStays], vec![]),
        (ServicePolicy::Always, vec![], vec!["us"]),
    ] {
        let mut bench = offered();
        bench.gateway.config.hints.services = policy;
        let actions = request(&mut bench);
        assert!(question(&actions).is_none());
        assert_eq!(dropped(&actions), reasons);
        assert_eq!(sent(&bench), regions);
    }
}
