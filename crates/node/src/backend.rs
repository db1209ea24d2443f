//! What agents change a machine with: programs that are installed on it, found on `PATH`, run without a shell.

pub(crate) mod apt;
pub(crate) mod dnf;
pub(crate) mod packages;
pub(crate) mod puppet;
pub(crate) mod services;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::process::Stdio;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

/// More output of a program is cut off, in bytes: a reply must fit into a message.
pub(crate) const OUTPUT_BYTES_MAX: usize = 128 << 10;

/// What a program said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Its exit code; -1 if a signal ended it.
    pub(crate) code: i32,
    /// Standard output, at most [`OUTPUT_BYTES_MAX`].
    pub(crate) stdout: String,
    /// Standard error, at most [`OUTPUT_BYTES_MAX`].
    pub(crate) stderr: String,
}

/// Why a program was of no help.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProgramError {
    /// It is not there.
    #[error("{program} is not installed")]
    Missing { program: String },
    /// It cannot be run.
    #[error("{program} cannot be run")]
    Run { program: String, source: io::Error },
    /// It would do something else with this than what was asked.
    #[error("{program} would not take {argument:?} as a package's name")]
    Refused { program: String, argument: String },
    /// It said no.
    #[error("{program} failed with exit code {code}: {reason}")]
    Failed { program: String, code: i32, reason: String },
    /// It answered what nobody expects of it.
    #[error("{program} answered {answer:?}")]
    Unexpected { program: String, answer: String },
}

impl Output {
    /// The output of a program that must succeed.
    pub(crate) fn success(self, program: &str) -> Result<Self, ProgramError> {
        if self.code == 0 {
            return Ok(self);
        }
        let spoken = if self.stderr.trim().is_empty() { &self.stdout } else { &self.stderr };
        let reason = spoken.trim().lines().last().unwrap_or("no reason given").to_owned();
        Err(ProgramError::Failed { program: program.to_owned(), code: self.code, reason })
    }
}

/// Where programs are looked for: the folders of a `PATH`, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Programs(OsString);

impl Programs {
    /// Those of `path`, else of the process's `PATH`.
    pub(crate) fn of(path: Option<&str>) -> Self {
        Self(path.map(OsString::from).or_else(|| std::env::var_os("PATH")).unwrap_or_default())
    }

    /// Where a program is, if it is.
    pub(crate) fn find(&self, program: &str) -> Option<PathBuf> {
        let mut files = std::env::split_paths(&self.0).map(|folder| folder.join(program));
        files.find(|file| file.is_file())
    }

    /// A command that runs a program in the C locale, and lets it find others as we do.
    pub(crate) fn command(&self, program: &str) -> Result<Command, ProgramError> {
        let missing = || ProgramError::Missing { program: program.to_owned() };
        let mut command = Command::new(self.find(program).ok_or_else(missing)?);
        command.env("PATH", &self.0).env("LC_ALL", "C").env("DEBIAN_FRONTEND", "noninteractive");
        Ok(command)
    }

    /// Runs a program to its end. If the caller gives up, the program is killed.
    pub(crate) async fn run<S: AsRef<OsStr>>(
        &self,
        program: &str,
        arguments: &[S],
    ) -> Result<Output, ProgramError> {
        let mut command = self.command(program)?;
        command.args(arguments);
        output(program, command).await
    }
}

/// Runs a prepared command to its end.
pub(crate) async fn output(program: &str, mut command: Command) -> Result<Output, ProgramError> {
    let failed = |source| ProgramError::Run { program: program.to_owned(), source };
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(failed)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let (stdout, stderr, status) =
        tokio::join!(read_bounded(stdout), read_bounded(stderr), child.wait());
    let code = status.map_err(failed)?.code().unwrap_or(-1);
    Ok(Output { code, stdout, stderr })
}

/// Reads all of it, so that the program is never blocked, and keeps the beginning.
async fn read_bounded(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    // On the heap: it would otherwise be part of every future that runs a program.
    let mut buffer = vec![0; 8192];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        let room = OUTPUT_BYTES_MAX.saturating_sub(kept.len()).min(read);
        kept.extend_from_slice(buffer.get(..room).unwrap_or_default());
    }
    String::from_utf8_lossy(&kept).into_owned()
}
