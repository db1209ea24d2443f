//! What the tests of this crate share: a real broker with mutual TLS, nodes, and a client.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses some of it")]

pub(crate) mod broker;
pub(crate) mod caller;
pub(crate) mod client;
pub(crate) mod nodes;
pub(crate) mod vectors;

use std::time::Duration;

/// How long anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
pub(crate) async fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    assert!(waited.await.is_ok(), "{what} did not happen in time");
}
