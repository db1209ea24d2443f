//! The thread that writes a recording.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    sync::{Arc, atomic::Ordering, mpsc::Receiver},
    thread,
};

use super::{Begin, End, Entry, Line, Shared};

/// Kept free for the last line, in bytes.
const LAST_LINE: u64 = 64;

/// Writes until there is no more, no more room, or the disk refuses.
pub(super) fn start(
    file: File,
    bytes_max: u64,
    begin: Begin,
    entries: Receiver<Entry>,
    shared: Arc<Shared>,
) -> io::Result<()> {
    let mut writer = Writer { file: BufWriter::new(file), bytes_max, shared };
    let run = move || {
        if let Err(error) = writer.run(begin, &entries) {
            tracing::warn!(%error, "a recording cannot be written");
        }
    };
    thread::Builder::new().name("record".to_owned()).spawn(run).map(drop)
}

struct Writer {
    file: BufWriter<File>,
    bytes_max: u64,
    shared: Arc<Shared>,
}

impl Writer {
    fn run(&mut self, begin: Begin, entries: &Receiver<Entry>) -> io::Result<()> {
        self.write(&Line::Begin(Box::new(begin)))?;
        loop {
            // What waits is written in one go; before waiting, it goes to the disk.
            let entry = match entries.try_recv() {
                Ok(entry) => entry,
                Err(_) => {
                    self.file.flush()?;
                    match entries.recv() {
                        Ok(entry) => entry,
                        Err(_) => break,
                    }
                }
            };
            self.shared.waiting.fetch_sub(entry.bytes, Ordering::Relaxed);
            let line = Line::turn(entry.now, entry.event, &entry.actions, false);
            if !self.write(&line)? {
                return self.end(End::Full);
            }
        }
        let gap = self.shared.gap.load(Ordering::Relaxed);
        self.end(if gap { End::Gap } else { End::Stopped })
    }

    /// Whether there was room.
    fn write(&mut self, line: &Line) -> io::Result<bool> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let bytes = text.len() as u64;
        let written = self.shared.written.load(Ordering::Relaxed);
        if written + bytes + LAST_LINE > self.bytes_max {
            return Ok(false);
        }
        self.file.write_all(&text)?;
        self.shared.written.store(written + bytes, Ordering::Relaxed);
        Ok(true)
    }

    fn end(&mut self, why: End) -> io::Result<()> {
        let mut text = serde_json::to_vec(&Line::End(why))?;
        text.push(b'\n');
        self.file.write_all(&text)?;
        self.file.flush()
    }
}
