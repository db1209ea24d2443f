//! Identities that two regions have.

use super::{
    hinted::{bench, hear, hints_of, reading},
    *,
};
use crate::{Called, IdentityHash, RollCall};

/// What us-1 is asked, or answered.
fn calls(actions: &[Action]) -> Vec<RollCall> {
    let call = |action: &Action| match action {
        Action::Control {
            message: Control::RollCall(call) | Control::RollAnswer(call), ..
        } => Some(call.clone()),
        _ => None,
    };
    actions.iter().filter_map(call).collect()
}

fn alarms(actions: &[Action]) -> Vec<(String, String, bool)> {
    let alarm = |action: &Action| match action {
        Action::Alarm { alarm: Alarm::IdentityInTwoRegions { identity, region }, raised } => {
            Some((identity.clone(), region.to_string(), *raised))
        }
        _ => None,
    };
    actions.iter().filter_map(alarm).collect()
}

fn standing(bench: &Bench) -> Vec<String> {
    let name = |alarm: &Alarm| match alarm {
        Alarm::IdentityInTwoRegions { identity, .. } => Some(identity.clone()),
        _ => None,
    };
    bench.gateway.alarms.iter().filter_map(name).collect()
}

fn call(nodes: &[(&str, bool)], named: bool) -> RollCall {
    let called = |(name, held): &(&str, bool)| Called {
        identity: IdentityHash::of(name),
        name: if named { (*name).to_owned() } else { String::new() },
        held: *held,
    };
    RollCall {
        from: "us-1".parse().unwrap(),
        to: "eu-1".parse().unwrap(),
        limit: 8,
        collective: "mcollective".parse().unwrap(),
        nodes: nodes.iter().map(called).collect(),
    }
}

fn told(bench: &mut Bench, message: Control) -> Vec<Action> {
    bench.handle(Event::FromPeer { link: LINK, message })
}

fn answered(bench: &mut Bench, nodes: &[(&str, bool)], named: bool) -> Vec<Action> {
    told(bench, Control::RollAnswer(call(nodes, named)))
}

/// eu-1 has read `n1`; us says that it has the same, or something that looks like it.
fn suspicious() -> Bench {
    let mut bench = bench();
    bench.handle(reading(true, &["n1", "n2.eu"]));
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n1", "n2.us"], &[]));
    bench
}

fn asked(bench: &mut Bench) -> RollCall {
    let mut calls = calls(&(0..3).flat_map(|_| bench.wait(1)).collect::<Vec<_>>());
    assert_eq!(calls.len(), 1, "{calls:?}");
    calls.remove(0)
}

#[test]
fn what_a_filter_of_another_region_holds_is_asked_about() {
    let mut bench = suspicious();
    let asked = asked(&mut bench);
    assert_eq!((asked.from.as_str(), asked.to.as_str()), ("eu-1", "us-1"));
    let n1 = Called { identity: IdentityHash::of("n1"), name: String::new(), held: true };
    assert_eq!(asked.nodes, [n1]);
    assert_eq!(alarms(&answered(&mut bench, &[("n1", false)], false)), [], "the filter erred");
    assert_eq!(standing(&bench), [""; 0]);
}

#[test]
fn a_confirmed_twin_is_named_by_reading_again_and_raises_the_alarm() {
    let mut bench = suspicious();
    asked(&mut bench);
    assert_eq!(alarms(&answered(&mut bench, &[("n1", true)], false)), [], "it has no name yet");
    let wanted = (0..6).flat_map(|_| bench.wait(1)).find_map(|action| match action {
        Action::ReadInterest { names, .. } => Some(names),
        _ => None,
    });
    assert_eq!(wanted, Some([IdentityHash::of("n1")].into()));
    let Event::InterestRead(mut read) = reading(true, &["n1", "n2.eu"]) else { panic!() };
    read.names = vec!["n1".to_owned()];
    let raised = alarms(&bench.handle(Event::InterestRead(read)));
    assert_eq!(raised, [("n1".to_owned(), "us".to_owned(), true)]);
}

#[test]
fn a_twin_that_nobody_can_name_is_told_by_its_hash() {
    let mut bench = suspicious();
    asked(&mut bench);
    answered(&mut bench, &[("n1", true)], false);
    let raised: Vec<_> = (0..31).flat_map(|_| alarms(&bench.wait(1))).collect();
    let hash = format!("#{:016x}", IdentityHash::of("n1").0);
    assert_eq!(raised, [(hash.clone(), "us".to_owned(), true)]);
    let named = answered(&mut bench, &[("n1", true)], true);
    assert_eq!(alarms(&named).last().unwrap(), &("n1".to_owned(), "us".to_owned(), true));
    assert_eq!(standing(&bench), ["n1"]);
}

