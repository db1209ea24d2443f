//! Who we are: what the file says and what our certificate says have to agree.

use std::{collections::BTreeMap, error::Error, fmt::Write as _, sync::Arc};

use antiphon_core::{GatewayId, RegionId};
use antiphon_identity::{CommonName, IdentityError, Names};

use super::{Naming, Tls, problem::Gathered};

/// Returns our name: as configured, else as the certificate says, else the first label of the host
/// name. Reports a certificate that is another region's or gateway's; one that cannot be read has
/// been reported, unless it `may_be_missing` because it is made at the start.
pub(super) fn agree(
    (fabric, region): (&RegionId, &RegionId),
    configured: Option<GatewayId>,
    tls: &Tls,
    naming: &Naming,
    may_be_missing: bool,
    problems: &mut Gathered,
) -> Option<GatewayId> {
    let names = naming.to_names(fabric).map_err(|error| problems.add("identity.names", error)).ok();
    let names = names?;
    let credentials = match tls.load() {
        Ok(credentials) => credentials,
        Err(_) if may_be_missing => return configured.or_else(|| host_name(problems)),
        Err(_) => return None,
    };
    let identity = match names.identify_leaf(credentials.leaf()) {
        Ok(identity) => identity,
        Err(error) => {
            let file = tls.certificate.display();
            problems.add("link.tls.certificate", format_args!("{file}: {}", with_sources(&error)));
            return configured;
        }
    };
    if let Err(error) = identity.require_region(region.as_str()) {
        problems.add("region", disagreement(region.as_str(), &error));
    }
    match (configured, identity.gateway) {
        (Some(configured), Some(certified)) if configured.as_str() != certified => {
            let (presented, expected) = (certified, configured.to_string());
            let error = IdentityError::GatewayMismatch { presented, expected };
            problems.add("gateway", disagreement(configured.as_str(), &error));
            Some(configured)
        }
        (Some(configured), _) => Some(configured),
        (None, Some(certified)) => parse("link.tls.certificate", &certified, problems),
        (None, None) => host_name(problems),
    }
}

/// The first label of the host name.
fn host_name(problems: &mut Gathered) -> Option<GatewayId> {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    let label = host.split('.').next().unwrap_or_default();
    parse("gateway", label, problems)
}

impl Naming {
    /// The rules by which certificates name members of `fabric`.
    ///
    /// # Errors
    /// They contradict each other.
    pub fn to_names(&self, fabric: &RegionId) -> Result<Arc<Names>, antiphon_identity::NamesError> {
        let regions: BTreeMap<String, Vec<String>> =
            self.names.iter().map(|(region, names)| (region.to_string(), names.clone())).collect();
        let common_name =
            if self.common_name { CommonName::LastResort } else { CommonName::Ignored };
        Names::new(fabric.as_str(), &regions, common_name).map(Arc::new)
    }
}

/// The message of an error and those of its sources, in one line.
pub(crate) fn with_sources(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        // Writing to a string cannot fail.
        write!(text, ": {source}").unwrap_or_default();
        next = source.source();
    }
    text
}

fn disagreement(configured: &str, error: &IdentityError) -> String {
    format!("{configured} is configured, but the {error}")
}

fn parse(key: &str, name: &str, problems: &mut Gathered) -> Option<GatewayId> {
    name.parse().map_err(|error| problems.add(key, error)).ok()
}
