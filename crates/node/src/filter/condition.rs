//! Conditions on facts as people write them: `country=mt`, `mem>=512`.

use antiphon_wire::FactFilter;

use super::Pattern;

/// Operators of a fact condition as people write them, the longer before those that begin them.
const OPERATORS: [(&str, &str); 10] = [
    ("<=", "<="),
    (">=", ">="),
    ("=>", ">="),
    ("=<", "<="),
    ("!=", "!="),
    ("=~", "=~"),
    ("==", "=="),
    ("<", "<"),
    (">", ">"),
    ("=", "=="),
];

/// Splits `fact<operator>value` at the right-most operator, as Choria's command line does.
pub(crate) fn parse(text: &str) -> Option<FactFilter> {
    let (at, written, operator) = OPERATORS
        .iter()
        .filter_map(|(written, operator)| Some((text.rfind(written)?, *written, *operator)))
        .max_by_key(|(at, written, _)| (at + written.len(), written.len()))?;
    let fact = text.get(..at)?.trim();
    let value = text.get(at + written.len()..)?.trim();
    if fact.is_empty() || value.is_empty() {
        return None;
    }
    let operator = if matches!(Pattern::of(value), Pattern::Regex(_)) { "=~" } else { operator };
    Some(FactFilter {
        fact: fact.to_owned(),
        operator: operator.to_owned(),
        value: value.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_right_most_operator_splits_a_condition() {
        let split = |text| parse(text).map(|f| (f.fact, f.operator, f.value));
        let expected = |f: &str, o: &str, v: &str| Some((f.to_owned(), o.to_owned(), v.to_owned()));
        assert_eq!(split("a=b"), expected("a", "==", "b"));
        assert_eq!(split("a=<1"), expected("a", "<=", "1"));
        assert_eq!(split("a=b>=1"), expected("a=b", ">=", "1"));
        assert_eq!(split("a=/x/"), expected("a", "=~", "/x/"));
        assert_eq!(split("apache"), None);
    }
}
