//! Compound filters: expressions in the language of `expr` (go-choria `filter/compound`).
//!
//! Known are the language's operators and literals except ranges; the variables `agents`, `classes`, `facts`; the
//! functions `with`, `fact`, `include`, `semver`; and of the language's own those that cost little (see `guard`). Data
//! plugins are not.

mod guard;
mod version;

use expr::{Context, Environment, Value};

use super::{Pattern, Profile, condition, lookup, pattern};

/// Longer expressions do not match, in bytes. A command line of a client is far shorter.
const EXPRESSION_BYTES_MAX: usize = 4096;

/// Whether the expression says yes of this node. One that fails, or says something else, does not.
pub(super) fn is_true(expression: &str, profile: &Profile<'_>) -> bool {
    if expression.len() > EXPRESSION_BYTES_MAX || !guard::is_bounded(expression) {
        return false;
    }
    let mut environment = Environment::new();
    environment.add_function("with", |call| with(&call.args, profile));
    environment.add_function("fact", |call| fact(&call.args, profile));
    environment.add_function("include", |call| include(&call.args));
    environment.add_function("semver", |call| semver(&call.args));
    let mut variables = Context::default();
    variables.insert("agents", profile.agents.to_vec());
    variables.insert("classes", profile.classes.to_vec());
    if let Ok(facts) = expr::to_value(profile.facts) {
        variables.insert("facts", facts);
    }
    matches!(environment.eval(expression, &variables), Ok(Value::Bool(true)))
}

/// `with("country=mt")`: a fact that holds; `with("apache")`, `with("/^apa/")`: a class or an agent that is there.
fn with(arguments: &[Value], profile: &Profile<'_>) -> expr::Result<Value> {
    let [Value::String(wanted)] = arguments else {
        return wrong_use("with");
    };
    let holds = match condition::parse(wanted) {
        Some(filter) => super::fact_matches(&filter, profile.facts),
        None => has_class_or_agent(wanted, profile),
    };
    Ok(Value::Bool(holds))
}

fn has_class_or_agent(wanted: &str, profile: &Profile<'_>) -> bool {
    match Pattern::of(wanted) {
        Pattern::Text(_) => profile.has_class(wanted) || profile.has_agent(wanted),
        Pattern::Regex(body) => {
            pattern::regex_finds_any_case(body, profile.classes)
                || pattern::regex_finds(body, profile.agents)
        }
    }
}

/// `fact("os.family")`: the fact, or nil.
fn fact(arguments: &[Value], profile: &Profile<'_>) -> expr::Result<Value> {
    let [Value::String(path)] = arguments else {
        return wrong_use("fact");
    };
    match lookup(path, profile.facts) {
        Some(fact) => expr::to_value(&fact),
        None => Ok(Value::Nil),
    }
}

/// `include(classes, "apache")`: whether the list holds the text.
fn include(arguments: &[Value]) -> expr::Result<Value> {
    match arguments {
        [Value::Array(list), Value::String(_)] => {
            let wanted = arguments.last();
            Ok(Value::Bool(list.iter().any(|item| Some(item) == wanted)))
        }
        _ => wrong_use("include"),
    }
}

/// `semver("1.2.3", ">= 1.0.0")`: whether the version is within the constraint.
fn semver(arguments: &[Value]) -> expr::Result<Value> {
    let [Value::String(version), Value::String(constraint)] = arguments else {
        return wrong_use("semver");
    };
    match version::satisfies(version, constraint) {
        Some(within) => Ok(Value::Bool(within)),
        None => wrong_use("semver"),
    }
}

fn wrong_use(function: &str) -> expr::Result<Value> {
    Err(expr::Error::ExprError(format!("{function}: wrong arguments")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(expression: &str) -> bool {
        let facts = json!({"country": "mt", "mem": 512, "version": "1.4.2", "up": true});
        let profile = Profile {
            identity: "n1",
            agents: &["rpcutil".to_owned()],
            classes: &["one".to_owned()],
            facts: &facts,
        };
        is_true(expression, &profile)
    }

    #[test]
    fn with_asks_for_facts_classes_and_agents() {
        assert!(holds(r#"with("country=mt") && !with("two")"#));
        assert!(holds(r#"with("/rpc/") and with("one")"#));
        assert!(holds(r#"with("mem>=512") || false"#));
        assert!(holds(r#"with("country=/^M/")"#));
    }

    #[test]
    fn facts_classes_and_agents_are_at_hand() {
        assert!(holds(r#"fact("country") == "mt" && fact("mem") > 500"#));
        assert!(holds(r#"facts.country == "mt" && include(classes, "one")"#));
        assert!(holds(r#""rpcutil" in agents && fact("nosuch") == nil"#));
    }

    #[test]
    fn versions_are_compared_with_constraints() {
        assert!(holds(r#"semver(fact("version"), ">= 1.4, < 2")"#));
        assert!(!holds(r#"semver(fact("version"), "^2")"#));
    }

    #[test]
    fn the_longest_chains_that_are_let_through_can_be_evaluated() {
        assert!(holds(&format!("{}1 > 0", "1+".repeat(125))));
        assert!(holds(&format!("{}true", "false || ".repeat(84))));
        // Whether these are legal is the library's affair; they must not exhaust the stack.
        for chain in ["!", "not ", "-", "true ? false : ", "facts."] {
            holds(&format!("{}true", chain.repeat(250 / chain.split_whitespace().count())));
        }
        assert!(holds(&format!("{}true{}", "(".repeat(16), ")".repeat(16))));
    }

    #[test]
    fn what_fails_or_is_no_boolean_does_not_match() {
        assert!(!holds("with("));
        assert!(!holds(r#"fact("country")"#));
        assert!(!holds("nosuch(1)"));
        assert!(!holds(&format!("true {}", " ".repeat(EXPRESSION_BYTES_MAX))));
    }
}
