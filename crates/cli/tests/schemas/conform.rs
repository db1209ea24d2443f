//! A schema applied to a document.

use std::collections::BTreeSet;

use serde_json::Value;

/// Compares a value with a schema of the few keywords that ours use; any other is refused, so that
/// nothing in a schema goes unchecked.
pub(crate) fn conform(value: &Value, schema: &Value, place: &str) {
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" | "format" | "required" => {}
            "const" => assert_eq!(value, rule, "{place}"),
            "enum" => {
                let values = rule.as_array().expect("a list of values");
                assert!(values.contains(value), "{place}: {value}");
            }
            "minimum" => assert!(value.is_null() || value.as_u64() >= rule.as_u64(), "{place}"),
            "type" => assert!(is_of_type(value, rule), "{place}: {value} is not {rule}"),
            "properties" => properties(value, schema, place),
            "additionalProperties" => {
                for (key, value) in value.as_object().expect("checked by type") {
                    conform(value, rule, &format!("{place}.{key}"));
                }
            }
            "items" => {
                for (index, value) in value.as_array().expect("checked by type").iter().enumerate()
                {
                    conform(value, rule, &format!("{place}[{index}]"));
                }
            }
            other => panic!("{place}: unknown keyword {other}"),
        }
    }
}

/// Every property is described, and every described one is there.
fn properties(value: &Value, schema: &Value, place: &str) {
    let Some(value) = value.as_object() else { return };
    let described = schema["properties"].as_object().expect("properties are an object");
    let required: BTreeSet<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let keys = |map: &serde_json::Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(keys(value), keys(described), "{place}");
    assert_eq!(required.len(), described.len(), "{place}: everything is always there");
    for (key, schema) in described {
        conform(&value[key], schema, &format!("{place}.{key}"));
    }
}

fn is_of_type(value: &Value, rule: &Value) -> bool {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("unknown type {other}"),
    };
    match rule.as_array() {
        Some(names) => names.iter().filter_map(Value::as_str).any(is),
        None => rule.as_str().is_some_and(is),
    }
}
