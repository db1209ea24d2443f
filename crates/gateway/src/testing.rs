//! Certificates, a report, and a shell that gives it, for tests.

mod bus;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use antiphon_core::{Config, Gateway, Hello, Incarnation, Now};

use antiphon_identity::{CommonName, Names};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SanType, SerialNumber, string::Ia5String,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::{
    certificates::{OwnCertificate, Use},
    config::Tls,
    notary::Notary,
    shell::{self, CertificateFacts, Query, Report, ShellHandle},
};

pub(crate) use bus::Bus;

/// A certificate authority in a folder of its own.
pub(crate) struct Authority {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("test authority")
    }

    pub(crate) fn named(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.path().join("ca.pem"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Files `<name>.pem` and `<name>-key.pem` of a certificate with these URIs and DNS names.
    pub(crate) fn issue(&self, name: &str, uris: &[&str], dns: &[&str]) -> Tls {
        self.issue_until(name, uris, dns, 4096)
    }

    fn issue_until(&self, name: &str, uris: &[&str], dns: &[&str], year: i32) -> Tls {
        let key = KeyPair::generate().unwrap();
        let dns: Vec<String> = dns.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        params.serial_number = Some(serial(name));
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        for uri in uris {
            params.subject_alt_names.push(SanType::URI(Ia5String::try_from(*uri).unwrap()));
        }
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let tls = Tls::new(
            self.folder().join(format!("{name}.pem")),
            self.folder().join(format!("{name}-key.pem")),
            self.folder().join("ca.pem"),
        );
        fs::write(&tls.certificate, certificate.pem()).unwrap();
        fs::write(&tls.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&tls.key, fs::Permissions::from_mode(0o600)).unwrap();
        tls
    }

    /// A file that lists the certificates of these names as revoked.
    pub(crate) fn revoke(&self, file: &str, names: &[&str]) -> PathBuf {
        let revoked = |name: &&str| RevokedCertParams {
            serial_number: serial(name),
            revocation_time: rcgen::date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let params = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(4000, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: names.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.folder().join(file);
        fs::write(&path, params.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        path
    }

    /// Its own certificate, PEM.
    pub(crate) fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// As [`Self::issue`], of a certificate that has ended.
    pub(crate) fn issue_ended(&self, name: &str, uris: &[&str]) -> Tls {
        self.issue_until(name, uris, &[], 2020)
    }

    /// The notary of gateway `<region>-<n>` in fabric `acme`.
    pub(crate) fn notary(&self, gateway: &str) -> Arc<Notary> {
        let region = gateway.rsplit_once('-').unwrap().0;
        let uri = format!("antiphon://acme/{region}/{gateway}");
        let tls = self.issue(gateway, &[&uri], &[]);
        Arc::new(notary(&tls))
    }
}

/// The serial number of the certificate of this name, whichever authority issues it.
fn serial(name: &str) -> SerialNumber {
    SerialNumber::from_slice(format!("#{name}").as_bytes())
}

/// The notary of fabric `acme` who holds this certificate; `gw.us.example.net` stands for `us`.
pub(crate) fn notary(tls: &Tls) -> Notary {
    let regions = [("us".to_owned(), vec!["gw.us.example.net".to_owned()])].into();
    let names = Names::new("acme", &regions, CommonName::Ignored).unwrap();
    let credentials = tls.load().unwrap();
    Notary::new("acme".parse().unwrap(), Arc::new(names), credentials)
}

/// What gateway `<region>-<n>` says of itself.
pub(crate) fn hello(gateway: &str) -> Hello {
    Hello {
        region: gateway.rsplit_once('-').unwrap().0.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(1),
        version: "0.1.0".to_owned(),
        endpoint: format!("{gateway}.example.net:7440").parse().unwrap(),
    }
}

/// The machine's configuration of a gateway `eu-1`.
pub(crate) fn core_config() -> Config {
    Config {
        export: ["mcollective".parse().unwrap()].into(),
        ..Config::new(
            "acme".parse().unwrap(),
            "eu".parse().unwrap(),
            "eu-1".parse().unwrap(),
            Incarnation(7),
        )
    }
}

/// The report of a gateway `eu-1` that has just started.
pub(crate) fn report() -> Report {
    let config = core_config();
    let daemon = shell::Daemon {
        version: "0.1.0".to_owned(),
        pid: 4242,
        uptime: Duration::from_secs(60),
        config: "gateway.toml".to_owned(),
        endpoint: "eu-1.example.net:7440".to_owned(),
        certificate: CertificateFacts {
            life: None,
            not_after: Duration::from_secs(2_000_000_000),
            not_after_date: "2033-05-18T03:33:20Z".to_owned(),
            fingerprint: "ab".repeat(32),
        },
        certificates: vec![OwnCertificate {
            of: Use::Link,
            file: "gw.pem".to_owned(),
            not_after: Duration::from_secs(2_000_000_000),
            not_after_date: "2033-05-18T03:33:20Z".to_owned(),
            fingerprint: "ab".repeat(32),
            life: Duration::from_secs(365 * 86_400),
            renewals: 0,
            refused: None,
        }],
        ..shell::Daemon::default()
    };
    let core = Gateway::new(config, 1, Now::default()).snapshot(Now::default());
    Report {
        schema: shell::SCHEMA.to_owned(),
        at: Duration::from_secs(100),
        daemon,
        core,
        ways: Vec::new(),
    }
}

/// A shell that knows nothing but this report, and hands on the other questions.
pub(crate) fn shell_with(report: Report) -> (ShellHandle, mpsc::Receiver<Query>) {
    let (shell, mut queries) = ShellHandle::new();
    let (others, rest) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(query) = queries.recv().await {
            match query {
                Query::Report(answer) => answer.send(Box::new(report.clone())).unwrap(),
                other @ (Query::Drain { .. }
                | Query::Policy(..)
                | Query::Order(..)
                | Query::Undrain(_)
                | Query::Ask { .. }
                | Query::Requests(..)
                | Query::Explain(..)
                | Query::WorkedOut { .. }) => {
                    others.send(other).await.unwrap();
                }
            }
        }
    });
    (shell, rest)
}
