//! The policy at both ends and in between, and what waits for a signature.

use super::*;
use crate::{
    FromBroker, TicketId,
    policy::{Direction, Effect, Pattern, Policy, Proof, Rate, Rule},
};

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

fn deny(name: &str) -> Rule {
    Rule { name: name.to_owned(), effect: Effect::Deny, ..Rule::default() }
}

fn callers(name: &str) -> Rule {
    Rule { callers: vec![pattern("choria=*")], effect: Effect::Allow, ..deny(name) }
}

fn apply(bench: &mut Bench, policy: Policy) {
    bench.handle(Event::PolicyApplied { policy: Box::new(policy) });
}

fn ordered(actions: &[Action]) -> Vec<TicketId> {
    let tickets = actions.iter().filter_map(|action| match action {
        Action::Verify { ticket, .. } => Some(*ticket),
        _ => None,
    });
    tickets.collect()
}

fn ping(bench: &mut Bench) -> Vec<Action> {
    let (subject, payload) = golden("v1-ping.json", 0);
    bench.publish(&subject, payload)
}

fn hits(bench: &Bench) -> Vec<(Direction, Option<String>, u64)> {
    let view = bench.gateway.snapshot(at(bench.seconds)).policy;
    view.hits.into_iter().map(|hit| (hit.direction, hit.rule, hit.count)).collect()
}

#[test]
fn what_no_export_rule_lets_out_is_refused_before_it_is_a_unit() {
    let mut bench = Bench::new();
    let mut policy = Policy::default();
    policy.export.rules = vec![Rule { agents: vec![pattern("disco*")], ..deny("no-discovery") }];
    apply(&mut bench, policy);
    assert_eq!(dropped(&ping(&mut bench)), [DropReason::PolicyExport]);
    assert_eq!(bench.created().created, 0);
    assert_eq!(hits(&bench), [(Direction::Export, Some("no-discovery".to_owned()), 1)]);
    apply(&mut bench, Policy::default());
    assert!(dropped(&ping(&mut bench)).is_empty());
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(hits(&bench), [(Direction::Export, None, 1)], "a rule's count goes with it");
}

#[test]
fn what_no_accept_rule_lets_in_is_dropped_and_its_creator_told() {
    let mut bench = Bench::new();
    let mut policy = Policy::default();
    policy.accept.otherwise = Effect::Deny;
    let ap = ["ap".parse().unwrap()].into();
    policy.accept.rules = vec![Rule { from: ap, effect: Effect::Allow, ..deny("ap") }];
    apply(&mut bench, policy);
    let actions = bench.frame(0, request_frame(9, broadcast(), None));
    assert_eq!(dropped(&actions), [DropReason::PolicyAccept]);
    assert!(published(&actions).is_empty());
    let receipts = bench.wait(1).into_iter().find_map(|action| match action {
        Action::Control { message: Control::Receipts(receipts), .. } => Some(receipts.receipts),
        _ => None,
    });
    let outcome = Outcome::Dropped(DropReason::PolicyAccept);
    assert_eq!(receipts.unwrap(), [Receipt { unit: UnitId(9), count: 1, outcome }]);
}

#[test]
fn a_reply_belongs_to_its_request_and_is_not_asked_about() {
    let mut bench = Bench::new();
    let mut policy = Policy::default();
    policy.export.otherwise = Effect::Deny;
    policy.accept.otherwise = Effect::Deny;
    policy.transit.otherwise = Effect::Deny;
    apply(&mut bench, policy);
    let (_, payload) = golden("v1-ping.json", 1);
    let mut frame = reply_frame("us", "eu", 1);
    let Body::Reply(reply) = &mut frame.end.body else { panic!() };
    reply.payload = Transport::decode(payload).unwrap().edit().federation(None).finish();
    let actions = bench.frame(0, frame);
    assert_eq!(published(&actions).len(), 1, "{actions:?}");
}

#[test]
fn what_no_transit_rule_lets_through_is_dropped_on_the_way() {
    let mut bench = Bench::new();
    let mut policy = Policy::default();
    let to = ["ap".parse().unwrap()].into();
    policy.transit.rules = vec![Rule { to, ..deny("not-to-ap") }];
    apply(&mut bench, policy);
    let mut frame = request_frame(9, broadcast(), None);
    frame.end.to = "ap".parse().unwrap();
    assert_eq!(dropped(&bench.frame(0, frame)), [DropReason::PolicyTransit]);
}

/// What we advertise of the traffic that we carry for others: whether any, whether not all.
fn carried(bench: &Bench) -> (bool, bool) {
    let (_, topology) = bench.gateway.database.topology(&bench.gateway.me.gateway).unwrap();
    (topology.transit, topology.transit_ruled)
}

#[test]
fn a_region_whose_rules_let_nothing_through_advertises_no_transit() {
    let mut bench = Bench::new();
    bench.wait(1);
    assert_eq!(carried(&bench), (true, false));
    let mut policy = Policy::default();
    policy.transit.otherwise = Effect::Deny;
    apply(&mut bench, policy.clone());
    bench.wait(1);
    assert_eq!(carried(&bench), (false, false));
    assert!(!bench.gateway.routes.graph().allows_transit(&"eu".parse().unwrap()));
    let from = ["us".parse().unwrap()].into();
    policy.transit.rules = vec![Rule { from, effect: Effect::Allow, ..deny("us") }];
    apply(&mut bench, policy);
    bench.wait(1);
    assert_eq!(carried(&bench), (true, true));
    apply(&mut bench, Policy::default());
    bench.wait(1);
    assert_eq!(carried(&bench), (true, false));
}

