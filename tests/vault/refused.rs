//! Each way in which Vault gives nothing: a message of its own, and the files stay as they were.

use std::fs;

use antiphon_identity::{
    CredentialFiles,
    vault::{Enroller, SecretId, VaultConfig, VaultError},
};

use crate::server::{Bao, ROLE, any};

/// What the files hold.
fn contents(files: &CredentialFiles) -> Vec<Vec<u8>> {
    files.paths().map(|path| fs::read(path).unwrap()).collect()
}

async fn refused(bao: &Bao, config: VaultConfig) -> VaultError {
    let before = contents(&bao.files());
    let error = Enroller::new(config).unwrap().enrol(&bao.files(), any).await.unwrap_err();
    assert_eq!(contents(&bao.files()), before, "{error}");
    assert_eq!(fs::read_dir(bao.files().key.parent().unwrap()).unwrap().count(), 3);
    error
}

#[tokio::test]
async fn every_refusal_says_what_to_do_and_leaves_the_old_certificate() {
    let mut bao = Bao::up().await;
    let good = bao.config();
    Enroller::new(good.clone()).unwrap().enrol(&bao.files(), any).await.unwrap();
    let mut told = Vec::new();
    let mut meet = async |bao: &Bao, config: VaultConfig, kind: &str, advice: &str| {
        let error = refused(bao, config).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.told().contains(advice), "{}", error.told());
        told.push(error.told());
    };

    let mut config = good.clone();
    config.subject.uris = vec!["antiphon://acme/us/us-1".to_owned()];
    meet(&bao, config, "refused", "names, ttl and key type must fit the role").await;

    let mut config = good.clone();
    config.role = "antiphon-gateway-us".to_owned();
    meet(&bao, config, "denied", "policy has to permit update on it").await;

    bao.run(&["policy", "write", ROLE, &policy(&bao, "pki/sign/*")]);
    let mut config = good.clone();
    config.role = "nobody".to_owned();
    meet(&bao, config, "wrong-role", "check mount and role").await;

    bao.run(&["policy", "write", ROLE, &policy(&bao, "pki/sign/other")]);
    meet(&bao, good.clone(), "denied", "policy has to permit update on it").await;

    let mut config = good.clone();
    config.auth_mount = "elsewhere".to_owned();
    meet(&bao, config, "login-refused", "check role_id and auth_mount").await;

    let mut config = good.clone();
    config.secret_id = Some(SecretId { file: bao.folder().join("missing"), wrapped: false });
    meet(&bao, config, "secret-file", "missing").await;

    let secret = fs::read_to_string(bao.folder().join("secret-id")).unwrap();
    bao.run(&["write", &bao.approle("secret-id/destroy"), &format!("secret_id={secret}")]);
    meet(&bao, good.clone(), "login-refused", "make a new secret id").await;

    let mut config = good.clone();
    config.ca = Some(bao.files().ca);
    meet(&bao, config, "unreachable", "TLS").await;

    bao.seal();
    meet(&bao, good.clone(), "sealed", "unseal it").await;

    bao.kill();
    meet(&bao, good, "unreachable", "see that it runs").await;

    let distinct: std::collections::BTreeSet<_> = told.iter().collect();
    assert_eq!(distinct.len(), told.len(), "{told:#?}");
}

fn policy(bao: &Bao, path: &str) -> String {
    let file = bao.folder().join("policy.hcl");
    fs::write(&file, format!("path \"{path}\" {{ capabilities = [\"update\"] }}")).unwrap();
    file.display().to_string()
}
