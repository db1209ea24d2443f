//! Every file in `simulations/`, with each of its seeds: found by reading the folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path};

use antiphon_sim::{Outcome, Scenario, gateway, run};

/// The scenarios: file name and text, in order of their names.
fn scenarios() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulations");
    let mut files: Vec<_> = fs::read_dir(&folder).unwrap().map(|one| one.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let named = |path: &Path| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        (format!("simulations/{name}"), fs::read_to_string(path).unwrap())
    };
    files.iter().map(|path| named(path)).collect()
}

fn failure(file: &str, outcome: &Outcome) -> String {
    let seen: Vec<String> = outcome.violations.iter().take(3).map(ToString::to_string).collect();
    format!("antiphon sim run {file} --seed {}\n  {}", outcome.seed, seen.join("\n  "))
}

#[test]
fn every_scenario_holds_with_each_of_its_seeds() {
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let mut failures = Vec::new();
    for (file, text) in scenarios().into_iter().filter(|(file, _)| file.contains(&only)) {
        let plan = Scenario::parse(&file, &text).and_then(|one| one.plan(&file, &text));
        let plan = plan.unwrap_or_else(|error| panic!("{error}"));
        assert!(!plan.seeds.is_empty(), "{file}: no seeds");
        for seed in &plan.seeds {
            let outcome = run(&plan, *seed, gateway);
            if !outcome.is_good() {
                failures.push(failure(&file, &outcome));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn the_same_seed_leaves_the_same_trace() {
    let (file, text) = scenarios().into_iter().find(|(file, _)| file.contains("flapping")).unwrap();
    let plan = Scenario::parse(&file, &text).unwrap().plan(&file, &text).unwrap();
    let (one, two) = (run(&plan, 7, gateway), run(&plan, 7, gateway));
    assert_eq!(one, two);
    assert_ne!(one.trace, run(&plan, 8, gateway).trace, "another seed, another trace");
}

#[test]
fn every_scenario_is_in_the_table() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../simulations");
    let table = fs::read_to_string(folder.join("README.md")).unwrap();
    for (file, _) in scenarios() {
        let name = Path::new(&file).file_stem().unwrap().to_string_lossy().into_owned();
        assert!(table.contains(&format!("`{name}`")), "{name} is missing in simulations/README.md");
    }
}
