//! `down:eu-us,drain:ap-1@40s`: further steps for a scenario, as short words.

use std::time::Duration;

use toml::Spanned;

use super::{Scenario, Span, StepSpec, time::End};

/// When something befalls the world, where nothing is said: gateways have found each other, and
/// clients have asked for a while.
const AT: Duration = Duration::from_secs(20);

/// Why a what-if cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WhatIfError {
    /// It has no verb, or one that nobody knows.
    #[error("{text:?}: wanted is one of down:, silent:, flap:, drain:, pause:, broker: and a name")]
    Verb {
        /// As it was given.
        text: String,
    },
    /// Its name is none of the scenario's.
    #[error("{text:?}: there is no gateway, region or pair of them {name:?}; there are {known}")]
    Name {
        /// As it was given.
        text: String,
        /// The name in it.
        name: String,
        /// Names that there are.
        known: String,
    },
    /// Its time is none, or not before the end.
    #[error("{text:?}: {reason}")]
    Time {
        /// As it was given.
        text: String,
        /// Why.
        reason: String,
    },
}

/// What a name stands for.
enum Whom {
    One(String),
    Pair(Vec<String>),
}

impl Scenario {
    /// Adds steps: `VERB:NAME`, several of them divided by commas, each perhaps with `@TIME` when it
    /// begins and `+TIME` how long it lasts.
    ///
    /// A name is a region, a gateway, or two of them as `eu-us`. Verbs: `down` ends processes or
    /// cuts a link, `silent` does the same without telling anybody, `flap` cuts and heals a link
    /// again and again, `drain`, `pause`, and `broker` for a region's broker.
    ///
    /// # Errors
    /// [`WhatIfError`]: the first that cannot be read; then nothing is added.
    pub fn what_if(&mut self, text: &str) -> Result<(), WhatIfError> {
        let one = |one: &str| self.one_what_if(one.trim());
        let steps = text.split(',').map(one).collect::<Result<Vec<_>, _>>()?;
        self.step.extend(steps.into_iter().map(|step| Spanned::new(0..0, step)));
        Ok(())
    }

    fn one_what_if(&self, text: &str) -> Result<StepSpec, WhatIfError> {
        let wrong_verb = || WhatIfError::Verb { text: text.to_owned() };
        let (verb, rest) = text.split_once(':').ok_or_else(wrong_verb)?;
        let (name, time) = rest.split_once('@').map_or((rest, None), |(a, b)| (a, Some(b)));
        let mut step = self.when(text, time)?;
        let whom = self.whom(text, name)?;
        let field = match (verb, &whom) {
            ("down", Whom::Pair(_)) => &mut step.partition,
            ("down", Whom::One(_)) => &mut step.kill,
            ("silent", Whom::Pair(_)) => &mut step.black_hole,
            ("silent", Whom::One(_)) => &mut step.power_off,
            ("flap", Whom::Pair(_)) => &mut step.flap,
            ("drain", Whom::One(_)) => &mut step.drain,
            ("pause", Whom::One(_)) => &mut step.pause,
            ("broker", Whom::One(region)) if self.regions.contains_key(region) => {
                &mut step.broker_down
            }
            (_, Whom::One(_) | Whom::Pair(_)) => return Err(wrong_verb()),
        };
        *field = Some(match whom {
            Whom::One(name) => vec![name],
            Whom::Pair(names) => names,
        });
        Ok(step)
    }

    /// A step without a verb.
    fn when(&self, text: &str, time: Option<&str>) -> Result<StepSpec, WhatIfError> {
        let wrong = |reason| WhatIfError::Time { text: text.to_owned(), reason };
        let parse = |time: &str| time.parse::<Span>().map_err(wrong);
        let Some(time) = time else {
            let at = Span(AT.min(self.run_for.0 / 2));
            return Ok(StepSpec { at, ..StepSpec::default() });
        };
        let (at, lasts) = time.split_once('+').map_or((time, None), |(a, b)| (a, Some(b)));
        let (at, lasts) = (parse(at)?, lasts.map(parse).transpose()?);
        End(self.run_for).must_follow(at).map_err(wrong)?;
        Ok(StepSpec { at, lasts, ..StepSpec::default() })
    }

