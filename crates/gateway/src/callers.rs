//! Whether a request comes from the caller that it names: what nodes check too, with the same code.

use std::{collections::BTreeMap, sync::Arc};

use antiphon_identity::{TrustBundle, TrustError, UnixTime, v1, v2};
use antiphon_wire::{Credentials, Request, Transport};
use bytes::Bytes;

use crate::config::CallerTrust;

/// Verifies callers of either protocol. One that is not configured proves nobody.
#[derive(Debug)]
pub(crate) struct Callers {
    v1: Option<v1::Verifier>,
    v2: v2::Verifier,
    /// What is believed, to be told.
    authorities: Option<Arc<TrustBundle>>,
    issuers: BTreeMap<String, String>,
}

/// Why callers cannot be verified.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallersError {
    #[error(transparent)]
    Ca(#[from] TrustError),
    #[error(transparent)]
    Pattern(#[from] v1::PatternError),
    #[error("{name:?}")]
    Key {
        name: String,
        #[source]
        source: v2::KeyError,
    },
}

impl CallersError {
    /// The key of the configuration that is to blame.
    pub(crate) fn key(&self) -> &'static str {
        match self {
            Self::Ca(_) => "ca",
            Self::Pattern(_) => "allow",
            Self::Key { .. } => "issuers",
        }
    }
}

impl Callers {
    /// Reads the files.
    pub(crate) fn load(trust: &CallerTrust) -> Result<Self, CallersError> {
        let authorities = trust.ca.as_ref().map(|ca| TrustBundle::from_file(ca).map(Arc::new));
        let authorities = authorities.transpose()?;
        let v1 = match &authorities {
            None => None,
            Some(bundle) => Some(v1::Verifier::new(Arc::clone(bundle), lists(trust)?)),
        };
        let key = |name: &str, text: &str| {
            v2::PublicKey::from_hex(text)
                .map_err(|source| CallersError::Key { name: name.to_owned(), source })
        };
        let mut organisations = BTreeMap::new();
        for (name, text) in &trust.issuers {
            organisations.insert(name.clone(), key(name, text)?);
        }
        let signers = trust.trusted_signers.iter().map(|text| key("trusted_signers", text));
        let signers = signers.collect::<Result<Vec<_>, _>>()?;
        let v2 = v2::Verifier::new(v2::Issuers::new(organisations, signers));
        Ok(Self { v1, v2, authorities, issuers: trust.issuers.clone() })
    }

    /// The authorities of callers with protocol v1.
    pub(crate) fn authorities(&self) -> Option<&TrustBundle> {
        self.authorities.as_deref()
    }

    /// Public keys of the issuers of callers' tokens with protocol v2, in hex, by organisation.
    pub(crate) fn issuers(&self) -> &BTreeMap<String, String> {
        &self.issuers
    }

    /// Whether the signature in a client's transport proves the caller that the request names. Whether
    /// the request is fresh is the nodes' to ask.
    pub(crate) fn prove(&self, payload: &Bytes, now: UnixTime) -> bool {
        let request = Transport::decode(payload.clone()).ok().and_then(|one| one.request().ok());
        request.is_some_and(|request| self.prove_request(&request, now))
    }

    fn prove_request(&self, request: &Request, now: UnixTime) -> bool {
        let signature = request.proof.signature.as_deref().unwrap_or_default();
        let caller_id = request.head.caller.as_str();
        match &request.proof.credentials {
            Credentials::X509 { pubcert } => {
                let message = &request.proof.signed;
                let secure = v1::SecureRequest { message, signature, pubcert, caller_id };
                self.v1.as_ref().is_some_and(|verifier| verifier.verify(&secure, now).is_ok())
            }
            Credentials::Jwt { caller, signer } => {
                let secure = v2::SecureRequest {
                    request: &request.proof.signed,
                    signature,
                    caller_token: caller,
                    signer_token: signer.as_deref(),
                    caller_id,
                };
                self.v2.verify(&secure, now).is_ok()
            }
        }
    }
}

fn lists(trust: &CallerTrust) -> Result<v1::CallerLists, v1::PatternError> {
    let or = |given: &Option<Vec<String>>, default: [&str; 2]| {
        given.clone().unwrap_or_else(|| default.map(str::to_owned).to_vec())
    };
    v1::CallerLists::new(
        &or(&trust.allow, ALLOW_DEFAULT),
        &or(&trust.privileged, PRIVILEGED_DEFAULT),
    )
}

/// Choria's own `plugin.choria.security.certname_whitelist`.
const ALLOW_DEFAULT: [&str; 2] = [r"\.mcollective$", r"\.choria$"];
/// Choria's own `plugin.choria.security.privileged_users`.
const PRIVILEGED_DEFAULT: [&str; 2] = [r"\.privileged.mcollective$", r"\.privileged.choria$"];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// When the vectors were recorded, the certificates in them were good.
    fn recorded() -> (Bytes, CallerTrust, UnixTime) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/vectors");
        let text = std::fs::read_to_string(folder.join("v1-ping.json")).unwrap();
        let vector: serde_json::Value = serde_json::from_str(&text).unwrap();
        let payload = vector["messages"][0]["payload"].as_str().unwrap().to_owned();
        let ca = std::fs::read_dir(folder.join("keys")).unwrap().map(|one| one.unwrap().path());
        let ca = ca.into_iter().find(|path| path.ends_with("ca.pem")).expect("a CA");
        let head = Transport::decode(payload.clone().into()).unwrap().request_head().unwrap();
        let now = UnixTime::since_unix_epoch(head.time);
        (payload.into(), CallerTrust { ca: Some(ca), ..CallerTrust::default() }, now)
    }

    #[test]
    fn a_recorded_request_proves_its_caller() {
        let (payload, trust, now) = recorded();
        assert!(Callers::load(&trust).unwrap().prove(&payload, now));
        let nobody = CallerTrust { ca: None, ..trust.clone() };
        assert!(!Callers::load(&nobody).unwrap().prove(&payload, now));
        let others = CallerTrust { allow: Some(vec!["^ops$".to_owned()]), ..trust };
        assert!(!Callers::load(&others).unwrap().prove(&payload, now));
    }

    #[test]
    fn what_is_no_request_proves_nobody() {
        let (_, trust, now) = recorded();
        assert!(!Callers::load(&trust).unwrap().prove(&Bytes::from_static(b"{}"), now));
    }

    #[test]
    fn what_is_no_key_or_pattern_is_told() {
        let key = CallerTrust { issuers: [("a".into(), "b".into())].into(), ..Default::default() };
        assert_eq!(Callers::load(&key).unwrap_err().key(), "issuers");
        let file = CallerTrust { ca: Some("/no/such".into()), ..Default::default() };
        assert_eq!(Callers::load(&file).unwrap_err().key(), "ca");
    }
}
