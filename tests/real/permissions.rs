//! The permissions that the README states are enough.

use antiphon_lab::Options;
use antiphon_tests::{Fabric, drops};

/// A user for gateways that may do what the README's table says and nothing else.
fn users(region: &str) -> String {
    format!(
        r#"
authorization {{
  users = [
    {{ user: gateway, password: secret, permissions: {{
      subscribe: [
        "mcollective.broadcast.agent.* antiphon_lab",
        "mcollective.broadcast.service.* antiphon_lab",
        "mcollective.node.> antiphon_lab",
        "choria.federation.{region}.collective antiphon_lab",
        "antiphon.beacon.lab.*.*",
        "choria.lifecycle.event.startup.server",
        "choria.federation.eu.federation eu_federation",
        "choria.federation.us.federation us_federation",
      ]
      publish: [
        "mcollective.broadcast.agent.*",
        "mcollective.broadcast.service.*",
        "mcollective.node.>",
        "*.reply.>",
        "antiphon.beacon.lab.{region}.*",
      ]
    }} }},
    {{ user: other, password: other }},
  ]
}}
no_auth_user: other
"#
    )
}

fn settle(options: &mut Options) {
    options.regions = 2;
    options.broker_extra = users;
    let password = options.dir.parent().expect("the lab's own folder").join("password");
    std::fs::write(&password, "secret").expect("a file with the password");
    let settings = format!(
        "[broker]\nuser = \"gateway\"\npassword_file = {:?}\n[export]\ncollectives = [\"mcollective\"]",
        password.display().to_string()
    );
    options.gateway_settings = toml::from_str(&settings).expect("TOML");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stated_permissions_are_enough() {
    let fabric = Fabric::up(settle).await;
    let answers = fabric.ping("eu").await;
    assert_eq!(answers.keys().cloned().collect::<Vec<_>>(), fabric.identities());
    for gateway in fabric.gateways() {
        assert!(drops(gateway).await.is_empty(), "{}", gateway.name());
        let log = std::fs::read_to_string(gateway.process().log()).unwrap();
        assert!(!log.contains("PermissionDenied"), "{log}");
    }
    fabric.conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permission_that_is_missing_is_a_named_drop() {
    let fabric = Fabric::up(|options| {
        settle(options);
        options.broker_extra =
            |region| users(region).replace("        \"mcollective.broadcast.agent.*\",\n", "");
    })
    .await;
    let answers = fabric.ping("eu").await;
    assert!(answers.keys().all(|node| node.contains(".eu.")), "{answers:?}");
    let mut denied = 0;
    for gateway in fabric.gateways() {
        denied += drops(gateway).await.get("publish-denied").copied().unwrap_or(0);
    }
    assert_eq!(denied, 1);
    fabric.conserved().await;
}
