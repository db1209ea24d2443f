//! Places to listen at and to dial.

use antiphon_gateway::preflight::Preflight;

use super::{Before, when_good};
use crate::{
    check::{Check, Finding, Outcome, Test},
    human,
};

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "PRE-007",
        title: "The links' port is free",
        meaning: "Nobody can listen at [link] listen: another process does, or the address is none of \
                  this host's.",
        next: "ss -ltnp shows who listens; [link] listen",
        test: Test::Before(link),
    },
    Check {
        code: "PRE-008",
        title: "The port of metrics and health is free",
        meaning: "Nobody can listen at [http] listen: another process does, or the address is none of \
                  this host's.",
        next: "ss -ltnp shows who listens; [http] listen",
        test: Test::Before(http),
    },
    Check {
        code: "PRE-009",
        title: "The admin socket can be made",
        meaning: "The place of [admin] listen cannot be used: its folder is missing or not writable, \
                  another gateway answers there, or something else stands there.",
        next: "mkdir its folder, owned by the user that runs the gateway; or [admin] listen",
        test: Test::Before(admin),
    },
    Check {
        code: "PRE-010",
        title: "There are seeds",
        meaning: "[link] seeds is empty: the gateway dials nobody, and waits for others to dial it.",
        next: "[link] seeds = [\"host:port of a gateway in another region\"]",
        test: Test::Before(some_seeds),
    },
    Check {
        code: "PRE-011",
        title: "Names of seeds are known",
        meaning: "The name of a seed has no address.",
        next: "getent hosts NAME; [link] seeds",
        test: Test::Before(resolved),
    },
    Check {
        code: "PRE-012",
        title: "A gateway of the fabric answers at each seed",
        meaning: "Nobody answers at a seed, or somebody whose certificate stands for nobody in this \
                  fabric, or who does not accept ours. One seed that answers is enough to start; a \
                  fabric's very first gateway finds nobody.",
        next: "start what should answer there; compare [link] tls.ca and [identity] names of both",
        test: Test::Before(answered),
    },
    Check {
        code: "PRE-013",
        title: "Others can find the place that is advertised",
        meaning: "[link] advertise is where all other gateways dial this one. Its name has no \
                  address here, or leads to a loopback address, where only this host can dial it.",
        next: "[link] advertise = \"a name or address that other regions reach\"",
        test: Test::Before(advertised),
    },
];

fn link(before: &Before) -> Outcome {
    place(before, "link.listen")
}

fn http(before: &Before) -> Outcome {
    place(before, "http.listen")
}

fn admin(before: &Before) -> Outcome {
    place(before, "admin.listen")
}

fn place(before: &Before, setting: &str) -> Outcome {
    when_good(before, |tried| {
        let Some(place) = tried.places.iter().find(|one| one.setting == setting) else {
            return Outcome::good("not configured");
        };
        let error = place.error.as_ref();
        let finding = error.map(|why| Finding::problem(format!("{}: {why}", place.place)));
        Outcome::of(finding, place.place.as_str())
    })
}

fn seeds(tried: &Preflight) -> String {
    human::count(tried.seeds.len() as u64, "seed")
}

fn some_seeds(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let finding = tried.seeds.is_empty().then(|| Finding::warning("[link] seeds is empty"));
        Outcome::of(finding, seeds(tried))
    })
}

fn resolved(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let findings = tried.seeds.iter().filter_map(|seed| {
            let why = seed.unresolved.as_ref()?;
            Some(Finding::problem(format!("{}: {why}", seed.place)))
        });
        Outcome::of(findings, seeds(tried))
    })
}

fn answered(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let answers = || tried.seeds.iter().filter_map(|seed| Some((seed, seed.answer.as_ref()?)));
        let somebody = answers().any(|(_, answer)| answer.is_ok());
        let findings = answers().filter_map(|(seed, answer)| {
            let why = answer.as_ref().err()?;
            let text = format!("{}: {why}", seed.place);
            Some(if somebody { Finding::warning(text) } else { Finding::problem(text) })
        });
        let good = answers().filter_map(|(_, answer)| answer.as_ref().ok());
        Outcome::of(findings, human::list(good))
    })
}

fn advertised(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let advertise = &tried.advertise;
        let place = &advertise.place;
        let finding = match (&advertise.unresolved, advertise.loopback) {
            (Some(why), _) => Some(Finding::warning(format!("{place}: {why}"))),
            (None, true) => Some(Finding::warning(format!("{place} is on this host alone"))),
            (None, false) => None,
        };
        Outcome::of(finding, place.as_str())
    })
}
