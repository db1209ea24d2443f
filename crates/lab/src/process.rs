//! A server process that ends with its owner.

use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::wait;

/// Lines of a log that go into an error.
const TAIL_LINES: usize = 12;

/// How long a process lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Until its [`Process`] is dropped, be it by a panic. A Ctrl-C on the terminal reaches it too.
    #[default]
    Owned,
    /// In a process group of its own, so that a Ctrl-C does not reach it. It still ends with its
    /// [`Process`], unless [`Process::release`] lets it go.
    Detachable,
}

/// A program that writes its output to a log file. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    program: PathBuf,
    arguments: Vec<OsString>,
    log: PathBuf,
    life: Life,
    child: Option<Child>,
}

/// Why a process does not run as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProcessError {
    /// The log file cannot be opened.
    #[error("{}: cannot be written", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The program cannot be started.
    #[error("{name}: {} cannot be started", program.display())]
    Start {
        /// The process.
        name: String,
        /// The program.
        program: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It ended by itself.
    #[error("{name} ended ({status}); the end of {}:\n{tail}", log.display())]
    Ended {
        /// The process.
        name: String,
        /// How.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// It runs, but what was awaited did not happen.
    #[error("{name} {missing} within {limit:?}; the end of {}:\n{tail}", log.display())]
    Late {
        /// The process.
        name: String,
        /// What is missing, as a verb: "does not accept connections".
        missing: String,
        /// How long it had.
        limit: Duration,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
}

impl ProcessError {
    /// Whether it ended because somebody else took its port; Go and Rust both use the system's
    /// words.
    #[must_use]
    pub fn is_port_race(&self) -> bool {
        matches!(self, Self::Ended { tail, .. } if tail.contains("ddress already in use"))
    }
}

impl Process {
    /// A process that is not started yet. Its output is appended to `log`.
    #[must_use]
    pub fn new(name: &str, program: &Path, arguments: Vec<OsString>, log: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            arguments,
            log: log.to_owned(),
            life: Life::Owned,
            child: None,
        }
    }

    /// The same with another life.
    #[must_use]
    pub fn with_life(mut self, life: Life) -> Self {
        self.life = life;
        self
    }

    /// From the next start on it is this program, with the same arguments.
    pub fn replace_program(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
    }

    /// Starts it; does nothing while it runs.
    ///
    /// # Errors
    /// [`ProcessError::Log`], [`ProcessError::Start`].
    pub fn start(&mut self) -> Result<(), ProcessError> {
        if self.is_running() {
            return Ok(());
        }
        let log = || OpenOptions::new().create(true).append(true).open(&self.log);
        let log_error = |source| ProcessError::Log { path: self.log.clone(), source };
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::null());
        command.stdout(log().map_err(log_error)?).stderr(log().map_err(log_error)?);
        if self.life == Life::Detachable {
            command.process_group(0);
        }
        let child = command.spawn().map_err(|source| ProcessError::Start {
            name: self.name.clone(),
            program: self.program.clone(),
            source,
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until `probe` finds something, for `limit` at most; `missing` completes the sentence
    /// that begins with the process's name.
    ///
    /// # Errors
    /// [`ProcessError::Ended`], [`ProcessError::Late`].
    pub async fn ready<T>(
        &mut self,
        limit: Duration,
        missing: &str,
        mut probe: impl AsyncFnMut() -> Option<T>,
    ) -> Result<T, ProcessError> {
        let found = wait::until(limit, async || match self.ended() {
            Some(ended) => Some(Err(ended)),
            None => probe().await.map(Ok),
        });
        match found.await {
            Some(found) => found,
            None => Err(self.late(limit, missing)),
        }
    }

    /// Its name in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its output goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Its process id; `None` before the start and after the end was noticed.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it runs, paused or not.
    pub fn is_running(&mut self) -> bool {
        self.child.is_some() && self.status().is_none()
    }

    /// Ends it at once, as `kill -9` does, and waits for that.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both only fail if it has ended by itself and was waited for, which is what we want.
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Asks it to end, as a service manager does; [`Process::end`] waits for it.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Stops it in its tracks until [`Process::resume`].
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits for its end; `None` if that takes longer than `limit`.
    pub async fn end(&mut self, limit: Duration) -> Option<ExitStatus> {
        let status = wait::until(limit, async || self.status()).await;
        if status.is_some() {
            self.child = None;
        }
        status
    }

    /// Lets it live on without us; gives its process id if it was started.
    pub fn release(&mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }

    fn status(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // Fails only if it has ended; its id is not given to another before we wait for it.
            kill_process(pid, signal).ok();
        }
    }

    fn ended(&mut self) -> Option<ProcessError> {
        let status = match &self.child {
            None => "not started".to_owned(),
            Some(_) => self.status()?.to_string(),
        };
        let tail = tail(&self.log);
        Some(ProcessError::Ended { name: self.name.clone(), status, log: self.log.clone(), tail })
    }

    fn late(&self, limit: Duration, missing: &str) -> ProcessError {
        ProcessError::Late {
            name: self.name.clone(),
            missing: missing.to_owned(),
            limit,
            log: self.log.clone(),
            tail: tail(&self.log),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The last lines of a text file; what cannot be read is empty.
fn tail(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
    tail.iter().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
