//! A certificate authority of our own.

use std::{fs, path::PathBuf, sync::Arc};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;

/// An authority, and a folder with its files.
pub(crate) struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { authority, folder }
    }

    /// The `tls` section of a server that bears `names` and asks for certificates of this authority.
    pub(crate) fn server_section(&self, names: &[&str]) -> String {
        let (certificate, key) = self.issue(names);
        let file = |name: &str, text: String| -> PathBuf {
            let path = self.folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let certificate = file("server.pem", certificate.pem());
        let key = file("server-key.pem", key.serialize_pem());
        let (certificate, key) = (certificate.display(), key.display());
        let ca = self.folder.path().join("ca.pem");
        format!(
            "tls {{ cert_file: \"{certificate}\", key_file: \"{key}\", ca_file: \"{}\", verify: true }}",
            ca.display()
        )
    }

    /// What a client is configured with that this authority has issued a certificate to.
    pub(crate) fn client(&self, name: &str) -> Arc<ClientConfig> {
        let (certificate, key) = self.issue(&[name]);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let chain = vec![certificate.der().clone()];
        Arc::new(self.trusting().with_client_auth_cert(chain, key).unwrap())
    }

    /// What a client is configured with that has no certificate.
    pub(crate) fn nobody(&self) -> Arc<ClientConfig> {
        Arc::new(self.trusting().with_no_client_auth())
    }

    fn trusting(&self) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        let root: CertificateDer<'static> = self.authority.der().clone();
        roots.add(root).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots)
    }

    fn issue(&self, names: &[&str]) -> (rcgen::Certificate, KeyPair) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.authority).unwrap(), key)
    }
}
