//! The policy file as it stands, key by key.

use std::collections::BTreeMap;

use antiphon_core::policy::Effect;
use serde::Deserialize;

use super::super::field::Field;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawPolicy {
    pub(super) default: RawDefault,
    pub(super) export: Vec<RawRule>,
    pub(super) accept: Vec<RawRule>,
    pub(super) transit: Vec<RawRule>,
    pub(super) limits: RawLimits,
    pub(super) follow_halts: Field<RawFollow>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "must be \"any\", \"none\" or a list of regions")]
pub(super) enum RawFollow {
    Word(String),
    Regions(Vec<String>),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDefault {
    pub(super) export: Field<Effect>,
    pub(super) accept: Field<Effect>,
    pub(super) transit: Field<Effect>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRule {
    pub(super) name: Field<String>,
    pub(super) from: Field<Vec<String>>,
    pub(super) to: Field<Vec<String>>,
    pub(super) collectives: Field<Vec<String>>,
    pub(super) agents: Field<Vec<String>>,
    pub(super) actions: Field<Vec<String>>,
    pub(super) callers: Field<Vec<String>>,
    pub(super) effect: Field<Effect>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLimits {
    pub(super) caller: Field<RawRate>,
    pub(super) region: Field<RawRate>,
    pub(super) regions: Field<BTreeMap<String, RawRate>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRate {
    pub(super) per_second: u32,
    pub(super) burst: u32,
}
