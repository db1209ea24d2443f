//! Waiting for a condition, never for a time.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often a condition is looked at: often enough not to be felt, rarely enough to cost nothing.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks again and again until `probe` finds something; `None` once `limit` is over.
///
/// `probe` is called at least once, and its own time counts.
pub async fn until<T>(limit: Duration, mut probe: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = probe().await {
            return Some(found);
        }
        if Instant::now() >= deadline {
            return None;
        }
        sleep(INTERVAL).await;
    }
}

/// Waits for Ctrl-C or a request to end.
pub(crate) async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