#[test]
fn a_node_that_starts_where_another_has_its_name_is_found_at_once() {
    let mut bench = bench();
    bench.handle(reading(true, &[]));
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &["n5.example.net"], &[]));
    let (subject, startup) = golden("lifecycle-and-registration.json", 0);
    let asked = calls(&bench.publish(&subject, startup));
    assert_eq!(asked[0].nodes[0].name, "n5.example.net");
    let raised = alarms(&answered(&mut bench, &[("n5.example.net", true)], true));
    assert_eq!(raised, [("n5.example.net".to_owned(), "us".to_owned(), true)]);
}

#[test]
fn who_is_asked_says_exactly_what_it_has_and_knows_too() {
    let mut bench = bench();
    bench.handle(reading(true, &["n1", "n2.eu"]));
    let question = Control::RollCall(call(&[("n1", true), ("n9", true)], true));
    let actions = told(&mut bench, question);
    let answer = calls(&actions);
    let held: Vec<bool> = answer[0].nodes.iter().map(|one| one.held).collect();
    assert_eq!((answer[0].to.as_str(), held), ("us-1", vec![true, false]));
    assert_eq!(alarms(&actions), [("n1".to_owned(), "us".to_owned(), true)]);
}

#[test]
fn it_is_asked_again_and_over_when_either_side_has_it_no_longer() {
    for theirs in [true, false] {
        let mut bench = suspicious();
        asked(&mut bench);
        answered(&mut bench, &[("n1", true)], true);
        assert_eq!(standing(&bench), ["n1"]);
        let again: Vec<_> = (0..61).flat_map(|_| calls(&bench.wait(1))).collect();
        assert!(again.iter().any(|call| call.nodes[0].name == "n1"), "{again:?}");
        let actions = match theirs {
            true => answered(&mut bench, &[("n1", false)], true),
            false => {
                (0..60).for_each(|_| drop(bench.wait(1)));
                bench.handle(reading(true, &["n2.eu"]));
                (0..61).flat_map(|_| bench.wait(1)).collect()
            }
        };
        assert_eq!(alarms(&actions), [("n1".to_owned(), "us".to_owned(), false)], "{theirs}");
    }
}

#[test]
fn silence_ends_it_too() {
    let mut bench = suspicious();
    asked(&mut bench);
    answered(&mut bench, &[("n1", true)], true);
    let after: Vec<_> = (0..201).flat_map(|_| alarms(&bench.wait(1))).collect();
    assert_eq!(after, [("n1".to_owned(), "us".to_owned(), false)]);
}

#[test]
fn words_of_strangers_and_siblings_raise_nothing() {
    let mut bench = bench();
    bench.handle(reading(true, &["n1"]));
    for from in ["eu-1", "nobody"] {
        let call = RollCall { from: from.parse().unwrap(), ..call(&[("n1", true)], true) };
        assert_eq!(alarms(&told(&mut bench, Control::RollAnswer(call))), []);
    }
    let lied = Called { name: "n7".to_owned(), ..call(&[("n1", true)], true).nodes.remove(0) };
    let call = RollCall { nodes: vec![lied], ..call(&[], true) };
    told(&mut bench, Control::RollAnswer(call));
    assert_eq!(standing(&bench), [""; 0], "a name that is not its own is none");
}

#[test]
fn a_large_region_is_compared_in_steps_and_every_twin_is_asked_about() {
    let mut bench = bench();
    let names: Vec<String> = (0..5000).map(|n| format!("n{n}")).collect();
    let ours: Vec<&str> = names.iter().map(String::as_str).collect();
    let theirs: Vec<&str> = ours.iter().copied().step_by(100).collect();
    bench.handle(reading(true, &ours));
    hear(&mut bench, hints_of(("us-1", "us"), 2, true, &theirs, &[]));
    let mut asked = std::collections::BTreeSet::new();
    let mut steps = 0;
    for _ in 0..20 {
        let calls = calls(&bench.wait(1));
        steps += usize::from(!calls.is_empty());
        asked.extend(calls.iter().flat_map(|call| &call.nodes).map(|one| one.identity));
    }
    assert!(theirs.iter().all(|one| asked.contains(&IdentityHash::of(one))));
    assert!(asked.len() < 150, "{} of 5000 for 50 that are there", asked.len());
    assert_eq!(steps, 5);
}
