//! TLS configurations, all on `ring`.
//!
//! Links between gateways check who a peer is by [`Names`] instead of by host name;
//! connections to brokers and to the admin port check host names as usual. A configuration holds
//! the credentials that it was made with: renewed ones are used by making a new configuration for
//! the next handshake. Sessions are never resumed, since a resumed one would skip the check of
//! certificates.

use std::sync::Arc;

use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::version::TLS13;
use rustls::{ClientConfig, ServerConfig};

use crate::credentials::Credentials;
use crate::names::Names;
use crate::trust::TrustBundle;
use verifier::LinkVerifier;

mod verifier;

const HTTP_2: &[u8] = b"h2";
const RING_SPEAKS_TLS: &str = "ring has cipher suites of TLS 1.2 and 1.3";
const BUNDLE_NOT_EMPTY: &str = "a bundle holds at least one CA, and only CRLs that were read";

/// The accepting side of a link: TLS 1.3, HTTP/2, and a certificate of the fabric from whoever
/// connects.
///
/// The client's certificate must chain to the bundle, permit client authentication and stand for a
/// region by `names`. Why one was refused is found in the handshake's error by
/// [`IdentityError::in_error`](crate::IdentityError::in_error).
#[must_use]
pub fn link_server_config(credentials: &Credentials, names: &Arc<Names>) -> Arc<ServerConfig> {
    let verifier = LinkVerifier::new(credentials.trust(), names);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect(RING_SPEAKS_TLS)
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified())));
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    forget_sessions(&mut config);
    Arc::new(config)
}

/// The dialling side of a link: TLS 1.3, HTTP/2, our certificate, and a certificate of the fabric
/// from whoever answers.
///
/// The server's certificate must chain to the bundle, permit server authentication and stand for a
/// region by `names`; the server name that a connection is made with is sent, but not compared.
#[must_use]
pub fn link_client_config(credentials: &Credentials, names: &Arc<Names>) -> Arc<ClientConfig> {
    let verifier = LinkVerifier::new(credentials.trust(), names);
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&TLS13])
        .expect(RING_SPEAKS_TLS)
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified())));
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    config.resumption = Resumption::disabled();
    Arc::new(config)
}

/// A connection to a broker: TLS 1.2 or 1.3, the broker's host name checked against its
/// certificate, our own certificate shown if there is one.
#[must_use]
pub fn broker_client_config(trust: &TrustBundle, own: Option<&Credentials>) -> ClientConfig {
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(trust.root_store()), provider())
            .with_crls(trust.crls())
            .allow_unknown_revocation_status()
            .build()
            .expect(BUNDLE_NOT_EMPTY);
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect(RING_SPEAKS_TLS)
        .with_webpki_verifier(verifier);
    let mut config = match own {
        Some(own) => {
            builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(own.certified())))
        }
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config
}

/// The admin port over TCP: TLS 1.2 or 1.3, HTTP/2, and a certificate of the bundle, good for
/// client authentication, from whoever connects.
///
/// That admits everyone whom the bundle's CAs ever issued a certificate to, Choria's nodes too
/// where they share it: what a caller may do is the server's own decision, by the certificate.
#[must_use]
pub fn admin_server_config(credentials: &Credentials) -> Arc<ServerConfig> {
    let roots = Arc::new(credentials.trust().root_store());
    let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider())
        .with_crls(credentials.trust().crls())
        .allow_unknown_revocation_status()
        .build()
        .expect(BUNDLE_NOT_EMPTY);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect(RING_SPEAKS_TLS)
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(credentials.certified())));
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    forget_sessions(&mut config);
    Arc::new(config)
}

/// A connection to an admin port over TCP: as to a broker, with HTTP/2.
#[must_use]
pub fn admin_client_config(credentials: &Credentials) -> Arc<ClientConfig> {
    let mut config = broker_client_config(credentials.trust(), Some(credentials));
    config.alpn_protocols = vec![HTTP_2.to_vec()];
    Arc::new(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn forget_sessions(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
}
