//! Certificates are had, and keys stay here.

use std::{fs, os::unix::fs::PermissionsExt as _};

use antiphon_identity::{
    Purpose, UnixTime,
    vault::{Enroller, KeyType, VaultError},
};

use crate::server::{Bao, ROLE, URI, any};

#[tokio::test]
async fn a_key_is_made_here_and_never_sent() {
    let bao = Bao::up().await;
    let files = bao.files();
    for kind in [KeyType::EcdsaP256, KeyType::Rsa2048] {
        let mut config = bao.config();
        config.key_type = kind;
        config.subject.dns_names = vec!["gw.eu.example.net".to_owned()];
        let own = Enroller::new(config).unwrap().enrol(&files, any).await.unwrap();
        assert_eq!(own.leaf().uris, [URI]);
        assert_eq!(own.leaf().dns_names, ["gw.eu.example.net"]);
        for purpose in [Purpose::ClientAuthentication, Purpose::ServerAuthentication] {
            let rest = own.chain().get(1..).unwrap_or_default();
            own.trust().verify(own.certificate(), rest, UnixTime::now(), purpose).unwrap();
        }
        assert_eq!(fs::metadata(&files.key).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!files.key.with_extension("pem.new").exists());
        let key = fs::read_to_string(&files.key).unwrap();
        let body = key.lines().nth(1).unwrap();
        let seen = fs::read_to_string(bao.folder().join("audit.log")).unwrap();
        assert!(seen.contains("BEGIN CERTIFICATE REQUEST"), "the witness sees what is sent");
        assert!(!seen.contains("PRIVATE KEY") && !seen.contains(body));
    }
    assert_eq!(bao.asked(&format!("pki/sign/{ROLE}")), 2);
}

#[tokio::test]
async fn a_wrapped_secret_id_is_unwrapped_once_and_does_for_many_certificates() {
    let bao = Bao::up().await;
    let path = bao.approle("secret-id");
    let wrapping =
        bao.run(&["write", "-wrap-ttl=1m", "-f", "-field=wrapping_token", path.as_str()]);
    let config = bao.config_with(&wrapping, true);
    let mut enroller = Enroller::new(config.clone()).unwrap();
    let first = enroller.enrol(&bao.files(), any).await.unwrap();
    let second = enroller.enrol(&bao.files(), any).await.unwrap();
    assert_ne!(first.fingerprint(), second.fingerprint());
    assert_eq!((bao.asked("sys/wrapping/unwrap"), bao.asked("auth/approle/login")), (1, 1));
    // Whoever comes later finds it spent, and says so.
    let spent = Enroller::new(config).unwrap().enrol(&bao.files(), any).await.unwrap_err();
    assert!(matches!(spent, VaultError::WrappingSpent { .. }), "{spent:?}");
}

#[tokio::test]
async fn a_namespace_is_asked_in() {
    let mut bao = Bao::bare().await;
    bao.run(&["namespace", "create", "team"]);
    bao.namespace = Some("team".to_owned());
    bao.set_up(&["--fabric", "acme", "--region", "eu"]);
    let mut config = bao.config();
    let outside = Enroller::new(config.clone()).unwrap().enrol(&bao.files(), any).await;
    assert!(matches!(outside, Err(VaultError::LoginRefused { .. })), "{outside:?}");
    config.namespace = Some("team".to_owned());
    let own = Enroller::new(config).unwrap().enrol(&bao.files(), any).await.unwrap();
    assert_eq!(own.leaf().uris, [URI]);
}
