//! What operators order: halts, and links that are not to be used.

use std::ops::Range;

use antiphon_core::{OrderGiven, Stop};
use serde::{Deserialize, Serialize};

use super::{
    StepSpec,
    error::Fault,
    steps::{Act, Acts, must_not_last},
    topology::{Topology, fault},
};

/// One order; exactly one thing that it is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderSpec {
    /// The gateway whose operator gives it; a region: its first that runs.
    pub by: String,
    /// Requests of this collective.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collective: Option<String>,
    /// Requests of this caller; `*` stands for any characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Requests between two regions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<Vec<String>>,
    /// Links with this region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub with: Option<String>,
}

/// The acts of a step that orders something; `None` for any other.
pub(super) fn acts(
    step: &StepSpec,
    span: &Range<usize>,
    names: &Topology,
) -> Result<Option<Acts>, Fault> {
    let all = [
        ("halt", &step.halt, true, true),
        ("resume", &step.resume, false, true),
        ("link_down", &step.link_down, true, false),
        ("link_up", &step.link_up, false, false),
    ];
    let mut found = None;
    for (key, spec, stands, halts) in all {
        let Some(spec) = spec else { continue };
        let slots = names.slots(&spec.by, &format!("{key}.by"), span)?;
        let stop = stop(spec, key, span, names)?;
        if stop.is_halt() != halts {
            let wanted = if halts { "collective, caller or between" } else { "with, a region" };
            return Err(fault(span, format!("{key}: wants {wanted}")));
        }
        if !stands {
            must_not_last(step, key, span)?;
        }
        let given = OrderGiven {
            stop,
            stands,
            by: "operator".to_owned(),
            reason: step.describe(),
            lasts: step.lasts.map(|span| span.0),
        };
        found = Some(vec![(step.at.0, Act::Order(slots, given))]);
    }
    Ok(found)
}

fn stop(spec: &OrderSpec, key: &str, span: &Range<usize>, names: &Topology) -> Result<Stop, Fault> {
    let wrong = |what: String| fault(span, format!("{key}.{what}"));
    let mut found = Vec::new();
    if let Some(name) = &spec.collective {
        let collective = name.parse().map_err(|error| wrong(format!("collective: {error}")))?;
        found.push(Stop::Collective { collective });
    }
    if let Some(name) = &spec.caller {
        let caller = name.parse().map_err(|error| wrong(format!("caller: {error}")))?;
        found.push(Stop::Caller { caller });
    }
    match spec.between.as_deref() {
        None => {}
        Some([one, other]) => {
            let one = names.region(one, "between", span)?;
            found.push(Stop::pair(one, names.region(other, "between", span)?));
        }
        Some(_) => return Err(wrong("between: two regions are wanted".to_owned())),
    }
    if let Some(name) = &spec.with {
        found.push(Stop::Link { with: names.region(name, "with", span)? });
    }
    match (found.pop(), found.is_empty()) {
        (Some(stop), true) => Ok(stop),
        (Some(_) | None, _) => Err(fault(span, format!("{key}: wants exactly one thing"))),
    }
}
