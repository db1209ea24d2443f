//! Policies in scenarios: the keys of a policy file, in short.

use std::ops::Range;

use antiphon_core::policy::{Effect, Pattern, Policy, Rate, RateLimits, Rule, Rules};
use serde::{Deserialize, Serialize};

use super::{
    error::Fault,
    is_default,
    topology::{Topology, fault},
};

/// The policy of some gateways; what it does not name is as in a policy file without it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicySpec {
    /// Regions or gateways.
    pub of: Vec<String>,
    /// What holds where no rule matches.
    #[serde(skip_serializing_if = "is_default")]
    pub default: DefaultSpec,
    /// Rules for requests of their clients for other regions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub export: Vec<RuleSpec>,
    /// Rules for requests of other regions for their nodes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accept: Vec<RuleSpec>,
    /// Rules for requests between two others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transit: Vec<RuleSpec>,
    /// How many requests a second.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: LimitsSpec,
}

/// What holds where no rule matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DefaultSpec {
    /// Out of the region.
    pub export: Effect,
    /// Into it.
    pub accept: Effect,
    /// Through it.
    pub transit: Effect,
}

/// One rule; a list that is empty matches everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RuleSpec {
    /// Its name; default its number in its list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Regions that a request comes from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from: Vec<String>,
    /// Regions that it goes to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to: Vec<String>,
    /// Its collective; `*` stands for anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub collectives: Vec<Pattern>,
    /// Its agent; `*` stands for anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<Pattern>,
    /// Its caller; `*` stands for anything.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Pattern>,
    /// What the rule does.
    pub effect: Effect,
}

/// How many requests a second, at each gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsSpec {
    /// Of one caller, into the fabric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<Rate>,
    /// Of one other region, into this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Rate>,
}

impl PolicySpec {
    pub(crate) fn policy(&self, span: &Range<usize>, names: &Topology) -> Result<Policy, Fault> {
        let rules = |key: &str, specs: &[RuleSpec], otherwise| {
            let rule = |(index, spec)| one_rule(key, index, spec, span, names);
            let rules = specs.iter().enumerate().map(rule).collect::<Result<_, _>>()?;
            Ok::<_, Fault>(Rules { rules, otherwise })
        };
        let LimitsSpec { caller, region } = self.limits;
        Ok(Policy {
            export: rules("export", &self.export, self.default.export)?,
            accept: rules("accept", &self.accept, self.default.accept)?,
            transit: rules("transit", &self.transit, self.default.transit)?,
            limits: RateLimits { caller, region, ..RateLimits::default() },
            ..Policy::default()
        })
    }
}

fn one_rule(
    list: &str,
    index: usize,
    spec: &RuleSpec,
    span: &Range<usize>,
    names: &Topology,
) -> Result<Rule, Fault> {
    let regions = |key: &str, all: &[String]| {
        let key = format!("policy.{list}.{key}");
        all.iter().map(|one| names.region(one, &key, span)).collect::<Result<_, Fault>>()
    };
    let (from, to) = (regions("from", &spec.from)?, regions("to", &spec.to)?);
    if list == "transit" && !spec.callers.is_empty() {
        let what = "policy.transit.callers: who carries a request does not verify it".to_owned();
        return Err(fault(span, what));
    }
    Ok(Rule {
        name: spec.name.clone().unwrap_or_else(|| format!("{list}-{}", index + 1)),
        from,
        to,
        collectives: spec.collectives.clone(),
        agents: spec.agents.clone(),
        actions: Vec::new(),
        callers: spec.callers.clone(),
        effect: spec.effect,
    })
}
