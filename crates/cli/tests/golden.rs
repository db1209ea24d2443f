//! Every table at two widths and every document, from one fixed report.
//!
//! `UPDATE=1 cargo test -p antiphon-cli --test golden` rewrites the files; review reads them.

use std::{fs, path::PathBuf};

use antiphon_cli::{
    archive::{Archive, Silent},
    command::read::{tables, whole_document},
    noun::{Held, Noun, document},
    pick::PickArgs,
    render,
    screen::Screen,
    view::View,
};
use antiphon_core::{Incarnation, Stamp};
use antiphon_gateway::shell::Report;
use serde_json::Value;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn report() -> Report {
    let text = fs::read(folder().join("report.json")).expect("the report is there");
    serde_json::from_slice(&text).expect("the report is readable")
}

/// What two others hold of us: the newest advert, and an older one.
fn held() -> Held {
    let newest = report()
        .core
        .gateways
        .iter()
        .find_map(|one| (one.gateway.as_str() == "eu-1").then_some(one.advert).flatten());
    let newest = newest.expect("we have an advert");
    let older = Stamp { incarnation: Incarnation(newest.incarnation.0), version: 1 };
    let held = [("us-1", newest), ("eu-2", older)];
    held.into_iter().map(|(name, stamp)| (name.parse().expect("a name"), stamp)).collect()
}

fn nouns() -> Vec<(&'static str, Noun)> {
    vec![
        ("status", Noun::Status { strict: false }),
        ("regions", Noun::Regions),
        ("gateways", Noun::Gateways),
        ("links", Noun::Links),
        ("routes", Noun::Routes { to: None, all: false }),
        ("routes-to-us", Noun::Routes { to: Some("us".parse().expect("a region")), all: false }),
        ("routes-all", Noun::Routes { to: None, all: true }),
        ("collectives", Noun::Collectives),
        ("drops", Noun::Drops { examples: 10 }),
        ("halts", Noun::Halts),
        ("policy", Noun::Policy),
    ]
}

/// The text of a golden file; with `UPDATE=1`, written first.
fn golden(name: &str, actual: &str) -> String {
    let path = folder().join(name);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(&path, actual).expect("golden files can be written");
    }
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn drawn(noun: &Noun, width: u16) -> String {
    let screen = Screen { width: Some(width), colour: false };
    let tables = noun.tables(&report(), &held());
    tables.iter().map(|table| render::table(table, screen)).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_table_is_as_recorded_and_fits_its_width() {
    for (name, noun) in nouns() {
        for width in [80, 160] {
            let actual = drawn(&noun, width);
            assert_eq!(actual, golden(&format!("{name}.{width}.txt"), &actual), "{name}");
            for line in actual.lines() {
                assert!(line.chars().count() <= width.into(), "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn every_document_is_as_recorded_and_names_its_schema() {
    for (name, noun) in nouns() {
        let report = report();
        let actual = document(noun.name(), &report, noun.json(&report, &held()));
        let text = golden(&format!("{name}.json"), &format!("{actual:#}\n"));
        // Parsed, since the order of keys is nobody's promise.
        assert_eq!(actual, serde_json::from_str::<Value>(&text).unwrap(), "{name}");
        assert_eq!(actual["schema"], format!("antiphon.{}.v1", noun.name()));
    }
}

/// Two gateways that answered and one that did not.
fn everybody() -> View {
    let mut other = report();
    other.core.gateway = "us-1".parse().expect("a name");
    other.core.region = "us".parse().expect("a name");
    other.core.alarms.clear();
    let silent = Silent {
        gateway: "sa-1".parse().expect("a name"),
        region: "sa".parse().expect("a name"),
        reason: "no route to it".to_owned(),
    };
    View::of_all(Archive::new(report().core.gateway, vec![report(), other], vec![silent]))
}

#[test]
fn what_several_gateways_say_is_shown_side_by_side() {
    let view = everybody();
    for (name, noun) in [("status", Noun::Status { strict: false }), ("links", Noun::Links)] {
        for width in [80, 160] {
            let screen = Screen { width: Some(width), colour: false };
            let tables = tables(&noun, &view, &PickArgs::default()).expect("tables");
            let drawn: Vec<String> = tables.iter().map(|one| render::table(one, screen)).collect();
            let actual = drawn.join("\n");
            assert_eq!(actual, golden(&format!("all-{name}.{width}.txt"), &actual), "{name}");
            for line in actual.lines() {
                assert!(line.chars().count() <= width.into(), "{name} at {width}: {line}");
            }
        }
    }
    let links = whole_document(&Noun::Links, &view, &PickArgs::default()).expect("a document");
    let text = golden("all-gateways.json", &format!("{links:#}\n"));
    assert_eq!(links, serde_json::from_str::<Value>(&text).expect("JSON"));
}

#[test]
fn an_archive_comes_back_from_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("fabric.gz");
    let archive = Archive::new(report().core.gateway, vec![report()], Vec::new());
    archive.write(&path).expect("it is written");
    assert_eq!(Archive::read(&path).expect("it is read"), archive);
    // What the admin API gives is an archive of one.
    fs::write(&path, serde_json::to_vec(&report()).expect("JSON")).expect("it is written");
    assert_eq!(Archive::read(&path).expect("it is read"), archive);
    fs::write(&path, r#"{"schema":"antiphon.links.v1"}"#).expect("it is written");
    assert!(
        Archive::read(&path).expect_err("no archive").to_string().contains("antiphon.links.v1")
    );
}
