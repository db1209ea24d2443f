//! How a command ended, as scripts see it.

use std::process::ExitCode;

/// How a command ended, the worse the later. The numbers are part of the surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// All is well.
    Good,
    /// There is a warning, and the caller asked to be told by `--strict`.
    Warning,
    /// A problem was found, a message was not deliverable, or some nodes failed or were silent.
    Problem,
    /// Nobody answered.
    Unanswered,
    /// Wrong usage or a bad file.
    Usage,
}

impl Exit {
    /// The process's exit code.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Good => 0,
            Self::Warning => 1,
            Self::Problem => 2,
            Self::Unanswered => 3,
            Self::Usage => 64,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// An error that ends a command: one line for people, and the exit code for scripts.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What was attempted, on what, and why it failed.
    pub error: anyhow::Error,
}

impl Failure {
    /// Wrong usage or a bad file.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Usage, error: error.into() }
    }

    /// What was asked for could not be done.
    pub fn problem(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Problem, error: error.into() }
    }

    /// Nobody answered.
    pub fn unanswered(error: impl Into<anyhow::Error>) -> Self {
        Self { exit: Exit::Unanswered, error: error.into() }
    }
}

impl From<std::io::Error> for Failure {
    /// Standard output or the process itself: nothing that the caller could mend by other words.
    fn from(error: std::io::Error) -> Self {
        Self::problem(error)
    }
}