#[test]
fn the_action_decides_where_a_rule_names_actions() {
    let mut policy = Policy::default();
    policy.export.rules = vec![Rule { actions: vec![pattern("*")], ..deny("no-actions") }];
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    assert!(dropped(&ping(&mut bench)).is_empty(), "a discovery ping has no action");
    let (subject, payload) = golden("v1-rpc-directed.json", 0);
    assert_eq!(dropped(&bench.publish(&subject, payload)), [DropReason::PolicyExport]);
}

#[test]
fn a_request_that_a_caller_rule_concerns_waits_for_its_signature() {
    let mut policy = Policy::default();
    policy.export.rules = vec![callers("somebody")];
    policy.export.otherwise = Effect::Deny;
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    let tickets = ordered(&ping(&mut bench));
    assert_eq!(tickets.len(), 1);
    assert!(ordered(&ping(&mut bench)).is_empty(), "a copy waits behind it");
    assert!(bench.sent.is_empty());
    let verified = Event::Verified { ticket: tickets[0], proof: Proof::Verified };
    let actions = bench.handle(verified.clone());
    assert!(ordered(&actions).is_empty(), "the copy has the same bytes");
    assert_eq!(bench.sent.len(), 2);
    assert!(ordered(&ping(&mut bench)).is_empty(), "and so have later ones");
    assert_eq!(bench.sent.len(), 3);
    assert!(bench.handle(verified).is_empty(), "a verdict counts once");
}

#[test]
fn a_request_whose_signature_does_not_hold_goes_nowhere() {
    let mut policy = Policy::default();
    policy.export.rules = vec![callers("somebody")];
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    let ticket = ordered(&ping(&mut bench))[0];
    let actions = bench.handle(Event::Verified { ticket, proof: Proof::Refused });
    assert_eq!(dropped(&actions), [DropReason::CallerUnproved]);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_verdict_that_does_not_come_is_not_waited_for_long() {
    let mut policy = Policy::default();
    policy.export.rules = vec![callers("somebody")];
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    assert_eq!(ordered(&ping(&mut bench)).len(), 1);
    assert_eq!(dropped(&bench.wait(5)), [DropReason::VerifierBusy]);
    assert!(bench.sent.is_empty());
}

#[test]
fn what_arrives_waits_for_its_signature_in_order() {
    let mut policy = Policy::default();
    policy.accept.rules = vec![callers("somebody")];
    policy.accept.otherwise = Effect::Deny;
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    let directed = |name: &str| Target::Directed { identities: vec![name.to_owned()] };
    let actions = bench.frame(0, request_frame(1, directed("n1.us.example.net"), None));
    let tickets = ordered(&actions);
    assert_eq!((tickets.len(), published(&actions).len()), (1, 0));
    let mut behind = request_frame(1, directed("n2.us.example.net"), None);
    behind.end.unit = UnitId(2);
    assert!(published(&bench.frame(1, behind)).is_empty());
    let actions = bench.handle(Event::Verified { ticket: tickets[0], proof: Proof::Verified });
    let subjects: Vec<_> = published(&actions).into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(
        subjects,
        ["mcollective.node.n1.us.example.net", "mcollective.node.n2.us.example.net"]
    );
}

#[test]
fn too_many_that_wait_are_turned_away() {
    let mut policy = Policy::default();
    policy.export.rules = vec![callers("somebody")];
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    let (subject, payload) = golden("v1-ping.json", 0);
    let text = std::str::from_utf8(&payload).unwrap();
    let reply_to = Transport::decode(payload.clone()).unwrap().reply_to().unwrap().to_owned();
    let (stem, _) = reply_to.rsplit_once('.').unwrap();
    let mut refused = Vec::new();
    for number in 0..=crate::gateway::vetting::TICKETS_MAX {
        let other = text.replace(&reply_to, &format!("{stem}.{number:032x}"));
        let message =
            FromBroker { subject: subject.clone(), mark: None, payload: other.into(), more: false };
        refused.extend(dropped(&bench.handle(Event::FromBroker(message))));
    }
    assert_eq!(refused, [DropReason::VerifierBusy]);
}

#[test]
fn a_caller_and_a_region_have_their_rates() {
    let mut policy = Policy::default();
    policy.limits.caller = Some(Rate { per_second: 1, burst: 2 });
    policy.limits.region = Some(Rate { per_second: 1, burst: 1 });
    let mut bench = Bench::new();
    apply(&mut bench, policy);
    let out: Vec<_> = (0..3).map(|_| dropped(&ping(&mut bench))).collect();
    assert_eq!(out, [vec![], vec![], vec![DropReason::RateLimited]]);
    let frame = |unit| request_frame(unit, broadcast(), None);
    assert!(dropped(&bench.frame(0, frame(1))).is_empty());
    assert_eq!(dropped(&bench.frame(1, frame(2))), [DropReason::RateLimited]);
    bench.wait(1);
    assert!(dropped(&ping(&mut bench)).is_empty());
    assert!(dropped(&bench.frame(2, frame(3))).is_empty());
}

#[test]
fn a_new_policy_can_be_tried_on_what_passed_lately() {
    let mut bench = Bench::new();
    ping(&mut bench);
    bench.frame(0, request_frame(1, broadcast(), None));
    let mut policy = Policy::default();
    policy.accept.rules = vec![Rule { agents: vec![pattern("discovery")], ..deny("quiet") }];
    let trial = bench.gateway.try_policy(&policy, at(1));
    assert_eq!((trial.requests, trial.others), (2, 0));
    let [change] = trial.changes.as_slice() else { panic!("{trial:?}") };
    assert_eq!((change.direction, change.count), (Direction::Accept, 1));
    assert_eq!(change.caller, "choria=alice.mcollective");
    assert_eq!(change.after.rule.as_deref(), Some("quiet"));
    assert!(dropped(&ping(&mut bench)).is_empty(), "nothing has changed");
}
