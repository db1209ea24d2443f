//! What others wrote: its licences, its origin, and that there is one of each that matters.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_tests::metadata;
use cargo_metadata::Package;
use spdx::{Expression, ParseMode};

/// Licences under which we may hand on a program of ours, in SPDX's names.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Cryptography besides `ring`: two providers in one process fight over the default, and double
/// what has to be watched.
const OTHER_CRYPTO: &[&str] =
    &["aws-lc-rs", "aws-lc-sys", "boring", "native-tls", "openssl", "openssl-sys"];

/// What must not be there twice: types of one version do not fit those of another.
const ONCE: &[&str] = &[
    "async-nats",
    "bytes",
    "http",
    "hyper",
    "prost",
    "rustls",
    "rustls-webpki",
    "serde",
    "tokio",
    "tonic",
];

/// The only registry: crates.io.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[test]
fn licences_permit_what_we_do() {
    let refused: Vec<_> = others()
        .iter()
        .filter(|package| !is_permitted(package.license.as_deref()))
        .map(|package| format!("{} {}: {:?}", package.name, package.version, package.license))
        .collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn there_is_one_provider_of_cryptography() {
    let names: BTreeSet<_> = others().iter().map(|package| package.name.to_string()).collect();
    let found: Vec<_> = OTHER_CRYPTO.iter().filter(|one| names.contains(**one)).collect();
    assert!(found.is_empty(), "besides ring there is {found:?}: cargo tree -i says why");
}

#[test]
fn what_others_types_come_from_is_there_once() {
    let mut versions: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in others() {
        versions.entry(package.name.to_string()).or_default().push(package.version.to_string());
    }
    for name in ONCE {
        let found = versions.get(*name).map_or(&[][..], Vec::as_slice);
        assert!(found.len() <= 1, "{name} is there as {found:?}");
    }
}

#[test]
fn everything_comes_from_the_one_registry() {
    for package in others() {
        let source = package.source.as_ref().map(|source| source.repr.as_str());
        assert_eq!(source, Some(REGISTRY), "{} {}", package.name, package.version);
    }
}

/// The packages that are not ours, for this machine.
fn others() -> Vec<Package> {
    let metadata = metadata();
    let ours = metadata.workspace_members.clone();
    metadata.packages.into_iter().filter(|package| !ours.contains(&package.id)).collect()
}

fn is_permitted(licence: Option<&str>) -> bool {
    let Some(licence) = licence else { return false };
    // Older crates write `/` for `OR`.
    let Ok(expression) = Expression::parse_mode(licence, ParseMode::LAX) else { return false };
    expression.evaluate(|required| {
        required.license.id().is_some_and(|licence| LICENCES.contains(&licence.name))
    })
}
