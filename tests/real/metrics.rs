//! What rules and dashboards ask for is there.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use antiphon_lab::http;
use antiphon_tests::{Fabric, workspace_root};
use serde_json::Value;

/// The alerts.
const RULES: &str = "deploy/prometheus/antiphon.rules.yaml";

/// There only where lists of revoked certificates are configured: shown on gateways that have some, by
/// `daemon::tests::secured`.
const OF_LISTS: &str = "antiphon_revocation_list_next_update_timestamp_seconds";

/// Holds every metric that an alert or a dashboard names against those of a running region.
pub(crate) async fn exist(fabric: &Fabric) {
    let mut there = BTreeSet::new();
    for gateway in fabric.gateways().filter(|one| one.name().starts_with("eu-")) {
        let page = http::get(gateway.http(), "/metrics").await.unwrap().body;
        there.extend(names(&page));
        for kind in kinds() {
            let row = format!("antiphon_alarms{{kind=\"{kind}\"}} ");
            assert!(page.contains(&row), "no alarm is of the kind {kind}, which an alert names");
        }
    }
    let asked = asked();
    assert!(asked.len() > 20, "{asked:?}");
    let missing: Vec<_> =
        asked.iter().filter(|(name, _)| !there.contains(name) && name != OF_LISTS).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {there:?}");
}

/// The kinds of alarms that alerts name: a misspelt one would be told of by another alert, or by none.
fn kinds() -> BTreeSet<String> {
    let rules = fs::read_to_string(workspace_root().join(RULES)).unwrap();
    let lists = rules.split("antiphon_alarms{kind").skip(1);
    let lists = lists.map(|rest| rest.split('"').nth(1).unwrap());
    let kinds: BTreeSet<_> = lists.flat_map(|list| list.split('|')).map(str::to_owned).collect();
    assert!(kinds.len() >= 5, "{kinds:?}");
    kinds
}

/// The names of all samples that a page may have, by its `# TYPE` lines.
fn names(page: &str) -> Vec<String> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let samples = types.flat_map(|(name, kind)| {
        let suffixes: &[&str] = match kind {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            _ => &[""],
        };
        suffixes.iter().map(move |suffix| format!("{name}{suffix}"))
    });
    samples.collect()
}

/// Every metric that is asked for, and where.
fn asked() -> BTreeSet<(String, PathBuf)> {
    let root = workspace_root();
    let rules = root.join(RULES);
    let document = serde_yaml_ng::from_str(&fs::read_to_string(&rules).unwrap()).unwrap();
    let mut found = BTreeSet::new();
    expressions(&document, &rules, &mut found);
    let dashboards = fs::read_dir(root.join("deploy/helm/antiphon/dashboards"));
    for file in dashboards.into_iter().flatten().map(|entry| entry.unwrap().path()) {
        let document = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        expressions(&document, &file, &mut found);
    }
    found
}

/// Collects the metrics of each value named `expr` or `query`.
fn expressions(value: &Value, file: &Path, found: &mut BTreeSet<(String, PathBuf)>) {
    let inner: Vec<_> = match value {
        Value::Object(fields) => fields.iter().map(|(name, one)| (name.as_str(), one)).collect(),
        Value::Array(items) => items.iter().map(|one| ("", one)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return,
    };
    for (name, one) in inner {
        match one.as_str().filter(|_| matches!(name, "expr" | "query")) {
            Some(text) => found.extend(words(text).map(|word| (word.to_owned(), file.into()))),
            None => expressions(one, file, found),
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("antiphon_") || word.starts_with("process_"))
}
