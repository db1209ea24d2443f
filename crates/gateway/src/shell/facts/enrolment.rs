//! How it stands with certificates that we have made.

use std::time::Duration;

use antiphon_identity::vault::{Enrolment, VaultConfig};
use serde::{Deserialize, Serialize};

/// How it stands with certificates from Vault. Times are since 1970-01-01 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnrolmentFacts {
    /// Who signs them: `pki/sign/gateway at https://vault.example.net:8200`.
    pub by: String,
    /// Certificates that came since the start.
    pub renewals: u64,
    /// When the last of them came.
    pub last: Option<Duration>,
    /// When the next is asked for.
    pub next: Option<Duration>,
    /// Attempts that failed since one succeeded.
    pub failures: u32,
    /// What the latest of them met; `None`: nothing is wrong.
    pub trouble: Option<EnrolmentTrouble>,
}

/// Why there is no new certificate; the old one stays in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnrolmentTrouble {
    /// A stable word: `sealed`, `unreachable`, `denied`, `wrong-role`, `login-refused` and others.
    pub kind: String,
    /// What happened and what to do, for people.
    pub text: String,
    /// When this began.
    pub since: Duration,
}

impl EnrolmentFacts {
    pub(crate) fn of(vault: &VaultConfig, state: &Enrolment) -> Self {
        let trouble = state.trouble.as_ref().map(|trouble| EnrolmentTrouble {
            kind: trouble.kind.to_owned(),
            text: trouble.text.clone(),
            since: trouble.since,
        });
        Self {
            by: vault.signer(),
            renewals: state.renewals,
            last: state.last,
            next: state.next,
            failures: state.failures,
            trouble,
        }
    }
}
