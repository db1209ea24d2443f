//! Checking what a caller hands to an action.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

/// One input as described.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Input {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    optional: bool,
    #[serde(default)]
    default: Option<Value>,
    #[serde(default)]
    validation: Option<String>,
    #[serde(default)]
    maxlength: usize,
    #[serde(default)]
    list: Vec<String>,
}

/// What is wrong with an input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// The action has no such input.
    #[error("unknown input {name:?}")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// The action needs it.
    #[error("input {name:?} is required")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It does not fit the description.
    #[error("input {name:?} {fault}")]
    Invalid {
        /// Its name.
        name: String,
        /// What it must be.
        fault: String,
    },
}

impl InputError {
    /// Whether something is not there, rather than wrong.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Missing { .. })
    }
}

/// What Choria's Ruby client adds to the inputs of every action.
const NO_INPUT: &str = "process_results";

/// Checks `data` against `inputs`, and adds defaults.
pub(super) fn check(
    inputs: &BTreeMap<String, Input>,
    data: &mut Map<String, Value>,
) -> Result<(), InputError> {
    data.remove(NO_INPUT);
    if let Some(name) = data.keys().find(|name| !inputs.contains_key(*name)) {
        return Err(InputError::Unknown { name: name.clone() });
    }
    for (name, input) in inputs {
        match (data.get(name), &input.default) {
            (Some(value), _) => input
                .check(value)
                .map_err(|fault| InputError::Invalid { name: name.clone(), fault })?,
            (None, Some(default)) if !default.is_null() => {
                data.insert(name.clone(), default.clone());
            }
            (None, _) if input.optional => {}
            (None, _) => return Err(InputError::Missing { name: name.clone() }),
        }
    }
    Ok(())
}

impl Input {
    fn check(&self, value: &Value) -> Result<(), String> {
        let fits = match self.kind.to_ascii_lowercase().as_str() {
            "string" => return self.check_text(value.as_str().ok_or("must be a string")?),
            "list" => return self.check_choice(value),
            "integer" => value.is_i64() || value.is_u64(),
            "float" => value.is_f64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "hash" => value.is_object(),
            "array" => value.is_array(),
            other => return Err(format!("has the unknown type {other:?}")),
        };
        if fits { Ok(()) } else { Err(format!("must be of type {}", self.kind)) }
    }

    fn check_text(&self, text: &str) -> Result<(), String> {
        if self.maxlength > 0 && text.chars().count() > self.maxlength {
            return Err(format!("must be at most {} characters", self.maxlength));
        }
        let Some(validation) = &self.validation else { return Ok(()) };
        let fits = match validation.as_str() {
            "shellsafe" => is_shell_safe(text),
            "ipv4address" => text.parse::<Ipv4Addr>().is_ok(),
            "ipv6address" => text.parse::<Ipv6Addr>().is_ok(),
            "ipaddress" => text.parse::<IpAddr>().is_ok(),
            pattern => Regex::new(pattern).is_ok_and(|regex| regex.is_match(text)),
        };
        if fits { Ok(()) } else { Err(format!("must be valid: {validation}")) }
    }

    fn check_choice(&self, value: &Value) -> Result<(), String> {
        if value.as_str().is_some_and(|text| self.list.iter().any(|choice| choice == text)) {
            return Ok(());
        }
        Err(format!("must be one of {}", self.list.join(", ")))
    }
}

/// Without the characters that a shell would act upon (mcollective's `shellsafe`).
fn is_shell_safe(text: &str) -> bool {
    !text.contains(['`', '$', ';', '|', '&', '>', '<', '\n', '\0'])
}

#[cfg(test)]
mod tests {
    use super::super::Ddl;
    use super::*;
    use serde_json::json;

    fn check(data: Value) -> Result<Value, InputError> {
        let ddl = json!({
            "metadata": {"name": "t", "timeout": 5},
            "actions": [{"action": "do", "input": {
                "name": {"type": "string", "optional": false, "validation": "shellsafe", "maxlength": 5},
                "count": {"type": "integer", "optional": true},
                "mode": {"type": "list", "optional": true, "list": ["a", "b"], "default": "a"},
            }}]
        });
        let ddl = Ddl::parse(&ddl.to_string()).unwrap();
        let Value::Object(mut data) = data else { panic!("inputs are an object") };
        ddl.action("do").unwrap().check(&mut data).map(|()| Value::Object(data))
    }

    #[test]
    fn good_inputs_pass_and_defaults_are_added() {
        let checked = check(json!({"name": "x", "count": 1, "process_results": true}));
        assert_eq!(checked, Ok(json!({"name": "x", "count": 1, "mode": "a"})));
    }

    #[test]
    fn every_rule_is_enforced() {
        for bad in [
            json!({}),
            json!({"name": "x", "other": 1}),
            json!({"name": 1}),
            json!({"name": "longer"}),
            json!({"name": "a;b"}),
            json!({"name": "x", "count": "1"}),
            json!({"name": "x", "mode": "c"}),
        ] {
            assert!(check(bad.clone()).is_err(), "{bad}");
        }
    }
}
