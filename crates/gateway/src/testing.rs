//! Certificates, a report, and a shell that gives it, for tests.

mod bus;

use std::{
    collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, path::Path, sync::Arc,
    time::Duration,
};

use antiphon_core::{Config, Gateway, Hello, Incarnation, Now};

use antiphon_identity::{CommonName, Names};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    string::Ia5String,
};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::{
    config::Tls,
    notary::Notary,
    shell::{self, BrokerCounts, CertificateFacts, GossipFacts, Query, Report, ShellHandle},
};

pub(crate) use bus::Bus;

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
            not_after: Duration::from_secs(2_000_000_000),
            not_after_date: "2033-05-18T03:33:20Z".to_owned(),
            fingerprint: "ab".repeat(32),
        },
        refusals: BTreeMap::new(),
        denied: Vec::new(),
        broker: BrokerCounts::default(),
        links: Vec::new(),
        link_overflows: 0,
        gossip: GossipFacts::default(),
        settings: shell::Settings::default(),
        policy: crate::policies::PolicyFacts::default(),
        trust: shell::TrustFacts::default(),
        process: shell::ProcessFacts::default(),
        troubles: shell::TroubleFacts::default(),
        enrolment: None,
        record: None,
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
