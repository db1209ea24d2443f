//! Certificates for tests.

use std::{fs, path::Path, sync::Arc};

use antiphon_identity::{CommonName, Credentials, Names};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    string::Ia5String,
};
use tempfile::TempDir;

use crate::{config::Tls, notary::Notary};

/// A certificate authority in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "test authority");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Files `<name>.pem` and `<name>-key.pem` of a certificate with these URIs and DNS names.
    pub(crate) fn issue(&self, name: &str, uris: &[&str], dns: &[&str]) -> Tls {
        let key = KeyPair::generate().unwrap();
        let dns: Vec<String> = dns.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(Ia5String::try_from(*uri).unwrap()));
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let tls = Tls {
            certificate: self.folder().join(format!("{name}.pem")),
            key: self.folder().join(format!("{name}-key.pem")),
            ca: self.folder().join("ca.pem"),
        };
        fs::write(&tls.certificate, certificate.pem()).unwrap();
        fs::write(&tls.key, key.serialize_pem()).unwrap();
        tls
    }

    /// The notary of gateway `<region>-<n>` in fabric `acme`.
    pub(crate) fn notary(&self, gateway: &str) -> Arc<Notary> {
        let region = gateway.rsplit_once('-').unwrap().0;
        let uri = format!("antiphon://acme/{region}/{gateway}");
        let tls = self.issue(gateway, &[&uri], &[]);
        Arc::new(notary(&tls))
    }
}

/// The notary of fabric `acme` who holds this certificate; `gw.us.example.net` stands for `us`.
pub(crate) fn notary(tls: &Tls) -> Notary {
    let regions = [("us".to_owned(), vec!["gw.us.example.net".to_owned()])].into();
    let names = Names::new("acme", &regions, CommonName::Ignored).unwrap();
    let credentials = Credentials::from_files(&tls.certificate, &tls.key, &tls.ca).unwrap();
    Notary::new("acme".parse().unwrap(), Arc::new(names), credentials)
}
