use std::{collections::BTreeSet, time::Duration};

use proptest::{collection::vec, prelude::*, sample::select};

use super::{recent::Recent, *};
use crate::RegionId;

fn region(name: &str) -> RegionId {
    name.parse().unwrap()
}

fn pattern(text: &str) -> Pattern {
    text.parse().unwrap()
}

/// A request that can be asked about more than once.
#[derive(Clone, Debug)]
struct Request {
    direction: Direction,
    from: RegionId,
    to: RegionId,
    collective: &'static str,
    agent: &'static str,
    action: Option<&'static str>,
    caller: &'static str,
    genuine: bool,
}

impl Request {
    fn asked(&self, action: Action<'static>, proof: Proof) -> Asked<'_> {
        let Self { direction, from, to, collective, agent, caller, .. } = self;
        Asked { direction: *direction, from, to, collective, agent, action, caller, proof }
    }

    /// What the policy says once it has been told whatever it asks for.
    fn judge(&self, policy: &Policy) -> Option<(Effect, Option<String>)> {
        let (mut action, mut proof) = (Action::Unread, Proof::Unasked);
        for _ in 0..3 {
            match policy.judge(&self.asked(action, proof)) {
                Verdict::Ruled(effect, rule) => {
                    return Some((effect, rule.map(|rule| rule.name.clone())));
                }
                Verdict::Forged => return None,
                Verdict::WantsAction => action = self.action.map_or(Action::Absent, Action::Is),
                Verdict::WantsProof if self.genuine => proof = Proof::Verified,
                Verdict::WantsProof => proof = Proof::Refused,
            }
        }
        panic!("it asks again for what it knows");
    }
}

/// The same, written as one would explain it.
fn model(policy: &Policy, request: &Request) -> Option<(Effect, Option<String>)> {
    let rules = policy.rules(request.direction);
    for rule in &rules.rules {
        let free = (rule.from.is_empty() || rule.from.contains(&request.from))
            && (rule.to.is_empty() || rule.to.contains(&request.to))
            && one_of(&rule.collectives, request.collective)
            && one_of(&rule.agents, request.agent);
        let acts = rule.actions.is_empty()
            || request.action.is_some_and(|action| one_of(&rule.actions, action));
        if !free || !acts {
            continue;
        }
        if rule.callers.is_empty() {
            return Some((rule.effect, Some(rule.name.clone())));
        }
        if !request.genuine {
            return None;
        }
        if one_of(&rule.callers, request.caller) {
            return Some((rule.effect, Some(rule.name.clone())));
        }
    }
    Some((rules.otherwise, None))
}

fn one_of(patterns: &[Pattern], text: &str) -> bool {
    let texts = patterns.iter().map(Pattern::as_str);
    patterns.is_empty() || texts.into_iter().any(|pattern| stands_for(pattern, text))
}

/// Wildcards by trying everything.
fn stands_for(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let rest = &pattern[first.len_utf8()..];
    if first == '*' {
        return (0..=text.len())
            .filter(|at| text.is_char_boundary(*at))
            .any(|at| stands_for(rest, &text[at..]));
    }
    text.strip_prefix(first).is_some_and(|text| stands_for(rest, text))
}

fn effects() -> impl Strategy<Value = Effect> {
    select(vec![Effect::Allow, Effect::Deny])
}

fn names(of: &'static [&'static str]) -> impl Strategy<Value = Vec<Pattern>> {
    vec(select(of).prop_map(pattern), 0..3)
}

fn regions() -> impl Strategy<Value = BTreeSet<RegionId>> {
    proptest::collection::btree_set(select(vec!["eu", "us", "ap"]).prop_map(region), 0..3)
}

prop_compose! {
    fn rules()(
        parts in vec(
            (
                (regions(), regions()),
                names(&["mcollective", "m*", "other"]),
                names(&["shell", "puppet*", "*"]),
                names(&["run", "*able"]),
                names(&["choria=alice", "choria=*", "up=*.ops"]),
                effects(),
            ),
            0..6,
        ),
        otherwise in effects(),
    ) -> Rules {
        let rule = |(number, part): (usize, _)| {
            let ((from, to), collectives, agents, actions, callers, effect) = part;
            let name = format!("r{number}");
            Rule { name, from, to, collectives, agents, actions, callers, effect }
        };
        Rules { rules: parts.into_iter().enumerate().map(rule).collect(), otherwise }
    }
}

prop_compose! {
    fn policies()(export in rules(), accept in rules(), transit in rules()) -> Policy {
        Policy { export, accept, transit, ..Policy::default() }
    }
}

prop_compose! {
    fn requests()(
        direction in select(Direction::ALL.to_vec()),
        from in select(vec!["eu", "us", "ap"]).prop_map(region),
        to in select(vec!["eu", "us", "ap"]).prop_map(region),
        collective in select(vec!["mcollective", "other", "third"]),
        agent in select(vec!["shell", "puppet", "puppetdb", "discovery"]),
        action in proptest::option::of(select(vec!["run", "enable", "disable", "status"])),
        caller in select(vec!["choria=alice", "choria=bob", "up=carol.ops", "up=dave"]),
        genuine in any::<bool>(),
    ) -> Request {
        Request { direction, from, to, collective, agent, action, caller, genuine }
    }
}

