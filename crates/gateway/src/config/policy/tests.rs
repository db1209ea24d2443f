use super::*;

fn read(text: &str) -> Policy {
    policy_text(Path::new("policy.toml"), text).unwrap()
}

fn problems(text: &str) -> Vec<String> {
    let problems = policy_text(Path::new("policy.toml"), text).expect_err("it has problems");
    problems.list().iter().map(ToString::to_string).collect()
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(read(""), Policy::default());
}

#[test]
fn every_key_is_read() {
    let policy = read(
        r#"
[default]
accept = "deny"
[limits]
caller = { per_second = 50, burst = 500 }
region = { per_second = 1000, burst = 5000 }
regions = { us = { per_second = 10, burst = 20 } }
[[export]]
name = "no-shell"
to = ["us"]
agents = ["shell"]
effect = "deny"
[[accept]]
name = "operators"
from = ["us", "ap"]
collectives = ["mcollective"]
actions = ["run", "st*"]
callers = ["choria=*.ops"]
effect = "allow"
"#,
    );
    assert_eq!((policy.export.otherwise, policy.accept.otherwise), (Effect::Allow, Effect::Deny));
    assert_eq!(policy.limits.caller, Some(Rate { per_second: 50, burst: 500 }));
    assert_eq!(policy.limits.regions.len(), 1);
    let [shell] = policy.export.rules.as_slice() else { panic!("{policy:?}") };
    assert_eq!((shell.name.as_str(), shell.effect), ("no-shell", Effect::Deny));
    assert_eq!(shell.agents, ["shell".parse().unwrap()]);
    let [operators] = policy.accept.rules.as_slice() else { panic!("{policy:?}") };
    assert_eq!(operators.from.len(), 2);
    assert_eq!(operators.actions.len(), 2);
    assert!(policy.names_callers());
}

#[test]
fn every_problem_is_told_with_its_line_and_key() {
    let told = problems(
        r#"colour = "red"
[default]
export = "maybe"
[limits]
caller = { per_second = 0, burst = 1 }
[[export]]
name = "a"
from = ["us"]
effect = "deny"
[[export]]
name = "a"
agents = []
efect = "deny"
[[accept]]
name = "a b"
callers = ["x y"]
effect = "allow"
"#,
    );
    let expected = [
        "policy.toml:1: colour: is unknown",
        "policy.toml:3: default.export: ",
        "policy.toml:5: limits.caller: per_second and burst must be more than zero",
        "policy.toml:8: export.0.from: is always our own region in export",
        "policy.toml:12: export.1.agents: is empty: leave it out to match everything",
        "policy.toml:13: export.1.efect: is unknown",
        "policy.toml:15: accept.0.name: must be 1 to 64 characters",
        "policy.toml:16: accept.0.callers: \"x y\" is no name",
    ];
    for line in expected {
        assert!(told.iter().any(|one| one.starts_with(line)), "{line:?} not in {told:#?}");
    }
    assert!(told.iter().any(|one| one.contains("export.1.effect: is missing")), "{told:#?}");
    assert_eq!(told.len(), expected.len() + 1, "{told:#?}");
}

#[test]
fn a_name_is_used_once() {
    let rule = "[[transit]]\nname = \"a\"\neffect = \"deny\"\n";
    let told = problems(&rule.repeat(2));
    assert_eq!(told, ["policy.toml:5: transit.1.name: \"a\" is the name of an earlier rule"]);
}

#[test]
fn what_is_no_toml_or_no_list_is_told() {
    assert!(problems("[[export]\n")[0].starts_with("policy.toml:1"));
    assert!(problems("\nexport = 3\n")[0].starts_with("policy.toml:2: export: "));
}

#[test]
fn the_example_for_operators_is_good() {
    let policy = read(include_str!("../../../../../deploy/policy.toml"));
    assert_eq!(policy.accept.rules.len(), 3);
    assert!(policy.names_callers());
}

#[test]
fn whose_halts_are_followed_is_a_word_or_a_list() {
    assert_eq!(read("follow_halts = \"any\"").follow_halts, Follow::Any);
    assert_eq!(read("follow_halts = \"none\"").follow_halts, Follow::Regions([].into()));
    let us = Follow::Regions(["us".parse().unwrap()].into());
    assert_eq!(read("follow_halts = [\"us\"]").follow_halts, us);
    for wrong in ["follow_halts = \"some\"", "follow_halts = [\"a b\"]", "follow_halts = 1"] {
        let [problem] = &problems(wrong)[..] else { panic!("{wrong}") };
        assert!(problem.contains("policy.toml:1") && problem.contains("follow_halts"), "{problem}");
    }
}
