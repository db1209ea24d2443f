//! Paths into facts, in the notation of GJSON as far as fact names use it.
//!
//! Keys are separated by dots; `\` takes the next character literally; a number is an index into a list; `#` is a
//! list's length at the end of a path, and takes the rest of the path of every element otherwise; `*` and `?` are
//! wildcards, and the first key that fits is taken. Queries (`#(…)`), modifiers (`@…`) and multi-paths are not
//! known: such a path finds nothing.

use serde_json::{Map, Value};

/// A path has at most this many keys; more find nothing.
const KEYS_MAX: usize = 32;

/// What stands at `path`, if anything.
pub(crate) fn lookup(path: &str, facts: &Value) -> Option<Value> {
    let keys = split(path);
    if path.is_empty() || keys.len() > KEYS_MAX {
        return None;
    }
    descend(&keys, facts)
}

/// One key of a path: its characters, each with whether it was escaped.
type Key = Vec<(char, bool)>;

fn split(path: &str) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut key = Key::new();
    let mut characters = path.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => key.extend(characters.next().map(|literal| (literal, true))),
            '.' => keys.push(std::mem::take(&mut key)),
            _ => key.push((c, false)),
        }
    }
    keys.push(key);
    keys
}

fn descend(keys: &[Key], value: &Value) -> Option<Value> {
    let Some((key, rest)) = keys.split_first() else {
        return Some(value.clone());
    };
    match value {
        Value::Object(members) => descend(rest, member(key, members)?),
        Value::Array(elements) if is_plain(key, "#") => Some(of_every(rest, elements)),
        Value::Array(elements) => descend(rest, elements.get(index(key)?)?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// What `#` stands for: the number of elements, or what the rest of the path finds in each.
fn of_every(rest: &[Key], elements: &[Value]) -> Value {
    if rest.is_empty() {
        return Value::from(elements.len());
    }
    elements.iter().filter_map(|element| descend(rest, element)).collect()
}

fn member<'a>(key: &Key, members: &'a Map<String, Value>) -> Option<&'a Value> {
    let is_pattern = key.iter().any(|(c, escaped)| !escaped && matches!(c, '*' | '?'));
    if is_pattern {
        return members.iter().find(|(name, _)| fits(key, name)).map(|(_, value)| value);
    }
    members.get(&key.iter().map(|(c, _)| c).collect::<String>())
}

fn index(key: &Key) -> Option<usize> {
    key.iter().map(|(c, _)| c).collect::<String>().parse().ok()
}

fn is_plain(key: &Key, text: &str) -> bool {
    key.iter().all(|(_, escaped)| !escaped) && key.iter().map(|(c, _)| *c).eq(text.chars())
}

/// Whether `name` fits a key with wildcards: the usual matching with one point of return, linear but for its product.
fn fits(key: &Key, name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    let (mut k, mut n) = (0, 0);
    let mut retry = None;
    while n < name.len() {
        match key.get(k) {
            Some(('*', false)) => {
                retry = Some((k, n));
                k += 1;
            }
            Some((c, escaped)) if (*c == '?' && !escaped) || name.get(n) == Some(c) => {
                k += 1;
                n += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                k = star + 1;
                n = from + 1;
            }
        }
    }
    key.iter().skip(k).all(|rest| *rest == ('*', false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn find(path: &str) -> Option<Value> {
        let facts = json!({
            "os": {"family": "Debian", "release.full": "13"},
            "disks": [{"name": "sda", "gb": 10}, {"name": "sdb"}],
            "eth0": 1, "eth1": 2, "*": "star", "3": "three",
        });
        lookup(path, &facts)
    }

    #[test]
    fn dots_separate_keys_and_a_backslash_keeps_a_dot() {
        assert_eq!(find("os.family"), Some(json!("Debian")));
        assert_eq!(find("os.release\\.full"), Some(json!("13")));
        assert_eq!(find("os.release.full"), None);
        assert_eq!(find("3"), Some(json!("three")));
    }

    #[test]
    fn numbers_and_hashes_reach_into_lists() {
        assert_eq!(find("disks.1.name"), Some(json!("sdb")));
        assert_eq!(find("disks.#"), Some(json!(2)));
        assert_eq!(find("disks.#.gb"), Some(json!([10])));
        assert_eq!(find("disks.7"), None);
    }

    #[test]
    fn a_wildcard_takes_the_first_key_that_fits() {
        assert_eq!(find("eth?"), Some(json!(1)));
        assert_eq!(find("o*.fam*y"), Some(json!("Debian")));
        assert_eq!(find("\\*"), Some(json!("star")));
        assert_eq!(find("x*"), None);
    }

    #[test]
    fn nothing_stands_at_an_empty_or_endless_path() {
        assert_eq!(find(""), None);
        assert_eq!(find(&"a.".repeat(100)), None);
        assert_eq!(find("os.family.x"), None);
    }
}
