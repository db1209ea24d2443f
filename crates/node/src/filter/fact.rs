//! One condition on a fact (go-choria `filter/facts/facts.go`).

use std::cmp::Ordering;

use antiphon_wire::FactFilter;
use serde_json::{Number, Value};

use super::{path, pattern};

/// Whether the fact is there and the condition holds.
pub(crate) fn matches(filter: &FactFilter, facts: &Value) -> bool {
    path::lookup(&filter.fact, facts)
        .is_some_and(|fact| compare(&fact, &filter.operator, &filter.value))
}

fn compare(fact: &Value, operator: &str, value: &str) -> bool {
    match operator {
        "==" => equals(fact, value) == Some(true),
        "!=" => equals(fact, value) == Some(false),
        "=~" => pattern::regex_matches_any_case(value.trim_matches('/'), &text(fact)),
        "<" => order(fact, value) == Some(Ordering::Less),
        ">" => order(fact, value) == Some(Ordering::Greater),
        "<=" => order(fact, value).is_some_and(Ordering::is_le),
        ">=" => order(fact, value).is_some_and(Ordering::is_ge),
        _ => false,
    }
}

/// `None` where the two cannot be compared.
fn equals(fact: &Value, value: &str) -> Option<bool> {
    match fact {
        Value::String(text) => Some(text.to_lowercase() == value.to_lowercase()),
        Value::Number(number) => order_numbers(number, value).map(Ordering::is_eq),
        Value::Bool(fact) => truth(value).map(|value| *fact == value),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn order(fact: &Value, value: &str) -> Option<Ordering> {
    match fact {
        Value::String(text) => Some(text.to_lowercase().cmp(&value.to_lowercase())),
        Value::Number(number) => order_numbers(number, value),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// As floating point numbers if the value has a point, else as integers.
fn order_numbers(fact: &Number, value: &str) -> Option<Ordering> {
    if value.contains('.') {
        return fact.as_f64()?.partial_cmp(&value.parse().ok()?);
    }
    let value: i64 = value.parse().ok()?;
    Some(match fact.as_i64() {
        Some(fact) => fact.cmp(&value),
        None => fact.as_f64()?.trunc().partial_cmp(&(value as f64))?,
    })
}

/// What Choria takes for yes and no.
fn truth(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "1" | "yes" | "true" | "y" | "t" => Some(true),
        "0" | "no" | "false" | "n" | "f" => Some(false),
        _ => None,
    }
}

fn text(fact: &Value) -> String {
    match fact {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => fact.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(operator: &str, fact: Value, value: &str) -> bool {
        let filter = FactFilter {
            fact: "f".to_owned(),
            operator: operator.to_owned(),
            value: value.to_owned(),
        };
        matches(&filter, &json!({ "f": fact }))
    }

    #[test]
    fn texts_are_compared_without_regard_to_case() {
        assert!(holds("==", json!("MT"), "mt"));
        assert!(!holds("!=", json!("MT"), "mt"));
        assert!(holds("<", json!("Alpha"), "beta"));
        assert!(holds("=~", json!("Malta"), "/^mal/"));
    }

    #[test]
    fn numbers_are_integers_unless_the_value_has_a_point() {
        assert!(holds(">=", json!(512), "512"));
        assert!(holds(">", json!(512), "511.5"));
        assert!(holds("==", json!(1.9), "1"));
        assert!(!holds("==", json!(1), "one"));
        assert!(!holds("!=", json!(1), "one"), "what cannot be compared is no match");
    }

    #[test]
    fn booleans_follow_choria_words_for_yes_and_no() {
        assert!(holds("==", json!(true), "Yes"));
        assert!(holds("!=", json!(true), "0"));
        assert!(!holds("==", json!(true), "perhaps"));
    }

    #[test]
    fn an_absent_fact_matches_nothing() {
        let filter = FactFilter {
            fact: "nosuch".to_owned(),
            operator: "!=".to_owned(),
            value: "x".to_owned(),
        };
        assert!(!matches(&filter, &json!({})));
    }
}
