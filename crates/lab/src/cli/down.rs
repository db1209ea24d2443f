//! Ending a lab.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::running::{self, Running};
use crate::{sockets, wait};

/// How long processes have to end by themselves: enough to say goodbye, not to drain a full queue.
const GRACE: Duration = Duration::from_secs(3);
/// How long the system may take to end those that did not.
const KILL_LIMIT: Duration = Duration::from_secs(10);

/// What was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Down {
    /// How many processes; 0 if none ran.
    pub processes: usize,
}

/// Why a lab could not be ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DownError {
    /// The folder is missing, or processes cannot be listed.
    #[error("the processes of {} cannot be listed", dir.display())]
    List {
        /// The lab's folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Some processes live on.
    #[error("these processes of {} do not end: {pids:?}", dir.display())]
    Alive {
        /// The lab's folder.
        dir: PathBuf,
        /// Their process ids.
        pids: Vec<u32>,
    },
    /// The folder of the sockets cannot be removed.
    #[error("the sockets of {} cannot be removed", dir.display())]
    Sockets {
        /// The lab's folder.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Ends every process of the lab in `dir`, brokers last, also those that were started by hand with
/// its configurations; removes the sockets. Files and logs stay. Doing it twice does no harm.
///
/// # Errors
/// [`DownError`].
pub async fn down(dir: &Path) -> Result<Down, DownError> {
    let all = find(dir)?;
    end(dir, |running| !running.is_broker()).await?;
    end(dir, |_| true).await?;
    sockets::remove(dir).map_err(|source| DownError::Sockets { dir: dir.to_owned(), source })?;
    Ok(Down { processes: all.len() })
}

/// Ends some of them: asks first.
async fn end(dir: &Path, chosen: impl Fn(&Running) -> bool) -> Result<(), DownError> {
    for (signal, limit) in [(Signal::TERM, GRACE), (Signal::KILL, KILL_LIMIT)] {
        for running in find(dir)?.into_iter().filter(&chosen) {
            running.signal(dir, signal);
        }
        let gone = async || match find(dir) {
            Ok(left) if left.iter().any(&chosen) => None,
            other => Some(other.map(drop)),
        };
        if let Some(ended) = wait::until(limit, gone).await {
            return ended;
        }
    }
    let pids = find(dir)?.iter().map(|running| running.pid).collect();
    Err(DownError::Alive { dir: dir.to_owned(), pids })
}

fn find(dir: &Path) -> Result<Vec<Running>, DownError> {
    running::find(dir).map_err(|source| DownError::List { dir: dir.to_owned(), source })
}

impl fmt::Display for Down {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.processes {
            0 => f.write_str("Nothing ran."),
            1 => f.write_str("Ended 1 process."),
            count => write!(f, "Ended {count} processes."),
        }
    }
}
