//! Recording what the machine was told and what it decided, so that it can be replayed.
//!
//! A recording begins with the process, since a machine cannot be begun in the middle: its
//! configuration and seed, then every event with both clocks and a digest of the actions, one JSON
//! object a line. It holds payloads, as they came from clients, nodes and peers; only our user may
//! read it. A gap would make everything after it meaningless, so what cannot be written in time ends
//! the recording, and the file says so.

mod folder;
mod line;
mod replay;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{SyncSender, TrySendError},
    },
};

use antiphon_core::{Action, Event, Now};
use serde::{Deserialize, Serialize};

pub use self::{
    folder::RecordError,
    line::{Begin, End, FORMAT, Line, digest, kinds},
    replay::{Replay, ReplayError, Step},
};

/// What recordings may take on disk together, in bytes, unless configured.
pub const BYTES_DEFAULT: u64 = 1 << 30;
/// Events that wait for the writer.
const WAITING_MAX: usize = 16 * 1024;
/// Payloads that wait for the writer, in bytes.
const WAITING_BYTES_MAX: u64 = 64 << 20;

/// Where to record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The folder; made if it is missing.
    pub folder: PathBuf,
    /// What recordings may take there together, in bytes. One takes half of it at most, so that the
    /// one before stays; older ones make room.
    pub bytes_max: u64,
}

/// How the recording of this process fares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFacts {
    /// The file.
    pub file: String,
    /// Whether it goes on; it ends when it is full, or when it could not keep up.
    pub recording: bool,
    /// Events that were recorded.
    pub recorded: u64,
    /// Events since it ended.
    pub missed: u64,
    /// Bytes written.
    pub bytes: u64,
}

/// The shell's end of a recording. Never blocks.
#[derive(Debug)]
pub(crate) struct Recorder {
    file: PathBuf,
    entries: Option<SyncSender<Entry>>,
    shared: Arc<Shared>,
    recorded: u64,
    missed: u64,
}

/// One turn of the machine.
#[derive(Debug)]
struct Entry {
    now: Now,
    event: Event,
    actions: Vec<Action>,
    bytes: u64,
}

/// What both ends know.
#[derive(Debug, Default)]
struct Shared {
    /// Payloads that wait, in bytes.
    waiting: AtomicU64,
    /// The shell could not hand out an entry.
    gap: AtomicBool,
    /// Bytes written.
    written: AtomicU64,
}

impl Recorder {
    /// Begins a recording, and makes room for it.
    ///
    /// # Errors
    /// The folder or the file cannot be made.
    pub(crate) fn begin(record: &Record, begin: Begin) -> Result<Self, RecordError> {
        let (file, path) = folder::open(record, &begin)?;
        let shared = Arc::new(Shared::default());
        let (entries, waiting) = std::sync::mpsc::sync_channel(WAITING_MAX);
        let end = Arc::clone(&shared);
        let limit = record.bytes_max / 2;
        writer::start(file, limit, begin, waiting, end).map_err(RecordError::Thread)?;
        Ok(Self { file: path, entries: Some(entries), shared, recorded: 0, missed: 0 })
    }

    /// Where it is.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Whether it still wants to know: whoever asks first need not copy events in vain.
    pub(crate) fn wants(&mut self) -> bool {
        self.missed += u64::from(self.entries.is_none());
        self.entries.is_some()
    }

    /// Records one turn, unless the writer cannot keep up: then the recording has ended.
    pub(crate) fn turn(&mut self, now: Now, event: Event, actions: &[Action]) {
        let Some(entries) = &self.entries else { return };
        let bytes = size(&event);
        let waiting = self.shared.waiting.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let entry = Entry { now, event, actions: actions.to_vec(), bytes };
        let sent = if waiting > WAITING_BYTES_MAX {
            Err(TrySendError::Full(entry))
        } else {
            entries.try_send(entry)
        };
        match sent {
            Ok(()) => self.recorded += 1,
            Err(TrySendError::Full(_)) => {
                tracing::warn!(file = %self.file.display(), "recording ends: the disk is too slow");
                self.shared.gap.store(true, Ordering::Relaxed);
                self.stop();
            }
            Err(TrySendError::Disconnected(_)) => {
                tracing::warn!(file = %self.file.display(), "recording ends: it is full, or the disk is");
                self.stop();
            }
        }
    }

    pub(crate) fn facts(&self) -> RecordFacts {
        RecordFacts {
            file: self.file.display().to_string(),
            recording: self.entries.is_some(),
            recorded: self.recorded,
            missed: self.missed,
            bytes: self.shared.written.load(Ordering::Relaxed),
        }
    }

    fn stop(&mut self) {
        self.entries = None;
        self.missed += 1;
    }
}

/// What an event's payload holds in memory, in bytes.
fn size(event: &Event) -> u64 {
    const FLAT: u64 = 256;
    if let Event::FromBroker(message) = event {
        FLAT + message.payload.len() as u64
    } else if let Event::Frame { weight, .. } = event {
        FLAT + weight
    } else {
        FLAT
    }
}

#[cfg(test)]
mod tests;
