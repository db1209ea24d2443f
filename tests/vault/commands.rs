//! `antiphon identity enrol` and `antiphon check --pre`, as operators run them.

use std::{fs, path::PathBuf};

use antiphon_tests::run;
use serde_json::Value;

use crate::server::Bao;

const CLIENT: &str = "antiphon-client-alice.mcollective";

/// The command's output, and its exit code.
async fn told(arguments: &[String]) -> (String, Option<i32>) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = run(&arguments).await;
    let text = [output.stdout, output.stderr].concat();
    (String::from_utf8(text).unwrap(), output.status.code())
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_enrols_and_is_believed() {
    let mut bao = Bao::bare().await;
    bao.set_up(&["--fabric", "acme", "--client", "alice.mcollective"]);
    let approle = |what: &str| format!("auth/approle/role/{CLIENT}/{what}");
    let secret = bao.run(&["write", "-f", "-field=secret_id", &approle("secret-id")]);
    let role_id = bao.run(&["read", "-field=role_id", &approle("role-id")]);
    let place = |name: &str| -> PathBuf { bao.folder().join(name) };
    fs::write(place("secret"), secret).unwrap();
    let enrol = words(&format!(
        "identity enrol --address {} --vault-ca {} --role-id {role_id} --secret-id-file {} --role {CLIENT} \
         --common-name alice.mcollective --certificate {} --key {} --ca {} --when-due",
        bao.address(),
        bao.ca().display(),
        place("secret").display(),
        place("alice.pem").display(),
        place("alice-key.pem").display(),
        place("alice-ca.pem").display(),
    ));
    let (text, code) = told(&enrol).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("alice.mcollective") && text.contains("client"), "{text}");
    let verify = format!(
        "identity verify {} --purpose client --ca {}",
        place("alice.pem").display(),
        place("alice-ca.pem").display()
    );
    assert_eq!(told(&words(&verify)).await.1, Some(0));
    // As a gateway it is believed by nobody.
    let (text, code) = told(&words(&format!("{verify} --fabric acme"))).await;
    assert_eq!(code, Some(2), "{text}");

    let (text, code) = told(&enrol).await;
    assert!(code == Some(0) && text.contains("not due"), "{text}");
    let now = &enrol[..enrol.len() - 1];
    bao.seal();
    let (text, code) = told(now).await;
    assert!(code == Some(2) && text.contains("unseal it"), "{text}");
    bao.kill();
    let (text, code) = told(now).await;
    assert!(code == Some(3) && text.contains("see that it runs"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_checked_and_enrolled_before_its_first_start() {
    let bao = Bao::up().await;
    let config = bao.config();
    let text = format!(
        r#"
fabric = "acme"
region = "eu"
gateway = "eu-1"
[broker]
servers = ["nats://127.0.0.1:1"]
[link]
listen = "127.0.0.1:0"
advertise = "localhost:7440"
tls = {{ certificate = "gw.pem", key = "gw-key.pem", ca = "gw-ca.pem" }}
[export]
collectives = ["mcollective"]
[admin]
listen = "unix:{}/eu-1.sock"
[identity.vault]
address = "{}"
ca = "{}"
role_id = "{}"
secret_id_file = "secret-id"
role = "antiphon-gateway-eu"
"#,
        bao.folder().display(),
        bao.address(),
        bao.ca().display(),
        config.role_id,
    );
    let file = bao.folder().join("gateway.toml");
    let vault_of = async |text: &str| {
        fs::write(&file, text).unwrap();
        let check = format!("check --pre -o json --config {}", file.display());
        let output = run(&words(&check).iter().map(String::as_str).collect::<Vec<_>>()).await;
        let value: Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = value["checks"].as_array().unwrap().iter().find(|one| one["code"] == "PRE-023");
        found.unwrap().clone()
    };
    let good = vault_of(&text).await;
    assert_eq!(good["state"], "good", "{good:#}");
    let denied = vault_of(&text.replace("antiphon-gateway-eu", "antiphon-gateway-us")).await;
    assert!(denied.to_string().contains("policy has to permit"), "{denied:#}");
    let misnamed = vault_of(&text.replace("region = \"eu\"", "region = \"us\"")).await;
    assert!(misnamed.to_string().contains("must fit the role"), "{misnamed:#}");
    assert!(!bao.folder().join("gw.pem").exists(), "a check leaves nothing behind");

    fs::write(&file, &text).unwrap();
    let at = |verb: &str| words(&format!("identity {verb} --config {}", file.display()));
    let (shown, code) = told(&at("enrol")).await;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("eu-1 of region eu, fabric acme, by its URI"), "{shown}");
    let (shown, code) = told(&at("verify")).await;
    assert_eq!(code, Some(0), "{shown}");
    assert_eq!(bao.asked("auth/token/revoke-self"), 2, "log-ins are ended");
}
