//! What certificates say, for people who look at them.

use std::fs;
use std::path::Path;

use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;

use crate::certificate::{Leaf, parse_x509};
use crate::credentials::CredentialsError;
use crate::error::IdentityError;
use crate::pem;

/// A certificate, and what it says. Reading it proves nothing.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// Itself, DER.
    pub certificate: CertificateDer<'static>,
    /// Its names, life and fingerprint.
    pub leaf: Leaf,
    /// Whose it is, RFC 4514 in spirit.
    pub subject: String,
    /// Who signed it.
    pub issuer: String,
    /// Its number at that one: hexadecimal, pairs with colons between.
    pub serial: String,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Whether its holder may open connections.
    pub client: bool,
    /// Whether its holder may accept connections.
    pub server: bool,
}

impl Inspected {
    /// Reads all certificates of a PEM file, in order.
    ///
    /// # Errors
    /// [`CredentialsError`]: the file is missing, holds none, or one cannot be read.
    pub fn from_file(path: &Path) -> Result<Vec<Self>, CredentialsError> {
        let (what, file) = ("certificate", || path.to_owned());
        let text = fs::read(path).map_err(|source| CredentialsError::Read {
            what,
            path: file(),
            source,
        })?;
        let found = pem::certificates(&text).map_err(|error| CredentialsError::Pem {
            what,
            path: file(),
            detail: error.to_string(),
        })?;
        let all = found.into_iter().map(Self::of).collect::<Result<_, _>>();
        all.map_err(|source| CredentialsError::Certificate { path: file(), source })
    }

    fn of(certificate: CertificateDer<'static>) -> Result<Self, IdentityError> {
        let leaf = Leaf::parse(&certificate)?;
        let x509 = parse_x509(&certificate)?;
        let (client, server) = usages(&x509);
        let (subject, issuer) = (x509.subject().to_string(), x509.issuer().to_string());
        let (serial, is_ca) = (x509.raw_serial_as_string(), x509.is_ca());
        Ok(Self { leaf, subject, issuer, serial, is_ca, client, server, certificate })
    }
}

/// For client and server; without a list of usages, for both.
fn usages(x509: &X509Certificate<'_>) -> (bool, bool) {
    match x509.extended_key_usage() {
        Ok(Some(usage)) => {
            let usage = usage.value;
            (usage.any || usage.client_auth, usage.any || usage.server_auth)
        }
        Ok(None) | Err(_) => (true, true),
    }
}
