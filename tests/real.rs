//! Tier 3: real `nats-server`s, real mutual TLS, real processes. Each test is for something that the
//! others cannot see.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(clippy::print_stdout, reason = "a test may say what it counted")]

#[path = "real/burst.rs"]
mod burst;
#[path = "real/doctor.rs"]
mod doctor;
#[path = "real/explained.rs"]
mod explained;
#[path = "real/export.rs"]
mod export;
#[path = "real/federated.rs"]
mod federated;
#[path = "real/guide.rs"]
mod guide;
#[path = "real/interest.rs"]
mod interest;
#[path = "real/metrics.rs"]
mod metrics;
#[path = "real/native.rs"]
mod native;
#[path = "real/operator.rs"]
mod operator;
#[path = "real/outage.rs"]
mod outage;
#[path = "real/permissions.rs"]
mod permissions;
#[path = "real/policy.rs"]
mod policy;
#[path = "real/protocol2.rs"]
mod protocol2;
#[path = "real/refused.rs"]
mod refused;
#[path = "real/renewal.rs"]
mod renewal;
#[path = "real/rolling.rs"]
mod rolling;
#[path = "real/services.rs"]
mod services;
#[path = "real/shown.rs"]
mod shown;
#[path = "real/strangers.rs"]
mod strangers;
#[path = "real/upgrade.rs"]
mod upgrade;

use antiphon_tests::Fabric;

#[tokio::test(flavor = "multi_thread")]
async fn a_ping_from_any_region_is_answered_by_every_node_once() {
    let fabric = Fabric::up(|options| options.nodes = 3).await;
    for region in ["eu", "us", "ap"] {
        let answers = fabric.ping(region).await;
        assert_eq!(answers.keys().cloned().collect::<Vec<_>>(), fabric.identities());
        assert!(answers.values().all(|count| *count == 1), "{answers:?}");
    }
    metrics::exist(&fabric).await;
    guide::works(&fabric).await;
    fabric.conserved().await;
}