    /// Names may hold hyphens themselves: every place to divide is tried.
    fn whom(&self, text: &str, name: &str) -> Result<Whom, WhatIfError> {
        let known = self.names();
        let is_known = |name: &str| known.iter().any(|one| one == name);
        if is_known(name) {
            return Ok(Whom::One(name.to_owned()));
        }
        let divided = name.match_indices('-').filter_map(|(at, _)| {
            let (one, other) = (name.get(..at)?, name.get(at + 1..)?);
            (is_known(one) && is_known(other)).then(|| vec![one.to_owned(), other.to_owned()])
        });
        let mut divided = divided;
        divided.next().map(Whom::Pair).ok_or_else(|| WhatIfError::Name {
            text: text.to_owned(),
            name: name.to_owned(),
            known: known.join(", "),
        })
    }

    /// Everybody's names: regions, then gateways.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.regions.keys().cloned().collect();
        for (region, spec) in &self.regions {
            let count = spec.get_ref().gateways.unwrap_or(2);
            names.extend((1..=count).map(|number| format!("{region}-{number}")));
        }
        names.extend(self.places.keys().cloned());
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenario() -> Scenario {
        let text = "about = \"\"\nseeds = [1]\nrun_for = \"90s\"\n\
                    regions = { eu = {}, us-east = {}, ap = { gateways = 1 } }\n";
        Scenario::parse("test", text).unwrap()
    }

    fn steps(text: &str) -> Vec<StepSpec> {
        let mut scenario = scenario();
        scenario.what_if(text).unwrap();
        assert!(scenario.plan("test", "").is_ok(), "{text}");
        scenario.step.into_iter().map(Spanned::into_inner).collect()
    }

    fn at(seconds: u64) -> StepSpec {
        StepSpec { at: Span(Duration::from_secs(seconds)), ..StepSpec::default() }
    }

    fn names(names: &[&str]) -> Option<Vec<String>> {
        Some(names.iter().map(|&name| name.to_owned()).collect())
    }

    #[test]
    fn links_gateways_and_regions_go_down() {
        let expected = [
            StepSpec { partition: names(&["eu", "us-east"]), ..at(20) },
            StepSpec { kill: names(&["ap-1"]), ..at(20) },
            StepSpec { black_hole: names(&["us-east-2", "eu"]), ..at(20) },
            StepSpec { power_off: names(&["us-east"]), ..at(20) },
        ];
        let text = "down:eu-us-east, down:ap-1,silent:us-east-2-eu,silent:us-east";
        assert_eq!(steps(text), expected);
    }

    #[test]
    fn a_time_says_when_and_how_long() {
        let lasts = Some(Span(Duration::from_secs(5)));
        let expected = [
            StepSpec { broker_down: names(&["eu"]), lasts, ..at(40) },
            StepSpec { drain: names(&["eu-1"]), ..at(50) },
        ];
        assert_eq!(steps("broker:eu@40s+5s,drain:eu-1@50s"), expected);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (text, wanted) in [
            ("eu-us", "wanted is one of"),
            ("up:eu", "wanted is one of"),
            ("broker:eu-1", "wanted is one of"),
            ("down:mars", "there are ap, eu, us-east, ap-1, eu-1"),
            ("down:eu@soon", "no time"),
            ("down:eu-us-east@90s", "1m30s is not before the end, run_for = 1m30s"),
            ("drain:eu-1@2m+5s", "2m is not before the end, run_for = 1m30s"),
        ] {
            let error = scenario().what_if(text).unwrap_err().to_string();
            assert!(error.contains(wanted) && error.contains(text), "{error}");
        }
    }
}
