//! `deploy/vault/setup`: it may be run again, and gives no more than is needed.

use antiphon_identity::vault::{Enroller, VaultError};
use serde_json::Value;

use crate::server::{Bao, ROLE, any, said};

const ARGUMENTS: &[&str] = &[
    "--fabric",
    "acme",
    "--region",
    "eu:gw.eu.example.net",
    "--region",
    "us",
    "--node-domain",
    "example.net",
    "--client",
    "alice.mcollective",
];
const ROLES: &[&str] = &[
    "antiphon-gateway-eu",
    "antiphon-gateway-us",
    "antiphon-node",
    "antiphon-client-alice.mcollective",
];

/// Everything that the script makes.
fn made(bao: &Bao) -> Vec<Value> {
    let read = |path: String| {
        let text = bao.run(&["read", "-format=json", &path]);
        let mut data = serde_json::from_str::<Value>(&text).unwrap()["data"].clone();
        // When and how often a policy was written is no part of it.
        for count in ["modified", "version"] {
            data.as_object_mut().unwrap().remove(count);
        }
        data
    };
    let of = |name: &str| {
        [
            format!("pki/roles/{name}"),
            format!("sys/policies/acl/{name}"),
            format!("auth/approle/role/{name}"),
            format!("auth/approle/role/{name}/role-id"),
        ]
        .map(read)
    };
    let all = ROLES.iter().flat_map(|name| of(name));
    all.chain([read("pki/cert/ca".to_owned())]).collect()
}

#[tokio::test]
async fn it_may_be_run_again_and_gives_no_more_than_is_needed() {
    let bao = Bao::bare().await;
    let first = bao.set_up(ARGUMENTS);
    let before = made(&bao);
    let second = bao.set_up(ARGUMENTS);
    for (before, after) in before.iter().zip(made(&bao)) {
        assert_eq!(*before, after);
    }
    let ids = |text: &str| {
        text.lines().filter(|line| line.contains("role_id")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ids(&second));
    assert_eq!(ids(&first).len(), ROLES.len());

    let login = bao.config();
    let secret = std::fs::read_to_string(bao.folder().join("secret-id")).unwrap();
    let token = bao.run(&[
        "write",
        "-field=token",
        "auth/approle/login",
        &format!("role_id={}", login.role_id),
        &format!("secret_id={secret}"),
    ]);
    let capabilities = |path: &str| {
        let text = bao.run(&["token", "capabilities", &token, path]);
        text.trim().to_owned()
    };
    assert_eq!(capabilities(&format!("pki/sign/{ROLE}")), "create, update");
    assert_eq!(capabilities("auth/token/renew-self"), "update");
    for path in [
        "pki/sign/antiphon-node",
        "pki/issue/antiphon-gateway-eu",
        "pki/roles/x",
        "pki/root",
        "secret/x",
        "sys/policies/acl/x",
        "auth/token/create",
        "cubbyhole/x",
    ] {
        assert_eq!(capabilities(path), "deny", "{path}");
    }
}

/// More than a pipe holds follows what is looked for.
#[tokio::test]
async fn what_is_there_is_found_in_a_long_list() {
    let bao = Bao::bare().await;
    bao.set_up(ARGUMENTS);
    let before = made(&bao);
    let long = bao.instead(r#""$bao" "$@" && if [ "$2" = list ]; then printf '%300000s\n' ''; fi"#);
    said(bao.set_up_by(&long, ARGUMENTS));
    assert_eq!(before, made(&bao));
}

#[tokio::test]
async fn a_list_that_is_not_given_is_no_empty_one() {
    let bao = Bao::bare().await;
    bao.set_up(ARGUMENTS);
    let before = made(&bao);
    for list in ["auth list", "secrets list", "list -format=table pki/issuers"] {
        let silent = bao.instead(&format!(
            r#"case "$* " in "{list} "*) echo "Error: no route to host" >&2; exit 2 ;; esac; "$bao" "$@""#
        ));
        let output = bao.set_up_by(&silent, ARGUMENTS);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("no route to host"), "{list}: {told}");
    }
    assert_eq!(before, made(&bao));
    let issuers: Vec<String> =
        serde_json::from_str(&bao.run(&["list", "-format=json", "pki/issuers"])).unwrap();
    assert_eq!(issuers.len(), 1);
}

#[tokio::test]
async fn roles_sign_what_they_are_for() {
    let bao = Bao::bare().await;
    bao.set_up(ARGUMENTS);
    for (role, common_name, good) in [
        ("antiphon-client-alice.mcollective", "alice.mcollective", true),
        ("antiphon-client-alice.mcollective", "bob.mcollective", false),
        ("antiphon-node", "n1.example.net", true),
        ("antiphon-node", "n1.example.org", false),
    ] {
        let path = |what: &str| format!("auth/approle/role/{role}/{what}");
        let secret = bao.run(&["write", "-f", "-field=secret_id", &path("secret-id")]);
        let mut config = bao.config_with(&secret, false);
        config.role_id = bao.run(&["read", "-field=role_id", &path("role-id")]);
        config.role = role.to_owned();
        config.subject.uris = Vec::new();
        config.subject.common_name = Some(common_name.to_owned());
        let outcome = Enroller::new(config).unwrap().enrol(&bao.files(), any).await;
        match outcome {
            Ok(own) => assert!(good && own.leaf().common_names == [common_name], "{role}"),
            Err(error) => {
                assert!(!good && matches!(error, VaultError::Refused { .. }), "{role}: {error}");
            }
        }
    }
}
