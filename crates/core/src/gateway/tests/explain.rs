//! What is explained is what is done.

use proptest::prelude::*;

use self::{
    asks::MESSAGES,
    world::{Happens, World, happens},
};
use super::*;
use crate::{
    CheckResult, ExplainAsked, ExplainError, Explanation, NextStep, Rejection, Supposition,
};

mod asks;
mod world;

proptest! {
    /// Whatever the links, adverts, hints, halts, held links, policies, drains and the broker.
    #[test]
    fn what_is_explained_is_what_is_done(happens in happens()) {
        let mut world = World::new();
        for one in happens {
            world.take(one)?;
        }
        for kind in 0..MESSAGES {
            world.asks(kind)?;
        }
    }
}

/// `eu-1` with a link to `us-1` at a cost of 1; `ap-1` behind it at a cost of 2.
fn chain() -> World {
    let mut world = World::new();
    world.up(1);
    for (who, neighbours) in [(1, 0b1000), (3, 0b0010)] {
        let says = Happens::Says { who, neighbours, transit: true, broker: true, native: None };
        world.take(says).unwrap();
        world.take(Happens::Offers { who, held: true }).unwrap();
    }
    world
}

fn explain(
    world: &World,
    subject: &str,
    from: Option<&str>,
    downs: &[&str],
) -> Result<Explanation, ExplainError> {
    let down = |what: &&str| Supposition::Down { what: (*what).to_owned() };
    world.bench.gateway.explain(
        &ExplainAsked {
            subject: subject.to_owned(),
            from: from.map(|one| one.parse().unwrap()),
            what_if: downs.iter().map(down).collect(),
            ..Default::default()
        },
        at(world.bench.seconds),
    )
}

const SUBJECT: &str = "mcollective.broadcast.agent.discovery";

/// Each region with why it is rejected, or the gateways on the way.
fn ways(explanation: &Explanation) -> Vec<String> {
    let way = |one: &crate::CandidateView| match &one.way {
        None => format!("{}: {}", one.region, one.why),
        Some(way) => {
            let legs = way.path.iter().map(|leg| format!(" {}+{}", leg.to, leg.cost));
            format!("{}:{}", one.region, legs.collect::<String>())
        }
    };
    explanation.candidates.iter().map(way).collect()
}

#[test]
fn every_region_is_named_with_its_path_or_the_reason_against_it() {
    let mut world = chain();
    let says = Happens::Says { who: 4, neighbours: 0, transit: true, broker: true, native: None };
    world.take(says).unwrap();
    world.take(Happens::Offers { who: 4, held: false }).unwrap();
    let explanation = explain(&world, SUBJECT, None, &[]).unwrap();
    assert_eq!(
        ways(&explanation),
        ["ap: us-1+1 ap-1+1", "eu: own-region", "sa: collective-not-held", "us: us-1+1"]
    );
    let costs: Vec<_> = explanation
        .candidates
        .iter()
        .filter_map(|one| one.way.as_ref())
        .map(|way| way.route.as_ref().unwrap().cost)
        .collect();
    assert_eq!(costs, [2, 1], "the sum of the legs");
    assert!(explanation.first_hand && explanation.is_deliverable());
    let checks: Vec<_> = explanation.checks.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(checks, ["subject", "export", "message", "halts", "rules"]);
    assert_eq!(explanation.checks[2].result, CheckResult::Unknown, "no message was given");
}

#[test]
fn what_is_supposed_to_be_down_is_gone_around_or_waited_for() {
    let world = chain();
    let down = explain(&world, SUBJECT, None, &["us-ap"]).unwrap();
    assert_eq!(ways(&down), ["ap:", "eu: own-region", "us: us-1+1"]);
    assert!(!down.is_deliverable(), "what goes to ap would wait and be dropped");
    assert_eq!(down.candidates[0].way.as_ref().unwrap().next, NextStep::Wait);
    let nothing = explain(&world, SUBJECT, None, &["us-1"]).unwrap();
    assert_eq!(ways(&nothing), ["ap:", "eu: own-region", "us:"]);
    let typo = explain(&world, SUBJECT, None, &["us-uk"]);
    assert_eq!(typo, Err(ExplainError::UnknownPlace("us-uk".to_owned())));
    assert!(explain(&world, SUBJECT, None, &[]).unwrap().is_deliverable(), "it was only supposed");
}

#[test]
fn for_another_region_the_adverts_speak_and_its_rules_are_not_known() {
    let world = chain();
    let explanation = explain(&world, SUBJECT, Some("ap"), &[]).unwrap();
    assert_eq!(explanation.entry.as_str(), "ap-1");
    assert!(!explanation.first_hand);
    assert_eq!(ways(&explanation), ["ap: own-region", "eu: us-1+2 eu-1+1", "us: us-1+2"]);
    assert_eq!(explanation.checks[3].result, CheckResult::Unknown);
    assert_eq!(
        explain(&world, SUBJECT, Some("uk"), &[]),
        Err(ExplainError::NoEntry("uk".parse().unwrap()))
    );
}

#[test]
fn what_goes_nowhere_says_why() {
    let world = chain();
    let refused = |subject| {
        let explanation = explain(&world, subject, None, &[]).unwrap();
        assert!(!explanation.is_deliverable());
        explanation.refused
    };
    assert_eq!(refused("other.node.a"), Some(DropReason::NotExported));
    assert_eq!(refused("mcollective.broadcast.agent.registration"), Some(DropReason::Registration));
    assert_eq!(refused("mcollective.broadcast.service.x"), Some(DropReason::ServiceNowhere));
    assert_eq!(refused("_INBOX.x"), Some(DropReason::NotExported));
    assert!(matches!(explain(&world, "a..b", None, &[]), Err(ExplainError::Illegal(_))));
}

#[test]
fn one_of_two_regions_that_hear_each_other_is_asked() {
    let mut world = chain();
    for (who, native, neighbours) in [(1, 3, 0b1000), (3, 1, 0b0010)] {
        let native = Some(native);
        let says = Happens::Says { who, neighbours, transit: true, broker: true, native };
        world.take(says).unwrap();
    }
    let explanation = explain(&world, SUBJECT, None, &[]).unwrap();
    let through = Rejection::HeardThrough { through: "ap".parse().unwrap() };
    assert_eq!(explanation.candidates[2].rejection, Some(through));
    assert!(explanation.is_deliverable());
}
