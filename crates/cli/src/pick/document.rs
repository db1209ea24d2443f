//! Entries of a document: objects in lists, wherever they are.

use std::{cmp::Ordering, collections::BTreeSet};

use serde_json::{Map, Value};

use super::{Filter, normal};

/// Units that keys end with and columns do not.
const UNITS: [&str; 4] = ["_ms", "_us", "_bytes", "_per_second"];

/// Keeps the entries that fit; entries without such a key stay.
///
/// # Errors
/// No entry has such a key: the keys that there are.
pub(super) fn filter(fields: &mut Map<String, Value>, filter: &Filter) -> Result<(), Vec<String>> {
    let mut seen = Seen::default();
    fields.values_mut().for_each(|value| retain(value, filter, &mut seen));
    seen.result()
}

/// Orders the lists of a document by a key of their entries.
///
/// # Errors
/// No entry has such a key: the keys that there are.
pub(super) fn sort(
    fields: &mut Map<String, Value>,
    key: &str,
    reverse: bool,
) -> Result<(), Vec<String>> {
    let mut seen = Seen::default();
    for list in fields.values_mut().filter_map(Value::as_array_mut) {
        let found = list.iter().filter_map(|entry| seen.find(entry, key)).count();
        if found > 0 {
            list.sort_by(|one, other| compare(get(one, key), get(other, key)));
            if reverse {
                list.reverse();
            }
        }
    }
    seen.result()
}

/// What keys came by.
#[derive(Debug, Default)]
struct Seen {
    found: bool,
    keys: BTreeSet<String>,
}

impl Seen {
    fn find<'a>(&mut self, entry: &'a Value, key: &str) -> Option<&'a Value> {
        let found = get(entry, key);
        self.found |= found.is_some();
        self.keys.extend(entry.as_object().into_iter().flat_map(Map::keys).cloned());
        found
    }

    /// An empty document has no keys, and nothing that a filter could have missed.
    fn result(self) -> Result<(), Vec<String>> {
        if self.found || self.keys.is_empty() {
            return Ok(());
        }
        Err(self.keys.into_iter().collect())
    }
}

fn get<'a>(entry: &'a Value, key: &str) -> Option<&'a Value> {
    let named = |name: &str| {
        let stem = UNITS.iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
        normal(stem) == *key || normal(name) == *key
    };
    entry.as_object()?.iter().find(|(name, _)| named(name)).map(|(_, value)| value)
}

fn retain(value: &mut Value, filter: &Filter, seen: &mut Seen) {
    match value {
        Value::Array(list) => {
            list.retain(|entry| {
                seen.find(entry, &filter.column).is_none_or(|value| fits(value, filter))
            });
            list.iter_mut().for_each(|entry| retain(entry, filter, seen));
        }
        Value::Object(map) => map.values_mut().for_each(|value| retain(value, filter, seen)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn fits(value: &Value, filter: &Filter) -> bool {
    match value {
        Value::String(text) => filter.fits(text),
        Value::Number(number) => filter.fits(&number.to_string()),
        Value::Bool(yes) => filter.fits(&yes.to_string()),
        Value::Null => filter.fits("-"),
        Value::Array(list) => list.iter().any(|one| fits(one, filter)),
        Value::Object(map) => map.keys().any(|key| filter.fits(key)),
    }
}

/// Numbers by size, texts by letters; what is unknown comes last.
fn compare(one: Option<&Value>, other: Option<&Value>) -> Ordering {
    let key = |value: Option<&Value>| {
        let value = value.unwrap_or(&Value::Null);
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        (value.is_null(), !value.is_number(), value.as_u64(), text)
    };
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Map<String, Value> {
        let links = json!([
            { "gateway": "us-1", "rtt_us": 900, "hops": ["a", "b"] },
            { "gateway": "us-2", "rtt_us": null, "hops": [] },
            { "gateway": "eu-1", "rtt_us": 80, "hops": ["b"] },
        ]);
        Map::from_iter([("table_version".to_owned(), json!(7)), ("links".to_owned(), links)])
    }

    fn names(fields: &Map<String, Value>) -> Vec<&str> {
        let links = fields["links"].as_array().unwrap().iter();
        links.map(|link| link["gateway"].as_str().unwrap()).collect()
    }

    #[test]
    fn entries_are_kept_by_what_a_key_says() {
        let with = |text: &str| {
            let mut fields = fields();
            filter(&mut fields, &text.parse().unwrap()).unwrap();
            names(&fields).join(" ")
        };
        assert_eq!(with("gateway=us-1"), "us-1");
        assert_eq!(with("hops=b"), "us-1 eu-1");
        assert_eq!(with("rtt=-"), "us-2");
    }

    #[test]
    fn entries_are_ordered_by_numbers_with_their_unit_left_out() {
        let mut fields = fields();
        sort(&mut fields, "rtt", false).unwrap();
        assert_eq!(names(&fields), ["eu-1", "us-1", "us-2"]);
    }

    #[test]
    fn a_key_that_there_is_not_is_an_error() {
        let keys = filter(&mut fields(), &"colour=red".parse().unwrap()).unwrap_err();
        assert_eq!(keys, ["gateway", "hops", "rtt_us"]);
    }
}
