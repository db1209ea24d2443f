//! Why a connection did not become part of a link.

use antiphon_core::DialFailure;
use antiphon_identity::IdentityError;
use antiphon_proto::v1;

use super::port::LinkEvent;

/// Why a connection did not become part of a link.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SetupError {
    /// The other end is this very process.
    #[error("answered by ourselves")]
    Ourselves,
    /// Nobody answered, or the connection broke.
    #[error("{reason}")]
    Unreachable {
        /// Why, for people.
        reason: String,
    },
    /// We turn the other end away.
    #[error("{kind}: {detail}")]
    Refused {
        /// The stable word.
        kind: &'static str,
        /// The rest, for people.
        detail: String,
    },
    /// The other end turns us away.
    #[error("refused by the peer: {reason}")]
    Rejected {
        /// Its words.
        reason: String,
    },
}

impl SetupError {
    /// We turn the other end away.
    pub(crate) fn refused(kind: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { kind, detail: detail.into() }
    }

    /// The connection broke.
    pub(crate) fn unreachable(reason: impl Into<String>) -> Self {
        Self::Unreachable { reason: reason.into() }
    }

    /// A TLS handshake failed: by the certificate of the other end, by its alert, or by the wire.
    pub(crate) fn in_handshake(error: &std::io::Error) -> Self {
        match Self::in_stream(error) {
            Self::Unreachable { reason } => Self::unreachable(format!("TLS handshake: {reason}")),
            other @ (Self::Ourselves | Self::Refused { .. } | Self::Rejected { .. }) => other,
        }
    }

    /// Reading failed; an alert about our certificate may arrive long after the handshake.
    pub(crate) fn in_stream(error: &std::io::Error) -> Self {
        if let Some(refusal) = IdentityError::in_error(error) {
            return Self::refused(refusal.kind(), refusal.to_string());
        }
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::AlertReceived(alert)) => {
                Self::Rejected { reason: format!("TLS alert {alert:?}") }
            }
            Some(other) => Self::refused("tls", other.to_string()),
            // rustls has a paragraph and an address for it.
            None if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Self::unreachable("closed without a goodbye")
            }
            None => Self::unreachable(error.to_string()),
        }
    }

    /// What a refusal that the peer sent means.
    pub(crate) fn from_peer(refusal: &v1::Refusal) -> Self {
        if refusal.kind == OURSELVES {
            return Self::Ourselves;
        }
        let shown = |text: &str| text.chars().take(256).collect::<String>();
        Self::Rejected { reason: format!("{}: {}", shown(&refusal.kind), shown(&refusal.detail)) }
    }

    /// What we tell the peer.
    pub(crate) fn to_peer(&self) -> v1::Refusal {
        let (kind, detail) = match self {
            Self::Ourselves => (OURSELVES, String::new()),
            Self::Refused { kind, detail } => (*kind, detail.clone()),
            Self::Unreachable { reason } | Self::Rejected { reason } => ("setup", reason.clone()),
        };
        v1::Refusal { kind: kind.to_owned(), detail }
    }

    /// How a dial ended.
    pub(crate) fn dial_failure(&self) -> DialFailure {
        match self {
            Self::Ourselves => DialFailure::Ourselves,
            Self::Unreachable { reason } => DialFailure::Unreachable { reason: reason.clone() },
            Self::Refused { .. } | Self::Rejected { .. } => {
                DialFailure::Refused { reason: self.to_string() }
            }
        }
    }

    /// The event, where it is we who turn somebody away; `address` is the other end's.
    pub(crate) fn refusal_event(&self, address: &str) -> Option<LinkEvent> {
        match self {
            Self::Refused { kind, detail } => Some(LinkEvent::Refused {
                kind: (*kind).to_owned(),
                detail: format!("{address}: {detail}"),
            }),
            Self::Ourselves | Self::Unreachable { .. } | Self::Rejected { .. } => None,
        }
    }
}

/// The kind of refusal by which a gateway tells itself who it is.
const OURSELVES: &str = "ourselves";
