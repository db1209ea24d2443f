//! A simulated fabric at one moment, as an archive of what its gateways say.
//!
//! A simulation comes to the same moment again and again, so what is not in the reports can still be
//! asked of the machines themselves: what they would do with a message, what they remember.

use std::time::Duration;

use antiphon_core::{
    ExplainAsked, Explanation, Gateway, GatewayId, Now, RegionId, RequestsAsked, RequestsView,
};
use antiphon_gateway::shell::{
    self, CertificateFacts, Daemon, EXPLANATION_SCHEMA, RECORDS_SCHEMA, Report, Said,
};
use antiphon_sim::{BEGIN, Plan, Scenario, Slot, World, gateway, world_at};
use anyhow::{Context, anyhow};

use super::Subject;
use crate::{
    archive::{Archive, Silent, Simulated},
    human,
};

/// How long virtual certificates hold from the beginning of a world.
const CERTIFICATES: Duration = Duration::from_secs(365 * 24 * 3600);

/// What the gateways of a scenario say at some moment, without one at the end.
///
/// # Errors
/// No gateway runs at that moment.
pub fn archive(
    subject: &Subject,
    plan: &Plan,
    seed: u64,
    at: Option<Duration>,
) -> anyhow::Result<Archive> {
    let end = plan.run_for + plan.settle;
    let at = at.unwrap_or(end).min(end);
    let world = world_at(plan, seed, gateway, at);
    let (mut reports, mut silent) = (Vec::new(), Vec::new());
    for slot in world.slots() {
        match world.gateway(slot) {
            Some(running) => reports.push(report(&world, slot, subject, running)),
            None => silent.push(absent(&world, slot)),
        }
    }
    let first = reports.first().context("no gateway runs at that moment")?;
    let mut archive = Archive::new(first.core.gateway.clone(), reports, silent);
    let (file, scenario) = (subject.file.clone(), subject.scenario.to_toml());
    archive.simulated = Some(Simulated { file, scenario, seed, at });
    Ok(archive)
}

fn absent(world: &World, slot: Slot) -> Silent {
    let config = world.config(slot);
    let (gateway, region) = (config.gateway.clone(), config.region.clone());
    Silent { gateway, region, reason: "it does not run".to_owned() }
}

fn report(world: &World, slot: Slot, subject: &Subject, (core, now): (&Gateway, Now)) -> Report {
    Report {
        schema: shell::SCHEMA.to_owned(),
        at: now.unix,
        daemon: daemon(format!("{}:7440", world.name(slot)), &subject.file, now.mono),
        core: core.snapshot(now),
        ways: core.ways(),
    }
}

/// A process that is simulated has no number, and nothing that a system would say of it.
fn daemon(endpoint: String, file: &str, uptime: Duration) -> Daemon {
    let not_after = BEGIN + CERTIFICATES;
    Daemon {
        version: format!("{}, simulated", env!("CARGO_PKG_VERSION")),
        uptime,
        config: file.to_owned(),
        endpoint,
        certificate: CertificateFacts {
            life: None,
            not_after,
            not_after_date: human::moment(not_after),
            fingerprint: String::new(),
        },
        ..Daemon::default()
    }
}

/// A simulated fabric that can be asked.
#[derive(Debug)]
pub struct Moment {
    world: World,
}

impl Moment {
    /// Comes to the moment of an archive again.
    ///
    /// # Errors
    /// The archive is not that of a simulation, or of one that this release cannot run.
    pub fn of(archive: &Archive) -> anyhow::Result<Self> {
        let Some(simulated) = &archive.simulated else {
            return Err(anyhow!(
                "it holds what real gateways said of themselves; more can only be asked of \
                 gateways that run, and of a simulation's snapshot"
            ));
        };
        let Simulated { file, scenario: text, seed, at } = simulated;
        let plan = Scenario::parse(file, text)?.plan(file, text)?;
        Ok(Self { world: world_at(&plan, *seed, gateway, *at) })
    }

    /// What a gateway would do with a message; that of the message's region, if there is one.
    ///
    /// # Errors
    /// A name that nobody has, or none of that region runs.
    pub fn explain(
        &self,
        of: &GatewayId,
        asked: &ExplainAsked,
    ) -> anyhow::Result<Said<Explanation>> {
        let there = asked.from.as_ref().and_then(|region| self.one_of(region));
        let (gateway, now) = there.map_or_else(|| self.gateway(of), Ok)?;
        let said = gateway.explain(asked, now)?;
        Ok(by(gateway, now, EXPLANATION_SCHEMA, said))
    }

    /// What a gateway remembers of requests.
    ///
    /// # Errors
    /// There is none of this name.
    pub fn requests(
        &self,
        of: &GatewayId,
        wanted: &RequestsAsked,
    ) -> anyhow::Result<Said<RequestsView>> {
        let (gateway, now) = self.gateway(of)?;
        Ok(by(gateway, now, RECORDS_SCHEMA, gateway.requests(wanted, now)))
    }

    fn gateway(&self, name: &GatewayId) -> anyhow::Result<(&Gateway, Now)> {
        let named = self.world.slots().find(|slot| {
            self.world.config(*slot).gateway == *name && self.world.gateway(*slot).is_some()
        });
        let found = named.and_then(|slot| self.world.gateway(slot));
        found.with_context(|| format!("no gateway {name} runs at that moment"))
    }

    fn one_of(&self, region: &RegionId) -> Option<(&Gateway, Now)> {
        let mut there =
            self.world.slots().filter(|slot| self.world.config(*slot).region == *region);
        there.find_map(|slot| self.world.gateway(slot))
    }
}

fn by<T>(gateway: &Gateway, now: Now, schema: &str, said: T) -> Said<T> {
    let view = gateway.snapshot(now);
    Said {
        schema: schema.to_owned(),
        at: now.unix,
        fabric: view.fabric,
        region: view.region,
        gateway: view.gateway,
        said,
    }
}
