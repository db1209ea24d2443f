//! Inputs as people type them, turned into what an action wants.

use std::net::{Ipv4Addr, Ipv6Addr};

use regex::Regex;
use serde_json::{Map, Number, Value};

use super::{Action, Input};

/// Why an action would not take these inputs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// Not `name=value`.
    #[error("argument {text:?} is not name=value")]
    NotAPair {
        /// What was written.
        text: String,
    },
    /// The action has no such input.
    #[error("action {action} takes no input {name:?}; {known}")]
    Unknown {
        /// The action.
        action: String,
        /// The input.
        name: String,
        /// What it takes instead.
        known: String,
    },
    /// A required input was left out.
    #[error("action {action} needs input {name:?}")]
    Missing {
        /// The action.
        action: String,
        /// The input.
        name: String,
    },
    /// Of another type than the action wants.
    #[error("input {name:?} should be {expected}, not {value:?}")]
    WrongType {
        /// The input.
        name: String,
        /// The type that it wants, with its article.
        expected: &'static str,
        /// What was written.
        value: String,
    },
    /// Of the right type, but not allowed.
    #[error("input {name:?} is not valid: {value:?} {broken}")]
    Invalid {
        /// The input.
        name: String,
        /// What was written.
        value: String,
        /// The rule it breaks, as the end of the sentence.
        broken: String,
    },
}

impl Action {
    /// Turns `name=value` texts into the `data` of a request: typed, checked, defaults filled in.
    ///
    /// Names are taken in lower case; of copies the last counts.
    ///
    /// # Errors
    /// The first input that the action would not take, or lacks.
    pub fn inputs(&self, pairs: &[String]) -> Result<Map<String, Value>, InputError> {
        let mut data = Map::new();
        for pair in pairs {
            let (name, value) =
                pair.split_once('=').ok_or_else(|| InputError::NotAPair { text: pair.clone() })?;
            let name = name.to_lowercase();
            let input = self.input.get(&name).ok_or_else(|| self.unknown(&name))?;
            data.insert(name.clone(), input.convert(&name, value)?);
        }
        for (name, input) in &self.input {
            if data.contains_key(name) {
                continue;
            }
            match input.default.as_ref().filter(|default| !default.is_null()) {
                Some(default) => drop(data.insert(name.clone(), default.clone())),
                None if input.optional => {}
                None => {
                    let (action, name) = (self.name.clone(), name.clone());
                    return Err(InputError::Missing { action, name });
                }
            }
        }
        Ok(data)
    }

    fn unknown(&self, name: &str) -> InputError {
        let names: Vec<_> = self.input.keys().map(String::as_str).collect();
        let known = match names.as_slice() {
            [] => "it takes none".to_owned(),
            names => format!("it takes {}", names.join(", ")),
        };
        InputError::Unknown { action: self.name.clone(), name: name.to_owned(), known }
    }
}

impl Input {
    fn convert(&self, name: &str, text: &str) -> Result<Value, InputError> {
        let wrong = |expected| InputError::WrongType {
            name: name.to_owned(),
            expected,
            value: text.to_owned(),
        };
        let json = || serde_json::from_str::<Value>(text).ok();
        match self.kind.to_lowercase().as_str() {
            "integer" => text.parse::<i64>().map(Value::from).map_err(|_| wrong("an integer")),
            "float" => float(text).map(Value::Number).ok_or_else(|| wrong("a float")),
            "number" => match text.parse::<i64>() {
                Ok(integer) => Ok(Value::from(integer)),
                Err(_) => float(text).map(Value::Number).ok_or_else(|| wrong("a number")),
            },
            "boolean" => boolean(text).map(Value::Bool).ok_or_else(|| wrong("a boolean")),
            "hash" => json().filter(Value::is_object).ok_or_else(|| wrong("a JSON object")),
            "array" => json().filter(Value::is_array).ok_or_else(|| wrong("a JSON array")),
            "list" => self.check(name, text, self.list_error(text)),
            _ => self.check(name, text, self.string_error(text)),
        }
    }

    fn check(&self, name: &str, text: &str, broken: Option<String>) -> Result<Value, InputError> {
        match broken {
            None => Ok(Value::from(text)),
            Some(broken) => {
                let (name, value) = (name.to_owned(), text.to_owned());
                Err(InputError::Invalid { name, value, broken })
            }
        }
    }

    fn list_error(&self, text: &str) -> Option<String> {
        let known = self.list.iter().any(|allowed| allowed == text);
        (!known).then(|| format!("is not one of {}", self.list.join(", ")))
    }

