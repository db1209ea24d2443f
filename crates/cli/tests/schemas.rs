//! The published schemas describe what the command prints: neither more nor less.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

const NOUNS: [&str; 15] = [
    "check",
    "collectives",
    "drops",
    "explain",
    "gateways",
    "halts",
    "links",
    "policy",
    "regions",
    "requests",
    "routes",
    "status",
    "trace",
    "topology",
    "all-gateways",
];

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).expect("JSON")
}

/// Compares a value with a schema of the few keywords that ours use; any other is refused, so that
/// nothing in a schema goes unchecked.
fn conform(value: &Value, schema: &Value, place: &str) {
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

#[test]
fn every_document_fits_its_published_schema() {
    for noun in NOUNS {
        let schema = read(&format!("../../docs/schemas/antiphon.{noun}.v1.json"));
        conform(&read(&format!("tests/golden/{noun}.json")), &schema, noun);
    }
}

/// A short world with a fault, so that no list stays empty for lack of anything to say.
const SCENARIO: &str = r#"
about = "Two regions lose each other."
seeds = [1]
run_for = "30s"
settle = "20s"
regions = { eu = {}, us = {} }
step = [{ at = "20s", partition = ["eu", "us"], for = "2s" }, { at = "29s", reset = ["eu", "us"] }]
expect = [{ complete = ["15s", "30s"] }, { by = "29s", alarm = "natively-joined" }]
"#;

#[test]
fn simulations_fit_their_published_schemas() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.toml");
    fs::write(&file, SCENARIO).unwrap();
    let file = file.to_str().unwrap();
    for (name, args) in [
        ("simulation", &["run", file, "--what-if", "down:eu-1@25s"][..]),
        ("swarm", &["swarm", "--seeds", "1..2", "--gateways", "3"]),
    ] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_antiphon"));
        let output = command.arg("sim").args(args).args(["-o", "json"]).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let schema = read(&format!("../../docs/schemas/antiphon.{name}.v1.json"));
        conform(&document, &schema, name);
    }
}
