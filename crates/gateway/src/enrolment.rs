//! Certificates that we have made: `[identity.vault]`.
//!
//! The keeper puts them where the links' certificate is looked for; whoever watches those files brings
//! them into use, as if an operator had renewed them.

use std::sync::Arc;

use antiphon_identity::{
    Credentials, IdentityError, Names, NamesError, Purpose, UnixTime,
    vault::{Keeper, VaultError},
};

use crate::config::Config;

/// Why nobody can be asked for a certificate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum EnrolmentError {
    /// Vault's settings are no good.
    #[error("identity.vault")]
    Vault(#[from] VaultError),
    /// `[identity] names` contradict each other.
    #[error("identity.names")]
    Names(#[from] NamesError),
}

/// Whoever keeps our certificate fresh; `None`: that is others' work.
pub(crate) fn keeper(config: &Config) -> Result<Option<Keeper>, EnrolmentError> {
    let Some(vault) = &config.vault else { return Ok(None) };
    let names = config.naming.to_names(&config.fabric)?;
    let (region, gateway) = (config.region.to_string(), config.gateway.to_string());
    let check = move |own: &Credentials| is_ours(own, &names, &region, &gateway);
    Ok(Some(Keeper::new(vault.clone(), config.link.tls.clone(), check)?))
}

/// Whether others will take it for ours: a PKI may sign for another region, for one side of a
/// connection only, or be another than the one that the fabric trusts.
///
/// # Errors
/// [`IdentityError`]: why not.
pub fn is_ours(
    own: &Credentials,
    names: &Arc<Names>,
    region: &str,
    gateway: &str,
) -> Result<(), IdentityError> {
    names_us(own, names, region, gateway)?;
    for purpose in [Purpose::ClientAuthentication, Purpose::ServerAuthentication] {
        own.verify(UnixTime::now(), purpose)?;
    }
    Ok(())
}

/// Whether a certificate names this gateway of this region.
///
/// # Errors
/// [`IdentityError`]: whom it names instead.
pub(crate) fn names_us(
    own: &Credentials,
    names: &Names,
    region: &str,
    gateway: &str,
) -> Result<(), IdentityError> {
    let identity = names.identify_leaf(own.leaf())?;
    identity.require_region(region)?;
    identity.require_gateway(gateway)
}
