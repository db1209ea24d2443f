//! What a node does unasked: its status file.

use std::sync::Arc;

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::node::Node;
use crate::status::Status;

/// Runs until `stop`.
pub(crate) async fn run(node: Arc<Node>, stop: CancellationToken) {
    let mut connection = node.watch_connection();
    let mut ticks = interval(node.config.status_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => {}
            Ok(()) = connection.changed() => {}
        }
        write_status(&node).await;
    }
    write_status(&node).await;
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
