//! The policy file: what this region lets out, in and through, read apart from the configuration so
//! that it can change while the gateway runs.

mod raw;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    str::FromStr,
};

use antiphon_core::{
    RegionId,
    policy::{
        Direction, Effect, Follow, Pattern, Policy, RULES_MAX, Rate, RateLimits, Rule, Rules,
    },
};

use self::raw::{RawFollow, RawLimits, RawPolicy, RawRate, RawRule};
use super::{
    CallerTrust, PolicySource,
    document::{Document, line_at},
    field::Field,
    naming::with_sources,
    problem::{Gathered, Problems},
    raw::{RawCallers, RawPolicySource},
    reader::Reader,
};
use crate::callers::Callers;

/// Reads a policy file.
///
/// # Errors
/// Every problem, each with file, line where known, and key.
pub fn policy(path: &Path) -> Result<Policy, Problems> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Problems::one(path, format_args!("cannot be read: {error}")))?;
    policy_text(path, &text)
}

/// Reads the text of a policy; `file` is what problems name.
///
/// # Errors
/// As [`policy`].
pub fn policy_text(file: &Path, text: &str) -> Result<Policy, Problems> {
    let (document, errors) = Document::parse(text);
    let mut problems = Gathered::default();
    for error in errors {
        problems.add_at(String::new(), error.line, error.reason);
    }
    let policy = if problems.is_empty() { read(&document, &mut problems) } else { None };
    match policy {
        Some(policy) if problems.is_empty() => Ok(policy),
        Some(_) | None => Err(problems.into_problems(file, |key| line_near(&document, key))),
    }
}

/// The line of a key; of the rule that it is missing in, if it is missing.
fn line_near(document: &Document<'_>, key: &str) -> Option<usize> {
    let rule = || key.rsplit_once('.').and_then(|(rule, _)| document.line_of(rule));
    document.line_of(key).or_else(rule)
}

/// Reads the section of the configuration, and the file that it names.
pub(super) fn source(raw: RawPolicySource, reader: &mut Reader<'_>) -> PolicySource {
    let callers = raw.callers.map(|raw| callers(raw, reader));
    let file = match raw.file.is_absent() {
        true => None,
        false => reader.file(raw.file, "policy.file"),
    };
    let mut source = PolicySource { file, policy: Policy::default(), callers };
    match source.file.as_deref().map(|file| source.read(file)) {
        Some(Ok(policy)) => source.policy = policy,
        Some(Err(problems)) => reader.problems.adopt(problems),
        None => {}
    }
    source
}

impl PolicySource {
    /// Reads a policy file, and checks that what its rules need is there.
    ///
    /// # Errors
    /// Every problem, each with file, line where known, and key.
    pub fn read(&self, file: &Path) -> Result<Policy, Problems> {
        self.check(file, policy(file)?)
    }

    /// The same for the text of a policy; `file` is what problems name.
    ///
    /// # Errors
    /// As [`PolicySource::read`].
    pub fn read_text(&self, file: &Path, text: &str) -> Result<Policy, Problems> {
        self.check(file, policy_text(file, text)?)
    }

    fn check(&self, file: &Path, policy: Policy) -> Result<Policy, Problems> {
        if self.callers.is_none() && policy.names_callers() {
            let reason = "a rule names callers, and the gateway's configuration does not say whose \
                          signatures prove them: [policy] callers";
            return Err(Problems::one(file, reason));
        }
        Ok(policy)
    }
}

fn callers(raw: RawCallers, reader: &mut Reader<'_>) -> CallerTrust {
    let key = |name: &str| format!("policy.callers.{name}");
    let ca = match raw.ca.is_absent() {
        true => None,
        false => reader.file(raw.ca, &key("ca")),
    };
    let trust = CallerTrust {
        ca,
        allow: raw.allow.optional(&key("allow"), reader.problems),
        privileged: raw.privileged.optional(&key("privileged"), reader.problems),
        issuers: raw.issuers.or(BTreeMap::new(), &key("issuers"), reader.problems),
        trusted_signers: raw.trusted_signers.or(
            Vec::new(),
            &key("trusted_signers"),
            reader.problems,
        ),
    };
    if trust.ca.is_none() && trust.issuers.is_empty() && trust.trusted_signers.is_empty() {
        reader.problems.add("policy.callers", "needs ca, for protocol v1, or issuers, for v2");
    } else if let Err(error) = Callers::load(&trust) {
        reader.problems.add(key(error.key()), with_sources(&error));
    }
    trust
}

fn read(document: &Document<'_>, problems: &mut Gathered) -> Option<Policy> {
    let deserializer = toml::Deserializer::parse(document.text()).ok()?;
    let mut unknown = Vec::new();
    let raw: Result<RawPolicy, toml::de::Error> =
        serde_ignored::deserialize(deserializer, |path| unknown.push(path.to_string()));
    for key in unknown {
        problems.add(key, "is unknown");
    }
    let told = |error: toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let line = line_at(document.text(), span.start);
        problems.add_at(document.key_at(&span), Some(line), error.message());
    };
    raw.map_err(told).ok().map(|raw| assemble(raw, problems))
}

