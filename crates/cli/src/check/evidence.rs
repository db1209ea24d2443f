//! What the doctor looks at.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{GatewayId, GatewayState, LinkView, MemberView, RegionId, RegionView};
use antiphon_gateway::shell::Report;

use super::facts::{ClientFacts, Pair, ServerFacts};

/// Drops and refusals younger than this are lately.
pub(super) const LATELY: Duration = Duration::from_secs(300);
/// Rare events younger than this are lately.
pub(super) const LAST_HOUR: Duration = Duration::from_secs(3600);

/// Everything that was gathered about a running fabric.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Gateways that answered; the first is the one that was asked. Never empty when looked at.
    pub asked: Vec<Asked>,
    /// Gateways that should have answered and did not, with the reason.
    pub silent: BTreeMap<String, String>,
    /// Whether every gateway was asked, rather than one.
    pub whole: bool,
    /// Servers of brokers, by their monitoring ports.
    pub servers: Vec<ServerFacts>,
    /// Monitoring ports on hosts of gateways that are not this one.
    pub servers_elsewhere: BTreeSet<String>,
    /// What was tried between regions.
    pub pairs: Vec<Pair>,
    /// The client that tried it.
    pub client: ClientFacts,
    /// How many regions there should be.
    pub expect_regions: Option<u64>,
    /// How many gateways there should be.
    pub expect_gateways: Option<u64>,
    /// Our own release.
    pub version: String,
}

/// One gateway that answered.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What it said.
    pub report: Report,
    /// Whether it runs on this host.
    pub local: bool,
    /// How long that took; `None` from an archive.
    pub took: Option<Duration>,
    /// Our own clock in the middle of that; `None` from an archive.
    pub here: Option<Duration>,
}

impl Evidence {
    /// What the gateways said, the one that was asked first.
    pub(super) fn reports(&self) -> impl Iterator<Item = &Report> + Clone {
        self.asked.iter().map(|asked| &asked.report)
    }

    /// `1 gateway` or `6 gateways`: how many answered.
    pub(super) fn gateways_asked(&self) -> String {
        crate::human::count(self.asked.len() as u64, "gateway")
    }

    /// What the gateways of each region said.
    pub(super) fn by_region(&self) -> BTreeMap<&RegionId, Vec<&Report>> {
        let mut all: BTreeMap<&RegionId, Vec<&Report>> = BTreeMap::new();
        for report in self.reports() {
            all.entry(&report.core.region).or_default().push(report);
        }
        all
    }

    /// Every link, with the report that shows it.
    pub(super) fn links(&self) -> impl Iterator<Item = (&Report, &LinkView)> {
        self.reports().flat_map(|report| report.core.links.iter().map(move |link| (report, link)))
    }

    /// Every other region, with the report that shows it.
    pub(super) fn other_regions(&self) -> impl Iterator<Item = (&Report, &RegionView)> {
        self.reports().flat_map(|report| {
            let others = report.core.regions.iter().filter(|region| !region.ours);
            others.map(move |region| (report, region))
        })
    }

    /// Every gateway of the fabric, by the newest advert that anybody holds.
    pub(super) fn members(&self) -> BTreeMap<&GatewayId, &MemberView> {
        let mut newest: BTreeMap<&GatewayId, &MemberView> = BTreeMap::new();
        for member in self.reports().flat_map(|report| &report.core.gateways) {
            let known = newest.entry(&member.gateway).or_insert(member);
            if member.advert > known.advert {
                *known = member;
            }
        }
        newest
    }

    /// Every region that anybody knows of.
    pub(crate) fn region_names(&self) -> BTreeSet<&RegionId> {
        let told = self.reports().flat_map(|report| &report.core.regions);
        let own = self.reports().map(|report| &report.core.region);
        told.map(|view| &view.region).chain(own).collect()
    }

    /// The report of a gateway, if it answered.
    pub(super) fn report_of(&self, gateway: &GatewayId) -> Option<&Report> {
        self.reports().find(|report| report.core.gateway == *gateway)
    }

    /// Whether nobody reaches a gateway, which did not answer either: it is dead, or cut off. What
    /// follows from that is not told again.
    pub(super) fn is_gone(&self, gateway: &GatewayId) -> bool {
        self.report_of(gateway).is_none()
            && !self.reports().any(|report| {
                let of = |member: &&MemberView| member.gateway == *gateway;
                report.core.gateways.iter().find(of).is_some_and(|one| one.route.is_some())
            })
    }

    /// Whether every gateway of a region that answered is without a broker.
    pub(crate) fn broker_is_away(&self, region: &str) -> bool {
        let mut ours = self.reports().filter(|report| report.core.region.as_str() == region);
        let first = ours.next();
        first.into_iter().chain(ours).all(|report| !report.core.broker.up) && first.is_some()
    }

    /// Whether anybody is there who could publish in a region; where nobody is, MEMB-013 tells.
    pub(crate) fn has_working_gateway(&self, region: &str) -> bool {
        let members = self.members();
        let mut ours = members.values().filter(|member| member.region.as_str() == region);
        ours.any(|member| {
            lives(member) && member.broker == Some(true) && !self.is_gone(&member.gateway)
        })
    }

    /// Whether a gateway, as its newest advert says, takes frames.
    pub(super) fn takes_frames(&self, gateway: &GatewayId) -> bool {
        let state = self.members().get(gateway).and_then(|member| member.state);
        state.is_some_and(GatewayState::takes_frames)
    }

    /// Links that count, by the regions at their ends: both gateways advertise them.
    pub(super) fn adjacencies(&self) -> Vec<(&MemberView, &MemberView)> {
        let members = self.members();
        let mut all = Vec::new();
        for one in members.values().filter(|member| lives(member)) {
            for other in one.adjacencies.keys().filter_map(|name| members.get(name)) {
                let mutual = lives(other) && other.adjacencies.contains_key(&one.gateway);
                if mutual && one.gateway < other.gateway {
                    all.push((*one, *other));
                }
            }
        }
        all
    }
}

/// Whether a gateway takes frames, as its advert says.
pub(super) fn lives(member: &MemberView) -> bool {
    member.state.is_some_and(GatewayState::takes_frames)
}

/// Whether something that happened at `then` happened in the time before the report.
pub(super) fn is_lately(report: &Report, then: Duration, span: Duration) -> bool {
    report.at.saturating_sub(then) <= span
}

/// `30%`; `None` of nothing.
pub(super) fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}
