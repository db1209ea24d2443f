//! Lists of certificates that their CA has taken back (CRLs, RFC 5280 section 5).

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateRevocationListDer, UnixTime};
use webpki::{
    CertRevocationList, ExpirationPolicy, OwnedCertRevocationList, RevocationOptions,
    RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;

/// The most lists that are read out of one file.
const LISTS_MAX: usize = 256;

/// What is known of one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// The subject of the CA that signed it; for people.
    pub issuer: String,
    /// How many certificates it takes back.
    pub revoked: usize,
    /// When the CA promised a newer one; `None`: it did not.
    pub next_update: Option<UnixTime>,
}

/// One list.
#[derive(Clone, Debug)]
pub(super) struct RevocationList {
    pub(super) list: Arc<CertRevocationList<'static>>,
    pub(super) der: CertificateRevocationListDer<'static>,
    pub(super) facts: Revocation,
}

/// All lists of a file: PEM sections, or DER.
pub(super) fn read(text: &[u8]) -> Result<Vec<RevocationList>, String> {
    // DER begins with a SEQUENCE; no PEM file begins with that byte.
    if text.first() == Some(&0x30) {
        return Ok(vec![RevocationList::parse(text.to_vec().into())?]);
    }
    let mut lists = Vec::new();
    for der in CertificateRevocationListDer::pem_slice_iter(text) {
        if lists.len() == LISTS_MAX {
            return Err(format!("more than {LISTS_MAX} lists"));
        }
        lists.push(RevocationList::parse(der.map_err(|error| format!("damaged PEM: {error}"))?)?);
    }
    if lists.is_empty() { Err("no CRL inside".to_owned()) } else { Ok(lists) }
}

/// Every certificate of a chain is looked up, in the lists of whoever signed it.
pub(super) fn options<'a>(
    lists: &'a [&'a CertRevocationList<'a>],
) -> Option<RevocationOptions<'a>> {
    let options = RevocationOptionsBuilder::new(lists).ok()?;
    let options = options.with_status_policy(UnknownStatusPolicy::Allow);
    Some(options.with_expiration_policy(ExpirationPolicy::Ignore).build())
}

impl RevocationList {
    fn parse(der: CertificateRevocationListDer<'static>) -> Result<Self, String> {
        let list = OwnedCertRevocationList::from_der(&der).map_err(|error| error.to_string())?;
        let (_, read) =
            CertificateRevocationList::from_der(&der).map_err(|error| error.to_string())?;
        let seconds = read.next_update().and_then(|time| u64::try_from(time.timestamp()).ok());
        let next_update = seconds.map(std::time::Duration::from_secs);
        let facts = Revocation {
            issuer: read.issuer().to_string(),
            revoked: read.iter_revoked_certificates().count(),
            next_update: next_update.map(UnixTime::since_unix_epoch),
        };
        Ok(Self { list: Arc::new(list.into()), der, facts })
    }
}