proptest! {
    #[test]
    fn a_policy_says_what_the_model_says(policy in policies(), request in requests()) {
        prop_assert_eq!(request.judge(&policy), model(&policy, &request));
    }

    #[test]
    fn what_a_policy_says_is_among_what_it_may_say(policy in policies(), request in requests()) {
        if let Some((effect, _)) = model(&policy, &request) {
            prop_assert!(policy.may(request.direction, effect));
        }
    }

    #[test]
    fn a_pattern_matches_what_trying_everything_matches(
        pattern in "[ab*]{1,6}",
        text in "[ab]{0,8}",
    ) {
        let compiled: Pattern = pattern.parse().unwrap();
        prop_assert_eq!(compiled.matches(&text), stands_for(&pattern, &text));
    }

    #[test]
    fn a_policy_survives_json(policy in policies()) {
        let text = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }
}

fn rule(name: &str, effect: Effect) -> Rule {
    Rule { name: name.to_owned(), effect, ..Rule::default() }
}

fn request() -> Request {
    Request {
        direction: Direction::Accept,
        from: region("us"),
        to: region("eu"),
        collective: "mcollective",
        agent: "shell",
        action: Some("run"),
        caller: "choria=alice",
        genuine: true,
    }
}

#[test]
fn what_is_not_needed_is_not_asked_for() {
    let mut policy = Policy::default();
    let us = Rule { callers: vec![pattern("up=*")], ..rule("callers", Effect::Deny) };
    let shell = Rule { agents: vec![pattern("shell")], ..rule("shell", Effect::Deny) };
    let actions = Rule { actions: vec![pattern("run")], ..rule("actions", Effect::Deny) };
    policy.accept.rules = vec![shell, us, actions];
    let unread = request();
    let asked = unread.asked(Action::Unread, Proof::Unasked);
    let Verdict::Ruled(Effect::Deny, Some(first)) = policy.judge(&asked) else { panic!() };
    assert_eq!(first.name, "shell");
    let other = Request { agent: "package", ..request() };
    assert_eq!(policy.judge(&other.asked(Action::Unread, Proof::Unasked)), Verdict::WantsProof);
    assert_eq!(policy.judge(&other.asked(Action::Unread, Proof::Refused)), Verdict::Forged);
    assert_eq!(policy.judge(&other.asked(Action::Unread, Proof::Verified)), Verdict::WantsAction);
    assert!(policy.names_callers());
}

#[test]
fn a_rule_for_everything_ends_the_list() {
    let mut policy = Policy::default();
    let may = |policy: &Policy| {
        [Effect::Allow, Effect::Deny].map(|effect| policy.may(Direction::Transit, effect))
    };
    assert_eq!(may(&policy), [true, false]);
    let us = Rule { from: [region("us")].into(), ..rule("us", Effect::Allow) };
    policy.transit.rules = vec![us, rule("all", Effect::Deny)];
    assert_eq!(may(&policy), [true, true]);
    policy.transit.rules.reverse();
    assert_eq!(may(&policy), [false, true]);
    policy.transit.rules.clear();
    policy.transit.otherwise = Effect::Deny;
    assert_eq!(may(&policy), [false, true]);
}

#[test]
fn what_is_no_pattern_is_told() {
    for bad in ["", "a b", "a\n", &"x".repeat(256)] {
        assert!(bad.parse::<Pattern>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_new_policy_is_tried_on_what_was_asked_lately() {
    let (old, mut new) = (Policy::default(), Policy::default());
    let shell = Rule { agents: vec![pattern("shell")], ..rule("no-shell", Effect::Deny) };
    let run = Rule { actions: vec![pattern("run")], ..rule("no-run", Effect::Deny) };
    new.accept.rules = vec![shell, run];
    let mut recent = Recent::default();
    let note = |recent: &mut Recent, request: &Request, seconds| {
        let asked = request.asked(Action::Unread, Proof::Unasked);
        recent.note(&asked, 2, Duration::from_secs(seconds));
    };
    note(&mut recent, &request(), 0);
    note(&mut recent, &request(), 100);
    note(&mut recent, &Request { agent: "rpcutil", ..request() }, 100);
    note(&mut recent, &Request { direction: Direction::Export, ..request() }, 100);
    let changes = recent.compare(&old, &new, Duration::from_secs(100));
    let told: Vec<_> = changes
        .iter()
        .map(|one| (one.agent.as_str(), one.count, one.after.effect, one.after.rule.as_deref()))
        .collect();
    assert_eq!(
        told,
        [("shell", 4, Some(Effect::Deny), Some("no-shell")), ("rpcutil", 2, None, None)]
    );
    assert_eq!(recent.totals(Duration::from_secs(100)), (8, 0));
    assert_eq!(recent.compare(&old, &new, Duration::from_secs(650))[0].count, 2);
    assert!(recent.compare(&old, &new, Duration::from_secs(800)).is_empty());
}
