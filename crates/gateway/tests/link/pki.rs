//! Certificates for tests.

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use antiphon_gateway::link::LinkTls;
use antiphon_identity::{CommonName, Credentials, Names, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType, date_time_ymd,
    string::Ia5String,
};
use tempfile::TempDir;

/// A certificate authority in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// How long a certificate lives.
#[derive(Clone, Copy)]
pub(crate) enum Life {
    /// For longer than this code.
    Long,
    /// It ended in the year 2001.
    Past,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = date_time_ymd(1999, 1, 1);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    /// A certificate with one URI name.
    pub(crate) fn credentials(&self, uri: &str, life: Life) -> Credentials {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names.push(SanType::URI(Ia5String::try_from(uri).unwrap()));
        params.not_before = date_time_ymd(2000, 1, 1);
        let (year, read_at) = match life {
            Life::Long => (4000, UnixTime::now()),
            Life::Past => (2001, UnixTime::since_unix_epoch(Duration::from_secs(959_817_600))),
        };
        params.not_after = date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |name: &str| self.folder.path().join(name);
        fs::write(path("cert.pem"), certificate.pem()).unwrap();
        fs::write(path("key.pem"), key.serialize_pem()).unwrap();
        Credentials::from_files_at(&path("cert.pem"), &path("key.pem"), &path("ca.pem"), read_at)
            .unwrap()
    }

    /// What a gateway needs for TLS, in fabric `acme`.
    pub(crate) fn tls(&self, gateway: &str) -> LinkTls {
        let region = gateway.rsplit_once('-').unwrap().0;
        self.tls_of(&format!("antiphon://acme/{region}/{gateway}"), Life::Long)
    }

    pub(crate) fn tls_of(&self, uri: &str, life: Life) -> LinkTls {
        let fabric = uri.strip_prefix("antiphon://").unwrap().split('/').next().unwrap();
        let names = Names::new(fabric, &BTreeMap::new(), CommonName::Ignored).unwrap();
        LinkTls::new(&self.credentials(uri, life), &Arc::new(names))
    }
}
