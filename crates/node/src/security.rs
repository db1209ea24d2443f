//! Who may call: the checks of signatures and names, of either protocol.

mod callers;

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::{UnixTime, v1, v2};
use antiphon_wire::{Credentials, Request, Version};

use crate::refusal::Refusal;
pub use callers::Callers;

/// Decides whether a request comes from whom it says. Cheap to clone; nodes with the same trust share it.
#[derive(Clone, Debug)]
pub enum Security {
    /// RSA signatures and certificates.
    V1(Arc<Callers>),
    /// ed25519 signatures and tokens.
    V2(Arc<v2::Verifier>),
}

impl Security {
    /// The protocol version that it checks.
    pub fn version(&self) -> Version {
        match self {
            Self::V1(_) => Version::V1,
            Self::V2(_) => Version::V2,
        }
    }

    /// Checks a request's credentials, its caller's name and its signature; gives what the caller's token allows.
    /// May block, for a file that changed.
    ///
    /// # Errors
    /// Which check failed, and the detail for the log.
    pub(crate) fn check(
        &self,
        request: &Request,
        now: Duration,
    ) -> Result<Option<Rights>, Refused> {
        let now = UnixTime::since_unix_epoch(now);
        match (self, &request.proof.credentials) {
            (Self::V1(callers), Credentials::X509 { pubcert }) => {
                check_v1(&callers.verifier(), request, pubcert, now).map(|()| None)
            }
            (Self::V2(verifier), Credentials::Jwt { caller, signer }) => {
                check_v2(verifier, request, caller, signer.as_deref(), now).map(Some)
            }
            (Self::V1(_), Credentials::Jwt { .. }) | (Self::V2(_), Credentials::X509 { .. }) => {
                Err(Refused::new(Refusal::Version, "credentials of the other protocol"))
            }
        }
    }
}

/// What a v2 token lets its holder run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// `agent.action`, `agent.*` or `*`.
    pub agents: Vec<String>,
    /// Whether a policy in Rego decides, which this node cannot evaluate.
    pub opa_policy: bool,
}

impl Rights {
    /// Whether the token's list allows the action. A token with a Rego policy, or with nothing, allows nothing.
    pub fn allow(&self, agent: &str, action: &str) -> bool {
        let listed = |entry: &String| match entry.split_once('.') {
            Some((known, "*")) => known == agent,
            Some((known, known_action)) => known == agent && known_action == action,
            None => entry == "*",
        };
        !self.opa_policy && self.agents.iter().any(listed)
    }
}

/// A refusal with its detail, which is only logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) refusal: Refusal,
    pub(crate) detail: String,
}

impl Refused {
    pub(crate) fn new(refusal: Refusal, detail: impl ToString) -> Self {
        Self { refusal, detail: detail.to_string() }
    }

    /// A refusal by an error, with all of its causes.
    pub(crate) fn because(refusal: Refusal, error: &dyn Error) -> Self {
        Self { refusal, detail: causes(error) }
    }
}

/// An error and its causes, from the outermost.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        text = format!("{text}: {source}");
        cause = source.source();
    }
    text
}

fn check_v1(
    verifier: &v1::Verifier,
    request: &Request,
    pubcert: &str,
    now: UnixTime,
) -> Result<(), Refused> {
    let secure = v1::SecureRequest {
        message: &request.proof.signed,
        signature: signature(request),
        pubcert,
        caller_id: request.head.caller.as_str(),
    };
    verifier.verify(&secure, now).map(drop).map_err(|error| {
        let refusal = if matches!(error, v1::Refusal::MalformedCallerId { .. }) {
            Refusal::Caller
        } else if error == v1::Refusal::BadSignature {
            Refusal::Signature
        } else {
            Refusal::Credentials
        };
        Refused::because(refusal, &error)
    })
}

fn check_v2(
    verifier: &v2::Verifier,
    request: &Request,
    caller: &str,
    signer: Option<&str>,
    now: UnixTime,
) -> Result<Rights, Refused> {
    let secure = v2::SecureRequest {
        request: &request.proof.signed,
        signature: signature(request),
        caller_token: caller,
        signer_token: signer,
        caller_id: request.head.caller.as_str(),
    };
    let caller = verifier.verify(&secure, now).map_err(|error| {
        let refusal = if matches!(error, v2::Refusal::CallerMismatch { .. }) {
            Refusal::Caller
        } else if error == v2::Refusal::BadSignature {
            Refusal::Signature
        } else {
            Refusal::Credentials
        };
        Refused::because(refusal, &error)
    })?;
    Ok(Rights { agents: caller.claims.agents, opa_policy: !caller.claims.opa_policy.is_empty() })
}

/// The raw signature; one that is not base64 fits nothing.
fn signature(request: &Request) -> &[u8] {
    request.proof.signature.as_deref().unwrap_or_default()
}
