//! What the gateway shows of itself: the core's snapshot, and facts that only the shell knows.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use antiphon_core::{Alarm, Dropped, Gateway, GatewayId, RegionId, RegionWays, Snapshot};
use antiphon_identity::Date;
use serde::{Deserialize, Serialize};

use super::{EnrolmentFacts, ProcessFacts, Settings, Shell, TroubleFacts, TrustFacts};
use crate::{
    certificates::{Lifetime, OwnCertificate},
    link::{LinkStats, Traffic},
    policies::PolicyFacts,
    record::{RecordFacts, Recorder},
};

/// The schema of [`Report`] as JSON.
pub const SCHEMA: &str = "antiphon.snapshot.v1";

/// Kinds of refusals that are told apart; the words are ours, so there are never that many.
const KINDS_MAX: usize = 64;
/// Denied subscriptions that are remembered.
const DENIED_MAX: usize = 64;

/// One gateway at one moment, as JSON for people and programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// The process and its adapters.
    pub daemon: Daemon,
    /// The gateway machine.
    pub core: Snapshot,
    /// Every way to every other region, used or not.
    #[serde(default)]
    pub ways: Vec<RegionWays>,
}

/// The process and its adapters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Daemon {
    /// Its release.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Time since it started.
    pub uptime: Duration,
    /// Its configuration file.
    pub config: String,
    /// Where others are told to dial it.
    pub endpoint: String,
    /// Its certificate for links.
    pub certificate: CertificateFacts,
    /// All its certificates, with what they are for.
    #[serde(default)]
    pub certificates: Vec<OwnCertificate>,
    /// Times that another link took over from one that stood, for renewed certificates.
    #[serde(default)]
    pub handovers: u64,
    /// Certificates and statements that were not accepted, by where (`link`, `advert`, `gossip`,
    /// `beacon`) and kind.
    pub refusals: BTreeMap<String, BTreeMap<String, u64>>,
    /// Subscriptions that the broker does not permit.
    pub denied: Vec<Alarm>,
    /// The broker connection.
    pub broker: BrokerCounts,
    /// What went over each link that is up.
    pub links: Vec<LinkTraffic>,
    /// Orders to links that could not be taken: defects of ours.
    pub link_overflows: u64,
    /// Gossip.
    pub gossip: GossipFacts,
    /// What it is told by its configuration.
    #[serde(default)]
    pub settings: Settings,
    /// Where the policy in force comes from.
    #[serde(default)]
    pub policy: PolicyFacts,
    /// Whom it believes.
    #[serde(default)]
    pub trust: TrustFacts,
    /// What the process holds, and may have.
    #[serde(default)]
    pub process: ProcessFacts,
    /// What went wrong lately.
    #[serde(default)]
    pub troubles: TroubleFacts,
    /// How it stands with certificates from Vault; `None`: others put them there.
    #[serde(default)]
    pub enrolment: Option<EnrolmentFacts>,
    /// What is recorded; `None`: nothing.
    #[serde(default)]
    pub record: Option<RecordFacts>,
}

/// Our certificate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// Its last second, since 1970-01-01 UTC.
    pub not_after: Duration,
    /// The same for people, RFC 3339.
    pub not_after_date: String,
    /// SHA-256 of its DER, hexadecimal.
    pub fingerprint: String,
    /// From its first second to its last; `None`: not told.
    #[serde(default)]
    pub life: Option<Duration>,
}

impl CertificateFacts {
    /// How long it is good.
    #[must_use]
    pub fn lifetime(&self) -> Lifetime {
        Lifetime { end: self.not_after, life: self.life }
    }
}

impl LinkTraffic {
    /// How long that certificate is good which ends first of those that the peer has shown.
    #[must_use]
    pub fn peer_certificate(&self) -> Option<Lifetime> {
        Some(Lifetime { end: self.certificate_end?, life: self.certificate_life })
    }
}

