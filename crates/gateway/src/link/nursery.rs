//! The tasks of all links: they end together, and a panic in one ends them all.

use std::future::Future;

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument as _;

/// Parent of every task of the links. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Nursery {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Nursery {
    /// Ends when `shutdown` is cancelled.
    pub(crate) fn new(shutdown: &CancellationToken) -> Self {
        Self { tracker: TaskTracker::new(), stop: shutdown.child_token() }
    }

    /// Runs a task until it ends or everything does.
    pub(crate) fn spawn(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        // In one place: each future around it would keep room for it twice, as what it was given and as
        // what it waits for.
        let task = Box::pin(task);
        let stop = self.stop.clone();
        let alarm = StopOnPanic { name, stop: self.stop.clone() };
        let run = async move {
            let _alarm = alarm;
            stop.run_until_cancelled_owned(task).await;
        };
        self.tracker.spawn(run.instrument(tracing::debug_span!("link_task", name)));
    }

    /// A token that is cancelled when everything ends.
    pub(crate) fn life(&self) -> CancellationToken {
        self.stop.child_token()
    }

    /// Waits until every task has ended.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// A task that panics leaves state that nobody should go on with: the end of all links ends the
/// process.
struct StopOnPanic {
    name: &'static str,
    stop: CancellationToken,
}

impl Drop for StopOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            tracing::error!(task = self.name, "a task of the links panicked");
            self.stop.cancel();
        }
    }
}
