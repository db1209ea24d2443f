//! Gateways whose certificates come from Vault.

use std::{collections::BTreeMap, fs, time::Duration};

use antiphon_lab::{Gateway, http, wait};
use antiphon_tests::{Fabric, run};
use serde_json::Value;

use crate::server::{Bao, ROLE};

/// A life of a certificate, a renewal after two thirds of it, and the look at the files after that.
const PATIENCE: Duration = Duration::from_secs(90);
/// Short, yet longer than it takes to see that files changed.
const TTL: &str = "40s";

pub(crate) async fn status(gateway: &Gateway) -> Value {
    let output = run(&["status", "--admin", &gateway.admin(), "-o", "json"]).await;
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Waits until every gateway's status fulfils something.
async fn all(fabric: &Fabric, what: impl Fn(&str, &Value) -> bool) {
    for gateway in fabric.gateways() {
        let met = wait::until(PATIENCE, async || {
            what(gateway.name(), &status(gateway).await).then_some(())
        });
        assert!(met.await.is_some(), "{}: {:#}", gateway.name(), status(gateway).await);
    }
}

/// The lab's own fabric, whose gateways all use one role: their configurations are alike.
pub(crate) fn settings(bao: &Bao, ttl: &str) -> toml::Table {
    let role = format!("pki/roles/{ROLE}");
    bao.run(&["patch", &role, "allowed_uri_sans=antiphon://lab/*"]);
    let config = bao.config();
    let text = format!(
        r#"
[link.tls]
certificate = "vault/gw.pem"
key = "vault/gw-key.pem"
ca = "vault/ca.pem"
[identity.vault]
address = "{}"
ca = "{}"
role_id = "{}"
secret_id_file = "{}"
role = "{ROLE}"
ttl = "{ttl}"
"#,
        config.address,
        bao.ca().display(),
        config.role_id,
        bao.folder().join("secret-id").display(),
    );
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn links_outlive_the_certificates_of_vault_and_trouble_is_told() {
    let bao = Bao::up().await;
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.gateways = 1;
        options.nodes = 1;
        options.gateway_settings = settings(&bao, TTL);
    })
    .await;
    let mut first = BTreeMap::new();
    for gateway in fabric.gateways() {
        let status = status(gateway).await;
        assert_eq!(status["enrolment"]["trouble"], Value::Null, "{status:#}");
        first.insert(gateway.name().to_owned(), status["certificate"]["fingerprint"].clone());
    }
    all(&fabric, |name, status| {
        status["certificate"]["fingerprint"] != first[name] && status["links"]["up"] == 1
    })
    .await;
    assert_eq!(fabric.ping("eu").await.len(), 2);

    bao.seal();
    all(&fabric, |_, status| status["enrolment"]["trouble"]["kind"] == "sealed").await;
    for gateway in fabric.gateways() {
        let status = run(&["status", "--strict", "--admin", &gateway.admin()]).await;
        let shown = String::from_utf8(status.stdout).unwrap();
        assert!(shown.contains("unseal it (vault operator unseal)"), "{shown}");
        assert_ne!(status.status.code(), Some(0), "{shown}");
        let metrics = http::get(gateway.http(), "/metrics").await.unwrap().body;
        let alarm = "antiphon_alarms{kind=\"certificate-not-renewed\"} 1.0";
        assert!(metrics.lines().any(|line| line == alarm), "{metrics}");
        let log = fs::read_to_string(gateway.process().log()).unwrap();
        assert!(log.contains("is sealed or not set up"), "{log}");
    }
    bao.unseal().await;
    all(&fabric, |_, status| status["enrolment"]["trouble"] == Value::Null).await;
    fabric.whole().await;
    assert_eq!(fabric.ping("us").await.len(), 2);
    fabric.conserved().await;
}
