//! What a reading command shows: one gateway's report, or several.

use std::collections::BTreeMap;

use antiphon_core::{GatewayId, Stamp};
use antiphon_gateway::shell::Report;

use crate::archive::{Archive, Silent};

/// What there is to show.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// At least one; in the order of the gateways' names.
    pub reports: Vec<Report>,
    /// Gateways that were asked and did not answer.
    pub silent: Vec<Silent>,
    /// Whether one gateway was asked for, or all.
    pub scope: Scope,
    /// Which topology advert of the only report's gateway others hold; without those that did not
    /// say.
    pub held: BTreeMap<GatewayId, Stamp>,
}

/// How many gateways were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// One.
    One,
    /// All that there are.
    All,
}

impl View {
    /// One gateway's report.
    #[must_use]
    pub fn of_one(report: Report) -> Self {
        let (silent, held) = (Vec::new(), BTreeMap::new());
        Self { reports: vec![report], silent, scope: Scope::One, held }
    }

    /// Every gateway's.
    #[must_use]
    pub fn of_all(archive: Archive) -> Self {
        let Archive { reports, silent, .. } = archive;
        Self { reports, silent, scope: Scope::All, held: BTreeMap::new() }
    }

    /// Which adverts of a report's gateway others hold.
    #[must_use]
    pub fn held_of(&self, report: &Report) -> BTreeMap<GatewayId, Stamp> {
        match self.scope {
            Scope::One => self.held.clone(),
            Scope::All => held_in(&self.reports, &report.core.gateway),
        }
    }
}

/// Which topology adverts of a gateway others hold, out of their reports.
pub(crate) fn held_in(reports: &[Report], of: &GatewayId) -> BTreeMap<GatewayId, Stamp> {
    let held = reports.iter().filter_map(|report| {
        let member = report.core.gateways.iter().find(|member| member.gateway == *of)?;
        Some((report.core.gateway.clone(), member.advert?))
    });
    held.filter(|(gateway, _)| gateway != of).collect()
}
