//! Feeding a recording to a machine.

use std::io::{self, BufRead, Lines};

use antiphon_core::{Action, Event, Gateway, Now};

use super::{Begin, End, FORMAT, Line, digest, kinds};

/// A recording that is being replayed, turn by turn.
#[derive(Debug)]
pub struct Replay<R> {
    lines: Lines<R>,
    begin: Begin,
    machine: Gateway,
    number: u64,
    end: Option<End>,
}

/// One turn: what the machine was told, and what it decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Counted from 1.
    pub number: u64,
    /// Both clocks.
    pub now: Now,
    /// What it was told.
    pub event: Event,
    /// What it decides.
    pub actions: Vec<Action>,
    /// The kinds of actions that were recorded, where they differ from these or their contents do.
    pub recorded: Option<Vec<String>>,
}

/// Why a recording cannot be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// It cannot be read.
    #[error("read the recording")]
    Read(#[from] io::Error),
    /// A line makes no sense.
    #[error("line {line} is no line of a recording")]
    Line {
        /// Which, from 1.
        line: u64,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It does not begin with its beginning.
    #[error("this is no recording: it does not say what the machine began with")]
    NoBeginning,
    /// Another release wrote it in a way that this one does not know.
    #[error("the recording has format {found} (antiphon {version}); this release reads {FORMAT}")]
    Format {
        /// Its format.
        found: u32,
        /// Who wrote it.
        version: String,
    },
}

impl<R: BufRead> Replay<R> {
    /// Reads the beginning, and makes the machine.
    ///
    /// # Errors
    /// It cannot be read, or is no recording of this format.
    pub fn new(input: R) -> Result<Self, ReplayError> {
        let mut lines = input.lines();
        let first = lines.next().ok_or(ReplayError::NoBeginning)??;
        let begin = match serde_json::from_str(&first) {
            Ok(Line::Begin(begin)) => *begin,
            Ok(Line::Turn { .. } | Line::End(_)) => return Err(ReplayError::NoBeginning),
            Err(source) => return Err(foreign(&first, source)),
        };
        if begin.format != FORMAT {
            let (found, version) = (begin.format, begin.version);
            return Err(ReplayError::Format { found, version });
        }
        let machine = Gateway::new(begin.config.clone(), begin.seed, begin.now);
        Ok(Self { lines, begin, machine, number: 0, end: None })
    }

    /// What the machine began with.
    #[must_use]
    pub fn begin(&self) -> &Begin {
        &self.begin
    }

    /// The machine as it is.
    #[must_use]
    pub fn machine(&self) -> &Gateway {
        &self.machine
    }

    /// Why the recording ended; `None`: it has not yet, or the process was killed.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.end
    }

    /// The next turn; `None` after the last. A last line that is cut off is no turn.
    ///
    /// # Errors
    /// A line makes no sense, and is not the last.
    pub fn step(&mut self) -> Result<Option<Step>, ReplayError> {
        let Some(text) = self.lines.next() else { return Ok(None) };
        let text = text?;
        match serde_json::from_str(&text) {
            Ok(Line::Turn { now, event, kinds, digest, .. }) => {
                Ok(Some(self.turn(now, *event, kinds, &digest)))
            }
            Ok(Line::End(end)) => {
                self.end = Some(end);
                Ok(None)
            }
            Ok(Line::Begin(_)) => Err(ReplayError::NoBeginning),
            Err(source) => match self.lines.next() {
                None => Ok(None),
                Some(_) => Err(ReplayError::Line { line: self.number + 2, source }),
            },
        }
    }

    fn turn(&mut self, now: Now, event: Event, recorded: Vec<String>, wanted: &str) -> Step {
        self.number += 1;
        let actions = self.machine.handle(event.clone(), now);
        let same = digest(&actions) == wanted && kinds(&actions) == recorded;
        let recorded = (!same).then_some(recorded);
        Step { number: self.number, now, event, actions, recorded }
    }
}

/// A first line that is no beginning, or that of another format.
fn foreign(text: &str, source: serde_json::Error) -> ReplayError {
    let begin = serde_json::from_str::<serde_json::Value>(text).ok();
    let begin = begin.as_ref().and_then(|value| value.get("begin"));
    let format = begin.and_then(|begin| begin.get("format")?.as_u64());
    match format.and_then(|format| u32::try_from(format).ok()) {
        Some(found) if found != FORMAT => {
            let version = begin.and_then(|begin| begin.get("version")?.as_str());
            ReplayError::Format { found, version: version.unwrap_or("?").to_owned() }
        }
        Some(_) => ReplayError::Line { line: 1, source },
        None => ReplayError::NoBeginning,
    }
}
