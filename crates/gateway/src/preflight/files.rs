//! Certificates, the authorities beside them, and who may read the keys.

use std::{os::unix::fs::PermissionsExt, path::Path, time::Duration};

use antiphon_identity::{Date, Purpose, UnixTime};

use crate::{
    certificates::Lifetime,
    config::{self, Admin, Config, with_sources},
};

/// Bits that let others than owner and group read a file.
const READABLE_BY_OTHERS: u32 = 0o004;

/// One certificate with its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateTry {
    /// The section that names it: `[link] tls`.
    pub setting: &'static str,
    /// The certificate's file.
    pub file: String,
    /// Its last second for people, RFC 3339.
    pub not_after_date: String,
    /// How long it is good.
    pub lifetime: Lifetime,
    /// Why its chain does not lead to the CA beside it, for what it is used for; `None`: it does.
    pub untrusted: Option<String>,
    /// The key's file, where everybody on this host may read it.
    pub open_key: Option<String>,
}

/// Certificates that cannot be read at all are problems of the configuration, and not repeated here.
pub(super) fn certificates(config: &Config, now: Duration) -> Vec<CertificateTry> {
    const BOTH: &[Purpose] = &[Purpose::ClientAuthentication, Purpose::ServerAuthentication];
    let admin = match &config.admin {
        Admin::Unix { .. } => None,
        Admin::Tcp { tls, .. } => Some(tls),
    };
    let used = [
        ("[link] tls", Some(&config.link.tls), BOTH),
        ("[broker] tls", config.broker.tls.as_ref(), &[Purpose::ClientAuthentication]),
        ("[admin] tls", admin, &[Purpose::ServerAuthentication]),
    ];
    let tried = used.into_iter().map(|(setting, tls, purposes)| one(setting, tls?, purposes, now));
    tried.flatten().collect()
}

fn one(
    setting: &'static str,
    tls: &config::Tls,
    purposes: &[Purpose],
    now: Duration,
) -> Option<CertificateTry> {
    let own = tls.load().ok()?;
    let now = UnixTime::since_unix_epoch(now);
    let mut refusals = purposes.iter().filter_map(|purpose| own.verify(now, *purpose).err());
    let untrusted = refusals.next().map(|error| with_sources(&error));
    Some(CertificateTry {
        setting,
        file: tls.certificate.display().to_string(),
        lifetime: own.leaf().validity.into(),
        not_after_date: Date(own.not_after()).to_string(),
        untrusted,
        open_key: is_open(&tls.key).then(|| tls.key.display().to_string()),
    })
}

fn is_open(key: &Path) -> bool {
    let mode = key.metadata().map(|metadata| metadata.permissions().mode());
    mode.is_ok_and(|mode| mode & READABLE_BY_OTHERS != 0)
}
