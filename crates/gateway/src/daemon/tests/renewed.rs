//! The certificate of the side that accepts is replaced: only a handshake shows the new one.

use super::*;
use crate::certificates::Lifetime;

const MINUTE: Duration = Duration::from_secs(60);
const LIFE: Duration = Duration::from_secs(48 * 60);
/// When this is left of its life, whoever dialled asks for the next certificate.
const QUARTER: Duration = Duration::from_secs(12 * 60);
/// Between two requests, in each direction.
const PAUSE: Duration = Duration::from_millis(50);

impl Fabric {
    /// Two gateways, of which the first accepts and shows a certificate that comes to its last quarter
    /// in half a minute.
    async fn with_old_certificate() -> Self {
        let mut fabric = Self::of(&["eu-1"]).await;
        fabric.certify(QUARTER + MINUTE / 2);
        fabric.start("us-1", vec!["eu-1"]).await;
        fabric.until_meshed().await;
        fabric
    }

    /// From the next handshake on eu-1 shows a certificate that ends in this time. Returns its end.
    fn certify(&self, left: Duration) -> Duration {
        let end = self.clock.now().unix + left;
        self.network.certify(&endpoint("eu-1"), Lifetime { end, life: Some(LIFE) });
        end
    }

    /// When the certificate ends that eu-1 has shown, if there is one link.
    async fn shown(&self) -> Option<Duration> {
        match self.report("us-1").await.daemon.links.as_slice() {
            [one] => one.certificate_end,
            _ => None,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_link_carries_the_new_one_long_before_the_old_one_ends_and_loses_nothing() {
    let mut fabric = Fabric::with_old_certificate().await;
    let old = fabric.shown().await.unwrap();
    let new = fabric.certify(LIFE);
    let buses = [fabric.bus("eu"), fabric.bus("us")];
    let request = recorded_ping().0.to_string();
    let mut sent = 0;
    while fabric.clock.now().unix + QUARTER < old + MINUTE / 6 {
        buses.iter().for_each(|bus| bus.publish(PING, request.clone()));
        sent += 1;
        tokio::time::sleep(PAUSE).await;
    }
    assert_eq!(fabric.shown().await, Some(new), "with nearly twelve minutes left of the old one");
    fabric
        .until("has an account without open units, and handed its link over once", |report| {
            let all_arrived = |tally: &antiphon_core::TallyView| {
                tally.pending == 0 && tally.tally.delivered == sent && tally.tally.in_doubt == 0
            };
            report.core.tallies.iter().all(all_arrived) && report.daemon.handovers == 1
        })
        .await;
    assert!(sent > 100, "{sent}");
    for bus in buses {
        let all = bus.published_on(PING).len() as u64;
        assert_eq!(all, sent * 2, "its own client's, and the other's once each");
    }
}

/// A quarter, a sixth, a ninth ... of its life.
#[tokio::test(start_paused = true)]
async fn a_peer_that_shows_the_old_one_still_is_asked_again_and_again() {
    let fabric = Fabric::with_old_certificate().await;
    let old = fabric.shown().await.unwrap();
    tokio::time::sleep(MINUTE * 6).await;
    assert_eq!(fabric.shown().await, Some(old));
    assert_eq!(fabric.report("us-1").await.daemon.handovers, 2);
    let new = fabric.certify(LIFE);
    tokio::time::sleep(MINUTE * 3).await;
    assert_eq!(fabric.shown().await, Some(new));
    assert_eq!(fabric.report("us-1").await.daemon.handovers, 3);
}
