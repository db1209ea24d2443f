//! The configuration file as it stands, key by key. What the keys mean and default to is in
//! [`super::Config`]; nothing here is decided.
//!
//! A key that is not listed is unknown and reported; a value of the wrong shape is reported with
//! all others.

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

use super::field::{Field, Period};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawConfig {
    pub(super) fabric: Field<String>,
    pub(super) region: Field<String>,
    pub(super) gateway: Field<String>,
    pub(super) broker: RawBroker,
    pub(super) link: RawLink,
    pub(super) identity: RawIdentity,
    pub(super) transit: RawTransit,
    pub(super) export: RawExport,
    pub(super) federation: RawFederation,
    pub(super) policy: RawPolicySource,
    pub(super) admin: RawAdmin,
    pub(super) http: RawHttp,
    pub(super) drain: RawDrain,
    pub(super) hints: RawHints,
    pub(super) limits: RawLimits,
    pub(super) record: RawRecord,
    pub(super) log: RawLog,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawBroker {
    pub(super) servers: Field<Vec<String>>,
    pub(super) tls: Option<RawTls>,
    pub(super) user: Field<String>,
    pub(super) password_file: Field<PathBuf>,
    pub(super) token_file: Field<PathBuf>,
    pub(super) credentials: Field<PathBuf>,
    pub(super) choria: Option<RawChoria>,
    pub(super) monitors: Field<Vec<String>>,
    pub(super) reply_subject: Field<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawTls {
    pub(super) certificate: Field<PathBuf>,
    pub(super) key: Field<PathBuf>,
    pub(super) ca: Field<PathBuf>,
    pub(super) crl: Field<Vec<PathBuf>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawChoria {
    pub(super) token: Field<PathBuf>,
    pub(super) seed: Field<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLink {
    pub(super) listen: Field<String>,
    pub(super) advertise: Field<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) seeds: Field<Vec<String>>,
    pub(super) peers: Field<RawPeers>,
    pub(super) dial: Field<BTreeMap<String, String>>,
    pub(super) costs: Field<BTreeMap<String, u32>>,
    pub(super) ping: Field<Period>,
    pub(super) timeout: Field<Period>,
    pub(super) resume: Field<Period>,
}

/// `"all"` or a list of regions.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected \"all\" or a list of regions")]
pub(super) enum RawPeers {
    All(All),
    Regions(Vec<String>),
}

/// The word `all`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum All {
    All,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawIdentity {
    pub(super) names: Field<BTreeMap<String, Vec<String>>>,
    pub(super) common_name: Field<bool>,
    pub(super) readable_keys: Field<bool>,
    pub(super) vault: Option<RawVault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawVault {
    pub(super) address: Field<String>,
    pub(super) namespace: Field<String>,
    pub(super) ca: Field<PathBuf>,
    pub(super) auth_mount: Field<String>,
    pub(super) role_id: Field<String>,
    pub(super) secret_id_file: Field<PathBuf>,
    pub(super) wrapped: Field<bool>,
    pub(super) mount: Field<String>,
    pub(super) role: Field<String>,
    pub(super) common_name: Field<String>,
    pub(super) dns_names: Field<Vec<String>>,
    pub(super) uri: Field<bool>,
    pub(super) ttl: Field<Period>,
    pub(super) key_type: Field<RawKeyType>,
}

#[derive(Debug, Deserialize)]
pub(super) enum RawKeyType {
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawTransit {
    pub(super) allow: Field<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawExport {
    pub(super) collectives: Field<Vec<String>>,
    pub(super) reply_subjects: Field<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawFederation {
    pub(super) names: Field<BTreeMap<String, String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawPolicySource {
    pub(super) file: Field<PathBuf>,
    pub(super) callers: Option<RawCallers>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawCallers {
    pub(super) ca: Field<PathBuf>,
    pub(super) allow: Field<Vec<String>>,
    pub(super) privileged: Field<Vec<String>>,
    pub(super) issuers: Field<BTreeMap<String, String>>,
    pub(super) trusted_signers: Field<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawAdmin {
    pub(super) listen: Field<String>,
    pub(super) tls: Option<RawTls>,
    pub(super) allow: Field<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawHttp {
    pub(super) listen: Field<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawDrain {
    pub(super) grace: Field<Period>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawHints {
    pub(super) poll: Field<Period>,
    pub(super) lifecycle: Field<bool>,
    pub(super) identities: Field<Vec<String>>,
    pub(super) services: Field<RawServices>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawServices {
    Ask,
    Never,
    Always,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLimits {
    pub(super) hops: Field<u8>,
    pub(super) frame_bytes: Field<u64>,
    pub(super) queue_bytes: Field<u64>,
    pub(super) retention_bytes: Field<u64>,
    pub(super) window_bytes: Field<u64>,
    pub(super) intake_bytes: Field<u64>,
    pub(super) gateways: Field<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawRecord {
    pub(super) folder: Field<PathBuf>,
    pub(super) bytes_max: Field<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct RawLog {
    pub(super) format: Field<RawLogFormat>,
    pub(super) filter: Field<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawLogFormat {
    Text,
    Json,
}