    /// The rule that a string breaks. As in Choria, a string without a length limit is not validated.
    fn string_error(&self, text: &str) -> Option<String> {
        if self.maxlength == 0 {
            return None;
        }
        if text.len() > self.maxlength {
            return Some(format!("is longer than {} bytes", self.maxlength));
        }
        validation_error(self.validation.as_deref().unwrap_or_default(), text)
    }
}

/// The rule that `text` breaks: a named check, or a regular expression. Names that are not known check nothing.
fn validation_error(validation: &str, text: &str) -> Option<String> {
    let (holds, rule) = match validation {
        "" => return None,
        "shellsafe" => (is_shell_safe(text), "is not safe in a shell".into()),
        "ipv4address" => (is_ipv4(text), "is not an IPv4 address".into()),
        "ipv6address" => (is_ipv6(text), "is not an IPv6 address".into()),
        "ipaddress" => (is_ipv4(text) || is_ipv6(text), "is not an IP address".into()),
        name if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => return None,
        pattern => match Regex::new(pattern) {
            Ok(regex) => (regex.is_match(text), format!("does not match {pattern}")),
            Err(_) => (false, format!("cannot be checked: the DDL's expression {pattern} is bad")),
        },
    };
    (!holds).then_some(rule)
}

fn is_shell_safe(text: &str) -> bool {
    !text.contains(['`', '$', ';', '|', '>', '<']) && !text.contains("&&")
}

fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn is_ipv6(text: &str) -> bool {
    text.parse::<Ipv6Addr>().is_ok()
}

fn float(text: &str) -> Option<Number> {
    text.parse::<f64>().ok().and_then(Number::from_f64)
}

/// The words that Choria's command line takes for truth.
fn boolean(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action() -> Action {
        serde_json::from_value(json!({
            "action": "go",
            "input": {
                "name": {"type": "string", "maxlength": 5, "validation": "shellsafe"},
                "word": {"type": "string", "maxlength": 9, "validation": "^[a-z]+$", "optional": true},
                "free": {"type": "string", "validation": "^x$", "optional": true},
                "size": {"type": "integer", "default": 3},
                "rate": {"type": "number", "optional": true},
                "part": {"type": "float", "optional": true},
                "sure": {"type": "boolean", "optional": true},
                "mode": {"type": "list", "list": ["one", "two"], "optional": true},
                "more": {"type": "Hash", "optional": true},
                "rows": {"type": "array", "optional": true},
                "addr": {"type": "string", "maxlength": 40, "validation": "ipaddress", "optional": true}
            }
        }))
        .unwrap()
    }

    fn inputs(pairs: &[&str]) -> Result<Value, String> {
        let pairs: Vec<_> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
        action().inputs(&pairs).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn inputs_get_the_types_of_the_description_and_its_defaults() {
        let data = inputs(&[
            "NAME=a=b",
            "word=abc",
            "free=anything",
            "rate=2",
            "part=2",
            "sure=yes",
            "mode=two",
            "more={\"a\":1}",
            "rows=[1]",
            "addr=::1",
        ]);
        assert_eq!(
            data.unwrap(),
            json!({"name": "a=b", "word": "abc", "free": "anything", "size": 3, "rate": 2, "part": 2.0,
                "sure": true, "mode": "two", "more": {"a": 1}, "rows": [1], "addr": "::1"})
        );
    }

    #[test]
    fn inputs_that_the_action_would_not_take_are_named() {
        for (pairs, message) in [
            (vec!["x"], "argument \"x\" is not name=value"),
            (vec![], "action go needs input \"name\""),
            (
                vec!["name=toolong"],
                "input \"name\" is not valid: \"toolong\" is longer than 5 bytes",
            ),
            (vec!["name=a;b"], "input \"name\" is not valid: \"a;b\" is not safe in a shell"),
            (
                vec!["name=a", "word=A"],
                "input \"word\" is not valid: \"A\" does not match ^[a-z]+$",
            ),
            (vec!["size=big"], "input \"size\" should be an integer, not \"big\""),
            (vec!["rate=x"], "input \"rate\" should be a number, not \"x\""),
            (vec!["sure=perhaps"], "input \"sure\" should be a boolean, not \"perhaps\""),
            (vec!["mode=six"], "input \"mode\" is not valid: \"six\" is not one of one, two"),
            (vec!["more=[]"], "input \"more\" should be a JSON object, not \"[]\""),
            (vec!["addr=1.2.3"], "input \"addr\" is not valid: \"1.2.3\" is not an IP address"),
        ] {
            assert_eq!(inputs(&pairs).unwrap_err(), message);
        }
        let unknown = inputs(&["nosuch=1"]).unwrap_err();
        assert!(unknown.starts_with("action go takes no input \"nosuch\"; it takes addr, free,"));
    }
}
