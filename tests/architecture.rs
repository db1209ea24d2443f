//! The arrows between crates are those of the design, and pure crates are pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use antiphon_tests::{metadata, normal_tree, workspace_root};
use cargo_metadata::DependencyKind;
use toml::Table;

/// Every crate of the workspace, and which others of it it may depend on. A new crate or arrow
/// belongs here and into `ARCHITECTURE.md`, with a reason.
///
/// `cli` and `tests` stand above everything. Adapters (`broker`, `identity`) know neither each
/// other nor the core: only a shell translates between them. `node` and `client` know nothing of
/// the fabric, so that they prove that it works with nodes and clients that do not.
const ARROWS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("core", &["wire"]),
    ("sim", &["core", "wire"]),
    ("proto", &["core", "wire"]),
    ("broker", &[]),
    ("identity", &[]),
    ("gateway", &["broker", "core", "identity", "proto", "wire"]),
    ("node", &["broker", "identity", "wire"]),
    ("client", &["broker", "identity", "wire"]),
    ("lab", &["identity"]),
    (
        "cli",
        &["broker", "client", "core", "gateway", "identity", "lab", "node", "proto", "sim", "wire"],
    ),
    (
        "tests",
        &["broker", "client", "core", "gateway", "identity", "lab", "node", "proto", "sim", "wire"],
    ),
];

/// Crates whose decisions depend on nothing but their input.
const PURE: &[&str] = &["wire", "core", "sim"];

/// What reads clocks, randomness, files or sockets, or runs things in the background.
const IMPURE: &[&str] = &[
    "async-nats",
    "async-std",
    "chitchat",
    "chrono",
    "fastrand",
    "futures-util",
    "getrandom",
    "h2",
    "hyper",
    "hyper-util",
    "instant",
    "libc",
    "mio",
    "nix",
    "quanta",
    "rand",
    "rayon",
    "reqwest",
    "ring",
    "rustix",
    "rustls",
    "smol",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tokio-util",
    "tonic",
    "tracing-subscriber",
    "uuid",
];

/// What the `clippy.toml` of a pure crate bans; such files are not merged with the root's.
const BANNED: &[(&str, &str)] = &[
    ("disallowed-methods", "std::time::Instant::now"),
    ("disallowed-methods", "std::time::SystemTime::now"),
    ("disallowed-methods", "std::thread::sleep"),
    ("disallowed-types", "std::collections::HashMap"),
    ("disallowed-types", "std::collections::HashSet"),
];

#[test]
fn crates_depend_on_each_other_only_as_designed() {
    let allowed: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    let mut wrong = Vec::new();
    for (from, to) in arrows() {
        match allowed.get(from.as_str()) {
            None => wrong.push(format!("{from} is not in the table")),
            Some(targets) => {
                let more = to.iter().filter(|to| !targets.contains(&to.as_str()));
                wrong.extend(more.map(|to| format!("{from} must not depend on {to}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn pure_crates_reach_no_clock_no_randomness_and_no_socket() {
    assert!(normal_tree("antiphon-gateway").contains("tokio"), "the check sees what there is");
    let members: BTreeSet<_> = arrows().into_keys().collect();
    for name in PURE.iter().filter(|name| members.contains(**name)) {
        let tree = normal_tree(&format!("antiphon-{name}"));
        let impure: Vec<_> = IMPURE.iter().filter(|one| tree.contains(**one)).collect();
        assert!(impure.is_empty(), "antiphon-{name} reaches {impure:?}");
    }
}

#[test]
fn nodes_and_clients_reach_nothing_of_the_fabric() {
    for name in ["node", "client"] {
        let tree = normal_tree(&format!("antiphon-{name}"));
        for fabric in ["core", "proto", "gateway", "sim"] {
            let found = tree.contains(&format!("antiphon-{fabric}"));
            assert!(!found, "antiphon-{name} reaches antiphon-{fabric}");
        }
    }
}

#[test]
fn pure_crates_ban_what_would_make_them_impure() {
    let root = workspace_root();
    let folders = PURE.iter().map(|name| root.join("crates").join(name));
    for folder in folders.filter(|folder| folder.exists()) {
        let path = folder.join("clippy.toml");
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let table: Table =
            text.parse().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for (key, banned) in BANNED {
            let bans = table.get(*key).and_then(toml::Value::as_array).into_iter().flatten();
            let mut paths = bans.filter_map(|ban| ban.get("path").and_then(toml::Value::as_str));
            assert!(paths.any(|path| path == *banned), "{}: {banned}", path.display());
        }
    }
}

#[test]
fn every_crate_obeys_the_lints_of_the_workspace() {
    for package in metadata().workspace_packages() {
        let text = fs::read_to_string(&package.manifest_path).expect("cargo has read it too");
        let manifest: Table = text.parse().expect("cargo has parsed it too");
        let obeys = manifest.get("lints").and_then(|lints| lints.get("workspace"));
        assert_eq!(obeys.and_then(toml::Value::as_bool), Some(true), "{}", package.name);
    }
}

/// What each crate of ours depends on of ours, without `antiphon-`; tests do not count.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let metadata = metadata();
    let packages = metadata.workspace_packages().into_iter();
    packages
        .map(|package| {
            let dependencies = package.dependencies.iter();
            let ours = dependencies
                .filter(|one| one.kind != DependencyKind::Development && one.path.is_some());
            (short(&package.name), ours.map(|one| short(&one.name)).collect())
        })
        .collect()
}

fn short(package: &str) -> String {
    package.strip_prefix("antiphon-").unwrap_or(package).to_owned()
}
