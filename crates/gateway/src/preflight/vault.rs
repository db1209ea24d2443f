//! Whether Vault would sign our certificate.

use antiphon_identity::vault::{Enroller, Rehearsal, VaultConfig, VaultError};

use crate::config::Config;

/// What Vault says to what is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultTry {
    /// Who would sign: `pki/sign/gateway at https://vault.example.net:8200`.
    pub by: String,
    /// What was signed or looked at, or what is wrong and what to do.
    pub outcome: Result<&'static str, String>,
}

/// Logs in, has a certificate signed that nobody keeps, and logs out. A secret id that is good once is
/// used up by that, so one that is wrapped stays so.
pub(super) async fn try_vault(config: &Config) -> Option<VaultTry> {
    let vault = config.vault.as_ref()?;
    Some(VaultTry {
        by: vault.signer(),
        outcome: rehearse(vault).await.map_err(|error| error.told()),
    })
}

async fn rehearse(vault: &VaultConfig) -> Result<&'static str, VaultError> {
    Ok(match Enroller::new(vault.clone())?.rehearse().await? {
        Rehearsal::Signed => "it signs the configured names",
        Rehearsal::StillWrapped => "it answers, and the secret id is still wrapped",
    })
}
