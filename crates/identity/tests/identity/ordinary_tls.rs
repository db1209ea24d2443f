//! Connections to brokers and admin ports: host names are checked.

use std::sync::Arc;

use antiphon_identity::tls::{
    admin_client_config, admin_server_config, broker_client_config, link_client_config,
    link_server_config,
};
use antiphon_identity::{CommonName, Credentials};
use rcgen::ExtendedKeyUsagePurpose::ServerAuth;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS12;
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore, ServerConfig};

use crate::handshake::handshake;
use crate::pki::{Authority, Issued, Subject, names};

fn broker(ca: &Authority) -> Credentials {
    ca.issue(&Subject::dns("broker.example.net")).credentials()
}

#[test]
fn a_broker_s_host_name_is_checked() {
    let ca = Authority::new("ca");
    let own = ca.issue(&Subject::uri("antiphon://acme/eu")).credentials();
    let client = Arc::new(broker_client_config(own.trust(), Some(&own)));
    let server = admin_server_config(&broker(&ca));
    let done = handshake(client.clone(), server.clone(), "broker.example.net");
    assert!(done.client_error.is_none());
    let elsewhere = handshake(client, server, "other.example.net");
    assert_eq!(elsewhere.client_refusal(), "wrong-host");
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let ca = Authority::new("ca");
    let own = ca.issue(&Subject::uri("antiphon://acme/eu")).credentials();
    let done = handshake(
        Arc::new(broker_client_config(own.trust(), Some(&own))),
        Arc::new(tls_1_2_server(&ca, &ca.issue(&Subject::dns("broker.example.net")))),
        "broker.example.net",
    );
    assert!(done.succeeded());
    assert_eq!(done.client.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(done.server.peer_certificates(), Some(own.chain()));
    assert_eq!(done.client.handshake_kind(), Some(HandshakeKind::Full));
}

#[test]
fn a_link_is_never_made_below_tls_1_3() {
    let ca = Authority::new("ca");
    let own = ca.issue(&Subject::uri("antiphon://acme/eu")).credentials();
    let names = names(CommonName::Ignored);
    let old_server = tls_1_2_server(&ca, &ca.issue(&Subject::uri("antiphon://acme/us")));
    let to_old = handshake(link_client_config(&own, &names), old_server.into(), "us.example.net");
    assert!(matches!(to_old.server_error, Some(rustls::Error::PeerIncompatible(_))));
    let server = link_server_config(&own, &names);
    let from_old = handshake(Arc::new(tls_1_2_client()), server, "eu.example.net");
    assert!(matches!(from_old.server_error, Some(rustls::Error::PeerIncompatible(_))));
}

#[test]
fn an_admin_port_wants_a_client_certificate() {
    let ca = Authority::new("ca");
    let server = || admin_server_config(&broker(&ca));
    let operator = ca.issue(&Subject::common_name("operator")).credentials();
    let done = handshake(admin_client_config(&operator), server(), "broker.example.net");
    assert!(done.succeeded());
    assert_eq!(done.client.alpn_protocol(), Some(b"h2".as_slice()));
    let not_a_client = ca.issue(&Subject::common_name("web").for_usages(&[ServerAuth]));
    let client = admin_client_config(&not_a_client.credentials());
    assert_eq!(handshake(client, server(), "broker.example.net").server_refusal(), "wrong-usage");
    let mut anonymous = broker_client_config(&ca.bundle(), None);
    anonymous.alpn_protocols = vec![b"h2".to_vec()];
    let done = handshake(Arc::new(anonymous), server(), "broker.example.net");
    assert_eq!(done.server_refusal(), "no-client-certificate");
}

fn tls_1_2_client() -> ClientConfig {
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth()
}

/// A server as an old broker is: TLS 1.2, with client certificates.
fn tls_1_2_server(ca: &Authority, issued: &Issued) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(pem_certificate(ca.pem().as_bytes())).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone());
    let chain = vec![pem_certificate(&std::fs::read(issued.path("certificate.pem")).unwrap())];
    let key = std::fs::read(issued.path("key.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(&key).unwrap();
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&TLS12])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(chain, key)
        .unwrap()
}

fn pem_certificate(pem: &[u8]) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pem).unwrap()
}
