//! What a node does unasked: its status file, signs of life, registration.

use std::sync::Arc;
use std::time::Duration;

use antiphon_broker::{BrokerCommand, Publication};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::connection::Ended;
use crate::lifecycle::{self, ALIVE_INTERVAL, Event};
use crate::node::{Node, Outgoing};
use crate::registration;
use crate::security::causes;
use crate::status::Status;

/// Runs until `stop`; what it publishes goes to `commands`.
pub(crate) async fn run(
    node: Arc<Node>,
    commands: mpsc::Sender<BrokerCommand>,
    stop: CancellationToken,
) -> Ended {
    let mut connection = node.watch_connection();
    // Like Choria's nodes it has nothing to say before it is connected; that its status file exists means it was.
    tokio::select! {
        () = stop.cancelled() => return Ended::Asked,
        Ok(_) = connection.wait_for(Option::is_some) => {}
    }
    let mut status = every(node.config.status_interval, Duration::ZERO);
    let mut alive = every(ALIVE_INTERVAL, splay(ALIVE_INTERVAL));
    let mut register = node.config.registration.as_ref().map(|settings| settings.interval);
    let mut registration = every(
        register.unwrap_or(ALIVE_INTERVAL),
        register.as_mut().map_or(ALIVE_INTERVAL, |interval| splay(*interval)),
    );
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = status.tick() => write_status(&node).await,
            Ok(()) = connection.changed() => write_status(&node).await,
            _ = alive.tick() => publish(&node, &commands, lifecycle::event(&node, Event::Alive)).await,
            _ = registration.tick(), if register.is_some() => send_registration(&node, &commands).await,
        }
    }
    write_status(&node).await;
    Ended::Asked
}

fn every(period: Duration, first: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + first, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// A random part of `period`, so that a fleet that starts together does not speak together.
fn splay(period: Duration) -> Duration {
    let (_, random) = Uuid::new_v4().as_u64_pair();
    let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX).max(1);
    Duration::from_millis(random % millis)
}

async fn write_status(node: &Arc<Node>) {
    let Some(path) = node.config.status_file.clone() else { return };
    let status = Status::of(node);
    let shown = path.display().to_string();
    let written = tokio::task::spawn_blocking(move || status.write(&path)).await;
    if let Ok(Err(error)) = written {
        warn!(file = shown, %error, "the status file cannot be written");
    }
}

async fn send_registration(node: &Arc<Node>, commands: &mpsc::Sender<BrokerCommand>) {
    let maker = node.clone();
    let made = tokio::task::spawn_blocking(move || {
        let settings = maker.config.registration.as_ref()?;
        Some(registration::message(&maker, settings, maker.request_signer.as_ref()?))
    });
    match made.await {
        Ok(Some(Ok(message))) => publish(node, commands, message).await,
        Ok(Some(Err(error))) => {
            warn!(identity = node.identity(), error = causes(&error), "registration failed");
        }
        Ok(None) | Err(_) => {}
    }
}

/// Choria loses what it has to say while it is not connected, and so do we.
async fn publish(node: &Node, commands: &mpsc::Sender<BrokerCommand>, message: Outgoing) {
    if node.connected_server().is_empty() {
        return;
    }
    if commands.send(BrokerCommand::Publish(Publication::from(message))).await.is_err() {
        warn!(identity = node.identity(), "the broker connection is closed");
    }
}