/// What happened to the broker connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerCounts {
    /// Times that it came up.
    pub connects: u64,
    /// Times that it was replaced by another without loss, for renewed certificates.
    #[serde(default)]
    pub handovers: u64,
    /// Messages received.
    pub received: u64,
    /// Their bytes.
    pub received_bytes: u64,
    /// Messages published.
    pub published: u64,
    /// Their bytes.
    pub published_bytes: u64,
    /// Bytes received that are still being worked on.
    pub intake_bytes: u64,
    /// Times that reading stopped because there were too many of those.
    pub intake_stops: u64,
    /// Attempts that failed.
    pub connect_failures: u64,
    /// Times that the broker cut us off, or said that it would, for reading too slowly.
    pub lagged: u64,
    /// Messages known to be lost by that.
    pub lost: u64,
    /// Orders that could not be taken: defects of ours.
    pub overflows: u64,
}

/// What went over one link.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkTraffic {
    /// Its number in this process.
    pub link: u64,
    /// The peer.
    pub gateway: GatewayId,
    /// The peer's region.
    pub region: RegionId,
    /// Its control connection.
    pub control: Connection,
    /// Its data connection.
    pub data: Connection,
    /// Frames written.
    pub frames_out: u64,
    /// Batches that they went in.
    pub batches_out: u64,
    /// Frames read.
    pub frames_in: u64,
    /// Bytes received in a second, lately.
    #[serde(default)]
    pub rate_in: u64,
    /// Bytes sent in a second, lately.
    #[serde(default)]
    pub rate_out: u64,
    /// When the first certificate that the peer has shown ends, since 1970-01-01 UTC.
    #[serde(default)]
    pub certificate_end: Option<Duration>,
    /// From the first second of that certificate to its last.
    #[serde(default)]
    pub certificate_life: Option<Duration>,
}

/// What went over one connection, TLS included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Bytes received.
    pub bytes_in: u64,
    /// Bytes sent.
    pub bytes_out: u64,
    /// Messages that wait to be written.
    pub queued: u64,
}

/// Gossip.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GossipFacts {
    /// Members whose record verified, ourselves not counted.
    pub members: u64,
    /// Messages handed to links.
    pub sent: u64,
    /// Messages to members that we have no link with.
    pub unsent: u64,
    /// Messages taken.
    pub received: u64,
    /// Messages thrown away: too many at once, or not readable.
    pub discarded: u64,
    /// Times that gossip was started anew.
    pub restarts: u64,
}

/// What the shell counts for the report.
#[derive(Debug, Default)]
pub(super) struct Tallied {
    refusals: BTreeMap<String, BTreeMap<String, u64>>,
    pub(super) denied: BTreeSet<Alarm>,
}

/// The ways of one routing table: working them out takes as long as the table did.
#[derive(Debug, Default)]
pub(super) struct Ways {
    version: Option<u64>,
    ways: Vec<RegionWays>,
}

impl Ways {
    fn of(&mut self, core: &Gateway) -> Vec<RegionWays> {
        let version = core.table_version();
        if self.version.replace(version) != Some(version) {
            self.ways = core.ways();
        }
        self.ways.clone()
    }
}

impl Tallied {
    /// Counts a certificate or statement that was not accepted. Each kind is told the first time at
    /// WARN, later at DEBUG: anybody who can connect can cause them.
    pub(super) fn refused(&mut self, place: &'static str, kind: &str, detail: &str) {
        let kinds = self.refusals.entry(place.to_owned()).or_default();
        let kind = if kinds.len() < KINDS_MAX { kind } else { "other" };
        let count = kinds.entry(kind.to_owned()).or_default();
        *count += 1;
        if *count == 1 {
            tracing::warn!(place, kind, detail, "identity refused");
        } else {
            tracing::debug!(place, kind, detail, count, "identity refused");
        }
    }

    /// Remembers a subscription that the broker does not permit.
    pub(super) fn deny(&mut self, alarm: Alarm) {
        if self.denied.len() < DENIED_MAX {
            log_alarm(&alarm, true);
            self.denied.insert(alarm);
        }
    }

    /// The broker permits it after all.
    pub(super) fn allow(&mut self, alarm: &Alarm) {
        if self.denied.remove(alarm) {
            log_alarm(alarm, false);
        }
    }
}

impl Shell {
    /// Counts a certificate or statement that was not accepted, and remembers it.
    pub(super) fn refused(&mut self, place: &'static str, kind: &str, detail: &str) {
        self.tallied.refused(place, kind, detail);
        self.troubles.refused(place, kind, detail, self.clock.now().unix);
    }

