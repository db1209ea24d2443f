//! Puppet's agent on a machine: its lock and state files, and the `puppet` program.

mod simulated;
mod summary;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde::Deserialize;
use serde_json::json;

use super::{ProgramError, Programs};

pub(crate) use simulated::SimulatedPuppet;
pub(crate) use summary::Summary;

const PUPPET: &str = "puppet";

/// Where Puppet's packages keep its state.
pub(crate) const STATE_FOLDER: &str = "/opt/puppetlabs/puppet/cache/state";

/// Where Puppet's packages keep the summary of the last run, from Puppet 7 on.
const PUBLIC_FOLDER: &str = "/opt/puppetlabs/puppet/public";

/// Where the daemon's process id is.
const PID_FILE: &str = "/var/run/puppetlabs/agent.pid";

/// What Puppet is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PuppetState {
    /// A catalogue is being applied.
    pub(crate) applying: bool,
    /// The daemon runs.
    pub(crate) daemon_present: bool,
    /// The administrator's reason for disabling it; `None`: it is enabled.
    pub(crate) disabled: Option<String>,
    /// When it last ran, in seconds since 1970; 0 if never.
    pub(crate) last_run: u64,
}

/// Why Puppet was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PuppetError {
    #[error("Already disabled")]
    AlreadyDisabled,
    #[error("Already enabled")]
    AlreadyEnabled,
    #[error("Puppet is disabled: {reason}")]
    Disabled { reason: String },
    #[error("Puppet is currently applying a catalog")]
    Applying,
    #[error("{file} cannot be used")]
    File { file: String, source: std::io::Error },
    #[error("{file}: {detail}")]
    Summary { file: String, detail: String },
    #[error("Puppet never ran: {file} is missing")]
    NeverRan { file: String },
    #[error(transparent)]
    Program(#[from] ProgramError),
}

/// Puppet's agent.
#[derive(Debug)]
pub(crate) enum Puppet {
    /// The one on the machine.
    Machine {
        /// Where its state is.
        state: PathBuf,
        /// Where the program is.
        programs: Programs,
    },
    /// One in memory.
    Simulated(SimulatedPuppet),
}

impl Puppet {
    /// Whether it is one of the imagination.
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    /// What it is doing. Reads files: this may block.
    pub(crate) fn state(&self) -> Result<PuppetState, PuppetError> {
        match self {
            Self::Machine { state, .. } => machine_state(state),
            Self::Simulated(puppet) => Ok(puppet.state()),
        }
    }

    /// Lets nobody run it, for this reason. Blocks.
    pub(crate) fn disable(&self, reason: &str) -> Result<(), PuppetError> {
        match self {
            Self::Machine { state, .. } => disable(&disabled_lock(state), reason),
            Self::Simulated(puppet) => puppet.disable(reason),
        }
    }

    /// Lets it run again. Blocks.
    pub(crate) fn enable(&self) -> Result<(), PuppetError> {
        match self {
            Self::Machine { state, .. } => enable(&disabled_lock(state)),
            Self::Simulated(puppet) => puppet.enable(),
        }
    }

    /// Starts a run, and does not wait for its end. `arguments` are those of `puppet agent`; `now` is in seconds.
    pub(crate) fn run_once(&self, arguments: &[String], now: u64) -> Result<(), PuppetError> {
        match self {
            Self::Machine { programs, .. } => run_once(programs, arguments),
            Self::Simulated(puppet) => {
                puppet.run(now);
                Ok(())
            }
        }
    }

    /// What the last run did. Blocks.
    pub(crate) fn summary(&self) -> Result<Summary, PuppetError> {
        match self {
            Self::Machine { state, .. } => Summary::read(&summary_file(state)),
            Self::Simulated(puppet) => Ok(puppet.summary()),
        }
    }
}

fn disabled_lock(folder: &Path) -> PathBuf {
    folder.join("agent_disabled.lock")
}

/// Puppet 7 moved it out of the state folder.
fn summary_file(folder: &Path) -> PathBuf {
    let own = folder.join("last_run_summary.yaml");
    let public = Path::new(PUBLIC_FOLDER).join("last_run_summary.yaml");
    if !own.exists() && folder == Path::new(STATE_FOLDER) { public } else { own }
}

