//! Who we say we are, in every way that a server asks.

use std::fs;

use antiphon_broker::{Auth, BrokerConfig, BrokerEvent, Secret};

use crate::support::{Client, Key, NatsServer, Role, config, credentials, jwt};

fn logging_in(server: &NatsServer, auth: Auth) -> BrokerConfig {
    let mut config = config(&[server.url()]);
    config.auth = auth;
    config
}

fn text(text: &str) -> Secret {
    Secret::Text(text.to_owned())
}

fn password(password: &str) -> Auth {
    Auth::Password { user: "gw".to_owned(), password: text(password) }
}

#[tokio::test]
async fn a_password_opens_and_a_wrong_one_does_not() {
    let server = NatsServer::start("authorization { user: gw, password: right }");
    Client::connect(logging_in(&server, password("right"))).await;
    let event = Client::start(logging_in(&server, password("wrong"))).next().await;
    let BrokerEvent::ConnectFailed { server: url, reason } = event else { panic!("{event:?}") };
    assert_eq!(url, server.url());
    assert_eq!(reason, "the server says: Authorization Violation");
}

#[tokio::test]
async fn a_secret_in_a_file_is_read_at_each_attempt() {
    let server = NatsServer::start("authorization { token: second }");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let mut client =
        Client::start(logging_in(&server, Auth::Token { token: Secret::File(file.clone()) }));
    let event = client.next().await;
    let BrokerEvent::ConnectFailed { reason, .. } = event else { panic!("{event:?}") };
    assert!(
        reason.starts_with(&format!("cannot log in: cannot read {}", file.display())),
        "{reason}"
    );
    fs::write(&file, "second\n").unwrap();
    client.connected().await;
}

#[tokio::test]
async fn a_choria_token_is_sent_as_token_too() {
    let server = NatsServer::start("authorization { token: \"a.choria.jwt\" }");
    let auth = Auth::Choria { token: text("a.choria.jwt"), seed: text(&"ab".repeat(32)) };
    Client::connect(logging_in(&server, auth)).await;
}

#[tokio::test]
async fn an_nkey_signs_the_servers_nonce() {
    let (known, unknown) = (Key::new(Role::User, 1), Key::new(Role::User, 2));
    let server = NatsServer::start(&format!(
        "authorization {{ users: [ {{ nkey: {} }} ] }}",
        known.public()
    ));
    let nkey = |key: &Key| Auth::Nkey { seed: text(&key.seed()) };
    Client::connect(logging_in(&server, nkey(&known))).await;
    let event = Client::start(logging_in(&server, nkey(&unknown))).next().await;
    assert!(matches!(event, BrokerEvent::ConnectFailed { .. }), "{event:?}");
}

#[tokio::test]
async fn a_credentials_file_opens_until_its_user_expires() {
    let (operator, account) = (Key::new(Role::Operator, 1), Key::new(Role::Account, 2));
    let user = Key::new(Role::User, 3);
    let server = NatsServer::start(&format!(
        "operator: {}\nresolver: MEMORY\nresolver_preload {{ {}: {} }}",
        jwt(&operator, &operator, None),
        account.public(),
        jwt(&operator, &account, None),
    ));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gw.creds");
    fs::write(&file, credentials(&jwt(&account, &user, Some(8)), &user)).unwrap();
    let auth = Auth::Credentials { credentials: Secret::File(file.clone()) };
    let mut client = Client::connect(logging_in(&server, auth)).await;
    let seen = client.until(|event| matches!(event, BrokerEvent::Disconnected { .. })).await;
    assert!(seen.others[0].contains("User Authentication Expired"), "{seen:?}");
    fs::write(&file, credentials(&jwt(&account, &user, None), &user)).unwrap();
    client.connected().await;
}