    pub(super) fn report(&mut self) -> Box<Report> {
        let now = self.clock.now();
        Box::new(Report {
            schema: SCHEMA.to_owned(),
            at: now.unix,
            daemon: self.daemon_facts(now.mono),
            core: self.core.snapshot(now),
            ways: self.ways.of(&self.core),
        })
    }

    fn daemon_facts(&self, uptime: Duration) -> Daemon {
        let stats = self.links.stats();
        let counters = self.links.counters();
        Daemon {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime,
            config: self.config.file.display().to_string(),
            endpoint: self.member.endpoint.to_string(),
            certificate: self.certificate_facts(),
            certificates: self.certificates.all(),
            handovers: self.peers.handovers(),
            refusals: self.tallied.refusals.clone(),
            denied: self.tallied.denied.iter().cloned().collect(),
            broker: self.broker.counts(),
            links: stats.into_iter().map(|one| self.traffic(one, uptime)).collect(),
            link_overflows: counters.overflows + counters.dials_refused,
            gossip: self.gossip_facts(counters.gossip_dropped),
            settings: Settings::of(&self.config),
            policy: self.policy_facts.clone(),
            trust: self.trust.clone(),
            process: ProcessFacts::read(),
            troubles: self.troubles.facts(),
            enrolment: self.enrolment_facts(),
            record: self.recorder.as_ref().map(Recorder::facts),
        }
    }

    fn traffic(&self, stats: LinkStats, now: Duration) -> LinkTraffic {
        let shown = self.peers.certificate(stats.link);
        let certificate_end = shown.map(|certificate| certificate.end);
        let certificate_life = shown.and_then(|certificate| certificate.life);
        let traffic = LinkTraffic::from(stats);
        let mut traffic = LinkTraffic { certificate_end, certificate_life, ..traffic };
        self.rates.fill(now, &mut traffic);
        traffic
    }

    fn certificate_facts(&self) -> CertificateFacts {
        let credentials = self.notary.credentials();
        let Lifetime { end, life } = credentials.leaf().validity.into();
        CertificateFacts {
            not_after: end,
            not_after_date: Date(credentials.not_after()).to_string(),
            life,
            fingerprint: credentials.fingerprint().to_string(),
        }
    }

    fn enrolment_facts(&self) -> Option<EnrolmentFacts> {
        let (vault, state) = (self.config.vault.as_ref()?, self.enrolment.as_ref()?);
        Some(EnrolmentFacts::of(vault, &state.borrow()))
    }

    fn gossip_facts(&self, dropped_by_links: u64) -> GossipFacts {
        let status = self.gossip.status();
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        GossipFacts {
            members: read(&status.members),
            sent: read(&status.traffic.sent).saturating_sub(dropped_by_links),
            unsent: read(&status.traffic.unsent) + dropped_by_links,
            received: read(&status.traffic.received),
            discarded: read(&status.traffic.discarded),
            restarts: read(&status.restarts),
        }
    }
}

impl From<LinkStats> for LinkTraffic {
    fn from(stats: LinkStats) -> Self {
        Self {
            link: stats.link.0,
            gateway: stats.gateway,
            region: stats.region,
            control: stats.control.into(),
            data: stats.data.into(),
            frames_out: stats.frames_out,
            batches_out: stats.batches_out,
            frames_in: stats.frames_in,
            rate_in: 0,
            rate_out: 0,
            certificate_end: None,
            certificate_life: None,
        }
    }
}

impl From<Traffic> for Connection {
    fn from(traffic: Traffic) -> Self {
        let Traffic { bytes_in, bytes_out, queued } = traffic;
        Self { bytes_in, bytes_out, queued: queued as u64 }
    }
}

/// One dropped message is one line at DEBUG; subjects name no customer, but requests may.
pub(super) fn log_dropped(dropped: &Dropped) {
    let Dropped { reason, to, subject, request, size, count } = dropped;
    let to = to.as_ref().map(RegionId::as_str);
    tracing::debug!(%reason, to, subject, request, size, count, "dropped");
}

pub(super) fn log_alarm(alarm: &Alarm, raised: bool) {
    if raised {
        tracing::warn!(?alarm, "alarm raised");
    } else {
        tracing::info!(?alarm, "alarm ended");
    }
}