fn machine_state(folder: &Path) -> Result<PuppetState, PuppetError> {
    let last_run = match Summary::read(&summary_file(folder)) {
        Ok(summary) => summary.last_run(),
        Err(PuppetError::NeverRan { .. }) => 0,
        Err(error) => return Err(error),
    };
    Ok(PuppetState {
        applying: is_running(&folder.join("agent_catalog_run.lock")),
        daemon_present: is_running(Path::new(PID_FILE)),
        disabled: disabled_reason(&disabled_lock(folder))?,
        last_run,
    })
}

/// Whether the process whose id is in the file exists.
fn is_running(pid_file: &Path) -> bool {
    let pid = std::fs::read_to_string(pid_file).ok().and_then(|text| text.trim().parse().ok());
    pid.is_some_and(|pid: u32| Path::new("/proc").join(pid.to_string()).exists())
}

fn disabled_reason(lock: &Path) -> Result<Option<String>, PuppetError> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        disabled_message: String,
    }
    match std::fs::read_to_string(lock) {
        // An old Puppet leaves the file empty.
        Ok(text) => Ok(Some(
            serde_json::from_str::<Lock>(&text)
                .map(|lock| lock.disabled_message)
                .unwrap_or_default(),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(file_error(lock, source)),
    }
}

fn disable(lock: &Path, reason: &str) -> Result<(), PuppetError> {
    use std::io::Write as _;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).open(lock);
    match file {
        Ok(mut file) => {
            let text = json!({ "disabled_message": reason }).to_string();
            file.write_all(text.as_bytes()).map_err(|source| file_error(lock, source))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(PuppetError::AlreadyDisabled),
        Err(source) => Err(file_error(lock, source)),
    }
}

fn enable(lock: &Path) -> Result<(), PuppetError> {
    match std::fs::remove_file(lock) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(PuppetError::AlreadyEnabled),
        Err(source) => Err(file_error(lock, source)),
    }
}

fn file_error(file: &Path, source: std::io::Error) -> PuppetError {
    PuppetError::File { file: file.display().to_string(), source }
}

/// The run outlives the request, and the node if need be.
fn run_once(programs: &Programs, arguments: &[String]) -> Result<(), PuppetError> {
    let mut command = programs.command(PUPPET)?;
    command.args(["agent", "--onetime", "--no-daemonize", "--color=false"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command
        .spawn()
        .map_err(|source| ProgramError::Run { program: PUPPET.to_owned(), source })?;
    tokio::spawn(async move {
        if let Ok(status) = child.wait().await {
            tracing::info!(%status, "a Puppet run ended");
        }
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn puppet(state: &Path) -> Puppet {
        Puppet::Machine { state: state.to_owned(), programs: Programs::of(Some("")) }
    }

    #[test]
    fn lock_files_are_those_of_puppet() {
        let folder = tempfile::tempdir().unwrap();
        let puppet = puppet(folder.path());
        assert_eq!(puppet.state().unwrap(), PuppetState::default());
        puppet.disable("change freeze").unwrap();
        let lock = std::fs::read_to_string(folder.path().join("agent_disabled.lock")).unwrap();
        assert_eq!(lock, r#"{"disabled_message":"change freeze"}"#);
        assert_eq!(puppet.state().unwrap().disabled.as_deref(), Some("change freeze"));
        assert!(matches!(puppet.disable("again"), Err(PuppetError::AlreadyDisabled)));
        puppet.enable().unwrap();
        assert!(matches!(puppet.enable(), Err(PuppetError::AlreadyEnabled)));
    }

    #[test]
    fn the_run_lock_counts_while_its_process_lives() {
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("agent_catalog_run.lock");
        let puppet = puppet(folder.path());
        std::fs::write(&lock, std::process::id().to_string()).unwrap();
        assert!(puppet.state().unwrap().applying);
        std::fs::write(&lock, "4194305").unwrap();
        assert!(!puppet.state().unwrap().applying, "beyond the largest process id");
    }
}
