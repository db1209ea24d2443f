//! How soon it is noticed that a link has fallen silent.

use std::time::Duration;

use antiphon_lab::{http, wait};
use tokio::time::Instant;

use crate::place::Place;

/// Nobody waits longer.
const LIMIT: Duration = Duration::from_secs(100);

/// Lets the long-distance link fall silent, and waits until the client's side says so: `None` if it
/// does not within 100 s. The link is silent ever after.
pub(crate) async fn noticed(place: &Place) -> Option<Duration> {
    let relays = place.relays();
    if relays.is_empty() {
        return None;
    }
    relays.iter().for_each(|relay| relay.black_hole());
    let began = Instant::now();
    let gone = wait::until(LIMIT, async || is_gone(place).await.then_some(()));
    gone.await.map(|()| began.elapsed())
}

async fn is_gone(place: &Place) -> bool {
    if let Some(lab) = &place.lab {
        let gateway = lab.gateway("eu-1").expect("a gateway of that name");
        let arguments = ["links", "--admin", &gateway.admin(), "-o", "json"];
        let output = antiphon_tests::run(&arguments).await;
        let text = String::from_utf8_lossy(&output.stdout).replace(char::is_whitespace, "");
        return !text.is_empty() && !text.contains("\"state\":\"up\"");
    }
    let dense = async |path: &str| {
        let body = http::get(place.monitor(0), path).await.map(|one| one.body).unwrap_or_default();
        body.replace(char::is_whitespace, "")
    };
    let gateways = dense("/gatewayz").await;
    let leaves = dense("/leafz").await;
    !gateways.contains("\"outbound_gateways\":{\"") && !leaves.contains("\"leafnodes\":1")
}
