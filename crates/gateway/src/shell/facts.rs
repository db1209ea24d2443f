//! Facts that a doctor looks at: what is configured, whom we trust, what the process has left, and
//! what went wrong lately.

mod enrolment;
mod process;
mod troubles;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::{GatewayId, RegionId};
use antiphon_identity::{Credentials, Date, Revocation, TrustBundle};
use serde::{Deserialize, Serialize};

use crate::{callers::Callers, config::Config};

pub use enrolment::{EnrolmentFacts, EnrolmentTrouble};
pub use process::ProcessFacts;
pub(super) use troubles::Troubles;
pub use troubles::{ClockFacts, DialFacts, RefusalFacts, TroubleFacts};

/// What a gateway is told by its configuration, as far as others have to agree with it or it bounds
/// what a doctor measures. Holds no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Servers of the broker.
    pub servers: Vec<String>,
    /// Monitoring ports of the broker's servers.
    pub monitors: Vec<String>,
    /// Whether the broker is spoken to by TLS.
    pub broker_tls: bool,
    /// The subject on which nodes answer, as configured.
    pub reply_subject: String,
    /// Further subjects on which replies may be published here.
    pub reply_subjects: Vec<String>,
    /// Collectives that the region exports.
    pub collectives: BTreeSet<String>,
    /// Names of Choria Federation members, and the region that each stands for.
    pub federation: BTreeMap<String, RegionId>,
    /// Places to dial.
    pub seeds: Vec<String>,
    /// Regions that are dialled; `None`: all.
    pub peers: Option<BTreeSet<RegionId>>,
    /// Where some gateways are dialled, whatever they advertise.
    pub dial: BTreeMap<GatewayId, String>,
    /// Regions with a configured cost.
    pub costs: BTreeMap<RegionId, u32>,
    /// Regions that DNS names stand for.
    pub named_regions: BTreeSet<RegionId>,
    /// Whether a Common Name counts as a name.
    pub common_name: bool,
    /// Whether traffic between other regions is carried.
    pub transit: bool,
    /// What may wait for one region, in bytes.
    pub queue_bytes_max: u64,
    /// What one session retains until it is acknowledged, in bytes.
    pub retention_bytes_max: u64,
    /// What may be published without a confirmation, in messages.
    pub publish_messages_max: u64,
    /// What messages from the broker may hold in memory, in bytes.
    pub intake_bytes_max: u64,
    /// Links that a frame may cross.
    pub hops_max: u8,
    /// How long a drain may take.
    pub drain_grace: Duration,
}

/// Whom we believe.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrustFacts {
    /// The authorities of gateways: `[link] tls.ca`.
    pub link: Vec<AuthorityFacts>,
    /// The authorities of the broker: `[broker] tls.ca`. Where certificates are Choria's own, those of
    /// its nodes and callers. As of the start or the last renewal.
    pub broker: Vec<AuthorityFacts>,
    /// Whose signatures prove callers here, as they are in force: `[policy] callers`; `None`: no rule asks for
    /// them.
    pub callers: Option<CallerFacts>,
    /// The lists of revoked certificates by which gateways are judged: `[link] tls.crl`.
    pub revoked: Vec<RevokedFacts>,
}

/// One list of revoked certificates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedFacts {
    /// The subject of the authority that signed it.
    pub issuer: String,
    /// How many certificates it names.
    pub revoked: usize,
    /// When its authority promised a newer one, since 1970-01-01 UTC; `None`: it did not.
    pub next_update: Option<Duration>,
}

/// Whose signatures prove callers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallerFacts {
    /// The authorities of callers with protocol v1.
    pub authorities: Vec<AuthorityFacts>,
    /// Public keys of the issuers of callers' tokens with protocol v2, in hex, by organisation.
    pub issuers: BTreeMap<String, String>,
}

/// One certificate authority.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AuthorityFacts {
    /// Its subject.
    pub name: String,
    /// SHA-256 of subject and key, hexadecimal: the same for a renewed certificate of the same key.
    pub fingerprint: String,
    /// Its last second, since 1970-01-01 UTC.
    pub not_after: Duration,
    /// The same for people, RFC 3339.
    pub not_after_date: String,
}

impl Settings {
    pub(crate) fn of(config: &Config) -> Self {
        let texts =
            |list: &[antiphon_core::Endpoint]| list.iter().map(ToString::to_string).collect();
        let (broker, link, limits) = (&config.broker, &config.link, &config.limits);
        Self {
            servers: broker.servers.iter().map(ToString::to_string).collect(),
            monitors: broker.monitors.iter().map(ToString::to_string).collect(),
            broker_tls: broker.tls.is_some(),
            reply_subject: broker.reply_subject.clone(),
            reply_subjects: config.reply_subjects.clone(),
            collectives: config.export.iter().map(ToString::to_string).collect(),
            federation: config.federation.clone(),
            seeds: texts(&link.seeds),
            peers: link.peers.clone(),
            dial: link.dial.iter().map(|(name, at)| (name.clone(), at.to_string())).collect(),
            costs: link.costs.clone(),
            named_regions: config.naming.names.keys().cloned().collect(),
            common_name: config.naming.common_name,
            transit: config.transit,
            queue_bytes_max: limits.queue_bytes_max,
            retention_bytes_max: limits.retention_bytes_max,
            publish_messages_max: limits.publish_messages_max,
            intake_bytes_max: config.intake_bytes,
            hops_max: limits.hops,
            drain_grace: config.drain_grace,
        }
    }
}

impl TrustFacts {
    /// The broker's bundle is read from its file; one that cannot be read is shown as empty, and the
    /// broker's adapter tells why.
    pub(super) fn of(
        config: &Config,
        credentials: &Credentials,
        callers: Option<&Callers>,
    ) -> Self {
        let broker = config.broker.tls.as_ref();
        let broker = broker.and_then(|tls| TrustBundle::from_file(&tls.ca).ok());
        Self {
            link: authorities(credentials.trust()),
            broker: broker.as_ref().map(authorities).unwrap_or_default(),
            callers: callers.map(CallerFacts::of),
            revoked: credentials.trust().revocations().map(RevokedFacts::of).collect(),
        }
    }
}

impl RevokedFacts {
    fn of(list: &Revocation) -> Self {
        let next_update = list.next_update.map(|time| Duration::from_secs(time.as_secs()));
        Self { issuer: list.issuer.clone(), revoked: list.revoked, next_update }
    }

    /// For how long it has been older than its authority promised, at `now`.
    #[must_use]
    pub fn late(&self, now: Duration) -> Option<Duration> {
        now.checked_sub(self.next_update?).filter(|late| !late.is_zero())
    }
}

impl CallerFacts {
    pub(super) fn of(callers: &Callers) -> Self {
        Self {
            authorities: callers.authorities().map(authorities).unwrap_or_default(),
            issuers: callers.issuers().clone(),
        }
    }
}

fn authorities(bundle: &TrustBundle) -> Vec<AuthorityFacts> {
    let mut all: Vec<AuthorityFacts> = bundle
        .authorities()
        .map(|one| AuthorityFacts {
            name: one.name.to_owned(),
            fingerprint: one.fingerprint.to_string(),
            not_after: Duration::from_secs(one.validity.not_after.as_secs()),
            not_after_date: Date(one.validity.not_after).to_string(),
        })
        .collect();
    all.sort();
    all
}
