//! Machines with one planted defect each: every one is caught within 200 seeds, by an invariant, and
//! the machine without a defect passes the same seeds.

#![allow(clippy::wildcard_enum_match_arm, reason = "a defect is about one kind of event or action")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "make sim shows what caught each")]

mod defects;

use antiphon_core::{Config, Gateway, Now};
use antiphon_sim::{Machine, Make, gateway, swarm};

use defects::{Defect, Mutant};

/// Seeds within which a defect must show.
const SEEDS: u64 = 200;

/// A defect, the seed that shows it first, and the invariant that it breaks first.
struct Known {
    make: Make,
    name: &'static str,
    seed: u64,
    invariant: &'static str,
}

fn mutant(defect: Defect, config: Config, seed: u64, now: Now) -> Box<dyn Machine> {
    Box::new(Mutant::new(defect, Gateway::new(config, seed, now)))
}

macro_rules! known {
    ($($name:ident, $seed:literal, $invariant:literal;)*) => {
        [$(Known {
            make: |config, seed, now| mutant(Defect::$name, config, seed, now),
            name: stringify!($name),
            seed: $seed,
            invariant: $invariant,
        },)*]
    };
}

fn all() -> Vec<Known> {
    known! {
        PublishesTwice, 1, "at-most-once";
        LosesFrames, 1, "truthful";
        SkipsANumber, 1, "behaviour";
        AcceptsOldAdverts, 1, "agreement";
        ResendsInANewEpoch, 2, "no-loop";
        ForgetsVisited, 34, "no-loop";
        TellsLies, 9, "truthful";
        NeverRejoins, 11, "liveness";
        RepublishesOnReconnect, 1, "at-most-once";
        KeepsDeadLinks, 1, "liveness";
        IgnoresAcceptRules, 9, "policy";
        IgnoresExportRules, 12, "policy";
        PrunesOnPartialFilters, 135, "liveness";
        LosesAnIdentity, 2, "liveness";
        DoublesAnIdentity, 1, "at-most-once";
        ForgetsTheMark, 1, "no-loop";
        IgnoresItsCredit, 7, "behaviour";
        MissesCredit, 7, "liveness";
    }
    .into()
}

/// What a machine breaks first in the world of a seed.
fn broken(make: Make, seed: u64) -> Option<&'static str> {
    let outcome = swarm::try_seed(seed, &swarm::Shape::default(), make);
    outcome.violations.first().map(|one| one.invariant)
}

/// The first seed that shows a defect, and what it breaks: the line for the list.
fn found(make: Make) -> Option<(u64, &'static str)> {
    (1..=SEEDS).find_map(|seed| Some((seed, broken(make, seed)?)))
}

#[test]
fn every_planted_defect_is_caught() {
    let mut wrong = Vec::new();
    for Known { make, name, seed, invariant } in all() {
        assert!(seed <= SEEDS, "{name}");
        let seen = broken(make, seed);
        println!("{name}: seed {seed} breaks {}", seen.unwrap_or("nothing"));
        if seen != Some(invariant) {
            wrong.push(format!("{name}: the first seed that shows it: {:?}", found(make)));
        }
    }
    assert!(wrong.is_empty(), "not as the list says:\n{}", wrong.join("\n"));
}

#[test]
fn the_machine_without_a_defect_passes_the_same_seeds() {
    for seed in all().iter().map(|known| known.seed).collect::<std::collections::BTreeSet<_>>() {
        let outcome = swarm::try_seed(seed, &swarm::Shape::default(), gateway);
        assert!(outcome.is_good(), "seed {seed}: {}", outcome.violations.first().unwrap());
    }
}
