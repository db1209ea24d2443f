//! Gateways that are not who they should be.

use std::{path::Path, time::Duration};

use antiphon_lab::{http, pki::Profile, process::Process, wait};
use antiphon_tests::{Fabric, program, run};

/// A configuration like an existing gateway's, with other words in it.
fn changed(config: &Path, to: &Path, changes: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(config).expect("a configuration");
    for (from, into) in changes {
        assert!(text.contains(from), "{from} is not in {text}");
        text = text.replace(from, into);
    }
    std::fs::write(to, text).expect("a folder to write into");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_of_another_fabric_is_refused_and_counted() {
    let fabric = Fabric::up(|options| {
        options.regions = 2;
        options.gateways = 1;
        options.nodes = 0;
    })
    .await;
    let profile = Profile::gateway("elsewhere", "us", "us-9");
    fabric.lab.pki().issue(&[profile], &|_| {}).expect("a certificate");
    let files = fabric.lab.pki().files("us-9");
    let us = fabric.lab.gateway("us-1").expect("a gateway");
    let config = fabric.folder().join("stranger.toml");
    let own = |name: &str| fabric.lab.dir().join("pki").join(name).display().to_string();
    let free = || antiphon_lab::ports::free().expect("a port").to_string();
    let (old, link) = (us.link().port().to_string(), free());
    let http = format!("127.0.0.1:{}", free());
    let admin = format!("unix:{}", fabric.folder().join("s.sock").display());
    changed(
        us.config(),
        &config,
        &[
            ("fabric = \"lab\"", "fabric = \"elsewhere\""),
            ("gateway = \"us-1\"", "gateway = \"us-9\""),
            (&own("us-1.pem"), &files.certificate.display().to_string()),
            (&own("us-1-key.pem"), &files.key.display().to_string()),
            (&us.admin(), &admin),
            (&format!("localhost:{old}"), &format!("localhost:{link}")),
            (&format!("127.0.0.1:{old}"), &format!("127.0.0.1:{link}")),
            (&us.http().to_string(), &http),
        ],
    );
    let log = fabric.folder().join("stranger.log");
    let arguments = ["gateway", "run", "--config"].map(std::ffi::OsString::from);
    let arguments = arguments.into_iter().chain([config.into_os_string()]).collect();
    let mut stranger = Process::new("stranger", &program(), arguments, &log);
    stranger.start().expect("the antiphon binary runs");
    let counter = "antiphon_identity_refusals_total{place=\"link\",kind=\"wrong-fabric\"}";
    let counted = wait::until(Duration::from_secs(20), async || {
        let metrics = http::get(http.parse().ok()?, "/metrics").await?.body;
        metrics.contains(counter).then_some(())
    });
    let counted = counted.await;
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    assert!(counted.is_some() && said.contains("wrong-fabric"), "{said}");
    let status = run(&["status", "--admin", &admin, "-o", "json"]).await;
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.contains("wrong-fabric"), "{status}");
    for gateway in fabric.gateways() {
        let known = run(&["gateways", "--admin", &gateway.admin()]).await;
        assert!(!String::from_utf8_lossy(&known.stdout).contains("us-9"));
    }
    fabric.conserved().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_that_is_not_the_certificates_stops_the_start() {
    let fabric = Fabric::up(|options| {
        options.regions = 1;
        options.gateways = 1;
        options.nodes = 0;
    })
    .await;
    let eu = fabric.lab.gateway("eu-1").expect("a gateway");
    let config = fabric.folder().join("wrong.toml");
    changed(eu.config(), &config, &[("region = \"eu\"", "region = \"us\"")]);
    let output = run(&["gateway", "run", "--config", &config.display().to_string()]).await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("wrong.toml") && said.contains("region"), "{said}");
    fabric.conserved().await;
}
