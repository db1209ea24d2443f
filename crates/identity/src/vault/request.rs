//! Keys made here, and requests for certificates of them.

use getrandom::SysRng;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::UnwrapErr;

use super::config::{KeyType, Subject};
use super::error::VaultError;

/// Length of RSA keys.
const RSA_BITS: usize = 2048;

/// A key, and a request that it signed.
pub(super) struct Request {
    /// PKCS#8, PEM.
    pub(super) key: String,
    /// PKCS#10, PEM.
    pub(super) request: String,
}

impl Request {
    /// Makes a key; for RSA that takes about a tenth of a second of a processor.
    pub(super) fn make(subject: &Subject, kind: KeyType) -> Result<Self, VaultError> {
        let key = key(kind)?;
        let request = params(subject)
            .and_then(|params| params.serialize_request(&key))
            .and_then(|request| request.pem())
            .map_err(failed)?;
        Ok(Self { key: key.serialize_pem(), request })
    }
}

fn key(kind: KeyType) -> Result<KeyPair, VaultError> {
    match kind {
        KeyType::EcdsaP256 => KeyPair::generate().map_err(failed),
        KeyType::Rsa2048 => {
            let key = PrivateKey::new(&mut UnwrapErr(SysRng), RSA_BITS).map_err(failed)?;
            let pkcs8 = key.to_pkcs8_der().map_err(failed)?;
            KeyPair::try_from(pkcs8.as_bytes()).map_err(failed)
        }
    }
}

fn params(subject: &Subject) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = &subject.common_name {
        params.distinguished_name.push(DnType::CommonName, name.as_str());
    }
    for uri in &subject.uris {
        params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
    }
    for name in &subject.dns_names {
        params.subject_alt_names.push(SanType::DnsName(name.as_str().try_into()?));
    }
    Ok(params)
}

fn failed(error: impl ToString) -> VaultError {
    VaultError::Key { detail: error.to_string() }
}
