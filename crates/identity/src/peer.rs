//! What a certificate says about its holder.

use std::fmt;

use crate::error::IdentityError;

/// Who a peer is, by its certificate.
///
/// Both texts are names: 1 to 63 characters out of `A-Z a-z 0-9 - _`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerIdentity {
    /// The region that the certificate stands for.
    pub region: String,
    /// The gateway, where the certificate names one; else the peer says it itself.
    pub gateway: Option<String>,
}

impl PeerIdentity {
    /// Checks that this is the region that was expected.
    ///
    /// # Errors
    /// [`IdentityError::RegionMismatch`].
    pub fn require_region(&self, expected: &str) -> Result<(), IdentityError> {
        if self.region == expected {
            return Ok(());
        }
        Err(IdentityError::RegionMismatch {
            presented: self.region.clone(),
            expected: expected.to_owned(),
        })
    }

    /// Checks that the certificate allows its holder to call itself `claimed`: it names this
    /// gateway, or none.
    ///
    /// # Errors
    /// [`IdentityError::GatewayMismatch`].
    pub fn require_gateway(&self, claimed: &str) -> Result<(), IdentityError> {
        match &self.gateway {
            Some(presented) if presented != claimed => Err(IdentityError::GatewayMismatch {
                presented: presented.clone(),
                expected: claimed.to_owned(),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.gateway {
            Some(gateway) => write!(f, "{}/{gateway}", self.region),
            None => f.write_str(&self.region),
        }
    }
}
