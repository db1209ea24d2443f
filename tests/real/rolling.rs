//! Rolling restarts under load.

use std::time::Duration;

use antiphon_lab::{Relayed, relay::Direction};
use antiphon_tests::{Fabric, Load};

/// Requests a second.
pub(crate) const RATE: u32 = 200;
/// Each way between a gateway and its broker.
const DELAY: Duration = Duration::from_millis(5);

#[tokio::test(flavor = "multi_thread")]
async fn gateways_restarted_one_after_another_lose_and_double_nothing() {
    let mut fabric = Fabric::up(|options| {
        options.regions = 2;
        options.relayed = Relayed::LinksAndBrokers;
    })
    .await;
    for region in ["eu", "us"] {
        for relay in fabric.lab.broker_relays(region) {
            relay.set_delay(Direction::Forward, DELAY);
            relay.set_delay(Direction::Backward, DELAY);
        }
    }
    let load = Load::begin(&fabric, "eu", RATE).await;
    for gateway in ["eu-1", "eu-2", "us-1", "us-2"] {
        fabric.restart(gateway).await;
    }
    let answered = load.end().await;
    println!("{answered}");
    answered.is_whole(&fabric).await;
    fabric.conserved().await;
}
