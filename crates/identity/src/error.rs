//! Why a certificate is not accepted as a peer's.

use std::error::Error;
use std::sync::Arc;

use rustls::pki_types::UnixTime;
use rustls::{CertificateError, OtherError};

use crate::date::Date;

/// Why a certificate does not make its holder a member of the fabric.
///
/// [`kind`](Self::kind) is stable and meant for metric labels; the message is for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The peer presented no certificate.
    #[error("no certificate presented")]
    NoCertificate,
    /// The certificate cannot be read.
    #[error("certificate cannot be read: {detail}")]
    Malformed {
        /// What the parser said.
        detail: String,
    },
    /// The certificate, or one of its issuers, has ended.
    #[error("certificate expired at {not_after}")]
    Expired {
        /// Its last second.
        not_after: Date,
    },
    /// The certificate, or one of its issuers, has not begun.
    #[error("certificate is not valid before {not_before}")]
    NotYetValid {
        /// Its first second.
        not_before: Date,
    },
    /// No chain leads to a CA of the bundle, or a link of it does not hold.
    #[error("certificate is not signed by a CA of the trust bundle: {detail}")]
    Untrusted {
        /// What the path builder said.
        detail: String,
    },
    /// Its CA has taken the certificate back, or that of an issuer between.
    #[error("certificate is revoked")]
    Revoked,
    /// The extended key usage excludes this purpose.
    #[error("certificate is not for {wanted}")]
    WrongUsage {
        /// The purpose, for example `client authentication`.
        wanted: &'static str,
    },
    /// Its names do not include the host that was dialled; only where host names are checked.
    #[error("certificate is of another host: {detail}")]
    WrongHost {
        /// Which names it has.
        detail: String,
    },
    /// Its URI names belong to other fabrics.
    #[error("certificate is of fabric {presented}, not of {expected}")]
    WrongFabric {
        /// The fabric in the URI.
        presented: String,
        /// Ours.
        expected: String,
    },
    /// A URI name with our scheme does not have the form
    /// `antiphon://<fabric>/<region>[/<gateway>]`.
    #[error(
        "certificate name {uri:?} is not antiphon://fabric/region or antiphon://fabric/region/gateway"
    )]
    MalformedUri {
        /// The name as it stands in the certificate.
        uri: String,
    },
    /// Two names stand for different members.
    #[error("certificate names both {first} and {second}")]
    Ambiguous {
        /// One reading.
        first: String,
        /// Another.
        second: String,
    },
    /// No name stands for a region.
    #[error("no name of the certificate stands for a region ({presented})")]
    UnknownRegion {
        /// The names that were tried, at most eight.
        presented: String,
    },
    /// Another region than the one expected.
    #[error("certificate is of region {presented}, expected {expected}")]
    RegionMismatch {
        /// What the certificate says.
        presented: String,
        /// What was expected.
        expected: String,
    },
    /// Another gateway than the one expected.
    #[error("certificate is of gateway {presented}, expected {expected}")]
    GatewayMismatch {
        /// What the certificate says.
        presented: String,
        /// What was expected.
        expected: String,
    },
}

impl IdentityError {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoCertificate => "no-client-certificate",
            Self::Malformed { .. } => "malformed-certificate",
            Self::Expired { .. } => "expired",
            Self::NotYetValid { .. } => "not-yet-valid",
            Self::Untrusted { .. } => "untrusted",
            Self::Revoked => "revoked",
            Self::WrongUsage { .. } => "wrong-usage",
            Self::WrongHost { .. } => "wrong-host",
            Self::WrongFabric { .. } => "wrong-fabric",
            Self::MalformedUri { .. } => "malformed-uri",
            Self::Ambiguous { .. } => "ambiguous",
            Self::UnknownRegion { .. } => "unknown-region",
            Self::RegionMismatch { .. } => "region-mismatch",
            Self::GatewayMismatch { .. } => "gateway-mismatch",
        }
    }

    /// The refusal of a peer's certificate inside a failed handshake's error, if that is why it
    /// failed.
    ///
    /// Follows the chain of sources, so an error of rustls, of a socket around it, or of a client
    /// library around that may be given.
    #[must_use]
    pub fn in_error(error: &(dyn Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(found) = Self::in_one_error(error) {
                return Some(found);
            }
            next = error.source();
        }
        None
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls's other errors are not about the peer's certificate"
    )]
    fn in_one_error(error: &(dyn Error + 'static)) -> Option<Self> {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            // `source` of an I/O error skips the error that it wraps.
            return io.get_ref().and_then(|inner| Self::in_one_error(inner));
        }
        if let Some(identity) = error.downcast_ref::<Self>() {
            return Some(identity.clone());
        }
        match error.downcast_ref::<rustls::Error>()? {
            rustls::Error::NoCertificatesPresented => Some(Self::NoCertificate),
            rustls::Error::InvalidCertificate(reason) => Some(Self::from_rustls(reason)),
            _ => None,
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls may add reasons; each is a lack of trust"
    )]
    fn from_rustls(reason: &CertificateError) -> Self {
        match reason {
            CertificateError::ExpiredContext { not_after, .. } => {
                Self::Expired { not_after: Date(*not_after) }
            }
            CertificateError::NotValidYetContext { not_before, .. } => {
                Self::NotYetValid { not_before: Date(*not_before) }
            }
            CertificateError::Other(other) => match other.0.downcast_ref::<Self>() {
                Some(identity) => identity.clone(),
                None => Self::Untrusted { detail: other.to_string() },
            },
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                Self::WrongUsage { wanted: "its side of the connection" }
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Self::WrongHost { detail: reason.to_string() }
            }
            CertificateError::Revoked => Self::Revoked,
            CertificateError::BadEncoding => Self::Malformed { detail: reason.to_string() },
            other => Self::Untrusted { detail: other.to_string() },
        }
    }

    /// Wraps this refusal for rustls, so that the peer gets the fitting alert and
    /// [`in_error`](Self::in_error) finds it again.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "rustls has no words of its own for our other refusals"
    )]
    pub(crate) fn into_rustls(self, now: UnixTime) -> rustls::Error {
        let reason = match self {
            Self::NoCertificate => return rustls::Error::NoCertificatesPresented,
            Self::Expired { not_after } => {
                CertificateError::ExpiredContext { time: now, not_after: not_after.0 }
            }
            Self::NotYetValid { not_before } => {
                CertificateError::NotValidYetContext { time: now, not_before: not_before.0 }
            }
            Self::Revoked => CertificateError::Revoked,
            other => CertificateError::Other(OtherError(Arc::new(other))),
        };
        rustls::Error::InvalidCertificate(reason)
    }
}