fn assemble(raw: RawPolicy, problems: &mut Gathered) -> Policy {
    let RawPolicy { default, export, accept, transit, limits, follow_halts } = raw;
    let mut list = |direction: Direction, raw: Vec<RawRule>, otherwise: Field<Effect>| {
        let key = format!("default.{}", direction.label());
        let otherwise = otherwise.or(Effect::Allow, &key, problems);
        Rules { rules: rules(direction, raw, problems), otherwise }
    };
    Policy {
        export: list(Direction::Export, export, default.export),
        accept: list(Direction::Accept, accept, default.accept),
        transit: list(Direction::Transit, transit, default.transit),
        limits: rates(limits, problems),
        follow_halts: follow(follow_halts, problems),
    }
}

fn rules(direction: Direction, raw: Vec<RawRule>, problems: &mut Gathered) -> Vec<Rule> {
    let word = direction.label();
    if raw.len() > RULES_MAX {
        problems.add(word, format_args!("has more than {RULES_MAX} rules"));
    }
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for (index, raw) in raw.into_iter().enumerate() {
        let key = format!("{word}.{index}");
        let Some(rule) = rule(direction, raw, &key, problems) else { continue };
        if !names.insert(rule.name.clone()) {
            let reason = format_args!("{:?} is the name of an earlier rule", rule.name);
            problems.add(format!("{key}.name"), reason);
        }
        rules.push(rule);
    }
    rules
}

fn rule(direction: Direction, raw: RawRule, key: &str, problems: &mut Gathered) -> Option<Rule> {
    let name = raw.name.required(&format!("{key}.name"), problems);
    let named = name.as_deref().is_none_or(is_name);
    if !named {
        let reason = "must be 1 to 64 characters out of A-Z a-z 0-9 - _ .";
        problems.add(format!("{key}.name"), reason);
    }
    for (field, end, redundant) in [
        (&raw.from, "from", direction == Direction::Export),
        (&raw.to, "to", direction == Direction::Accept),
    ] {
        if redundant && !field.is_absent() {
            let reason = format_args!("is always our own region in {}", direction.label());
            problems.add(format!("{key}.{end}"), reason);
        }
    }
    if direction == Direction::Transit && !raw.callers.is_absent() {
        let reason = "cannot be named in transit: only the ends of a request verify its signature";
        problems.add(format!("{key}.callers"), reason);
    }
    let from = list::<RegionId>(raw.from, &format!("{key}.from"), problems);
    let to = list::<RegionId>(raw.to, &format!("{key}.to"), problems);
    let mut patterns =
        |field, name: &str| list::<Pattern>(field, &format!("{key}.{name}"), problems);
    let collectives = patterns(raw.collectives, "collectives");
    let agents = patterns(raw.agents, "agents");
    let actions = patterns(raw.actions, "actions");
    let callers = patterns(raw.callers, "callers");
    Some(Rule {
        effect: raw.effect.required(&format!("{key}.effect"), problems)?,
        name: name?,
        from: from.into_iter().collect(),
        to: to.into_iter().collect(),
        collectives,
        agents,
        actions,
        callers,
    })
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(plain)
}

/// A list that is absent matches everything; one that is empty would match nothing, which nobody
/// means.
fn list<T: FromStr<Err: std::fmt::Display>>(
    field: Field<Vec<String>>,
    key: &str,
    problems: &mut Gathered,
) -> Vec<T> {
    let Some(texts) = field.optional(key, problems) else { return Vec::new() };
    if texts.is_empty() {
        problems.add(key, "is empty: leave it out to match everything");
    }
    let mut parse = |text: &String| text.parse().map_err(|error| problems.add(key, error)).ok();
    texts.iter().filter_map(&mut parse).collect()
}

/// Whose halts hold here; without the key, everybody's.
fn follow(raw: Field<RawFollow>, problems: &mut Gathered) -> Follow {
    const KEY: &str = "follow_halts";
    match raw.optional(KEY, problems) {
        None => Follow::default(),
        Some(RawFollow::Word(word)) if word == "any" => Follow::Any,
        Some(RawFollow::Word(word)) if word == "none" => Follow::Regions(BTreeSet::new()),
        Some(RawFollow::Word(word)) => {
            let reason =
                format_args!("is {word:?}: must be \"any\", \"none\" or a list of regions");
            problems.add(KEY, reason);
            Follow::default()
        }
        Some(RawFollow::Regions(names)) => {
            let mut read = |name: &String| {
                name.parse::<RegionId>().map_err(|error| problems.add(KEY, error)).ok()
            };
            Follow::Regions(names.iter().filter_map(&mut read).collect())
        }
    }
}

fn rates(raw: RawLimits, problems: &mut Gathered) -> RateLimits {
    let mut rate = |field: Field<RawRate>, key: &str| {
        let raw = field.optional(key, problems)?;
        checked(raw, key, problems)
    };
    let caller = rate(raw.caller, "limits.caller");
    let region = rate(raw.region, "limits.region");
    let each = raw.regions.or(BTreeMap::new(), "limits.regions", problems);
    let mut regions = BTreeMap::new();
    for (name, raw) in each {
        let key = format!("limits.regions.{name}");
        let region = name.parse::<RegionId>().map_err(|error| problems.add(&key, error)).ok();
        let rate = checked(raw, &key, problems);
        regions.extend(region.zip(rate));
    }
    RateLimits { caller, region, regions }
}

fn checked(raw: RawRate, key: &str, problems: &mut Gathered) -> Option<Rate> {
    let RawRate { per_second, burst } = raw;
    if per_second == 0 || burst == 0 {
        problems.add(key, "per_second and burst must be more than zero");
        return None;
    }
    Some(Rate { per_second, burst })
}

#[cfg(test)]
mod tests;
