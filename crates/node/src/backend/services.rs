//! Services of a machine: `systemctl`.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{ProgramError, Programs};

const SYSTEMCTL: &str = "systemctl";

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Both.
    Restart,
}

impl Verb {
    /// As systemd and people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// What manages services.
#[derive(Debug)]
pub(crate) enum Services {
    /// systemd.
    Machine(Programs),
    /// Nothing: a list in memory; true means running.
    Simulated(Mutex<BTreeMap<&'static str, bool>>),
}

impl Services {
    /// A machine of the imagination, with a few services on it.
    pub(crate) fn simulated() -> Self {
        Self::Simulated(Mutex::new([("cron", true), ("nginx", false), ("sshd", true)].into()))
    }

    /// Whether it is one.
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    /// `running`, `stopped` or `unknown`.
    pub(crate) async fn status(&self, name: &str) -> Result<&'static str, ProgramError> {
        match self {
            Self::Machine(programs) => {
                let properties = "--property=LoadState,ActiveState";
                let output = programs.run(SYSTEMCTL, &["show", properties, "--", name]).await?;
                Ok(read_status(&output.success(SYSTEMCTL)?.stdout))
            }
            Self::Simulated(services) => {
                let services = services.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(match services.get(name) {
                    Some(true) => "running",
                    Some(false) => "stopped",
                    None => "unknown",
                })
            }
        }
    }

    /// Changes a service.
    pub(crate) async fn change(&self, name: &str, verb: Verb) -> Result<(), ProgramError> {
        match self {
            Self::Machine(programs) => programs
                .run(SYSTEMCTL, &[verb.name(), "--", name])
                .await?
                .success(SYSTEMCTL)
                .map(drop),
            Self::Simulated(services) => {
                let mut services = services.lock().unwrap_or_else(PoisonError::into_inner);
                let Some(running) = services.get_mut(name) else {
                    let reason = format!("Unit {name}.service not found.");
                    let program = SYSTEMCTL.to_owned();
                    return Err(ProgramError::Failed { program, code: 5, reason });
                };
                *running = verb != Verb::Stop;
                Ok(())
            }
        }
    }
}

fn read_status(properties: &str) -> &'static str {
    let value = |key: &str| properties.lines().find_map(|line| line.strip_prefix(key));
    match (value("LoadState="), value("ActiveState=")) {
        (Some("not-found"), _) | (_, None) => "unknown",
        (_, Some("active" | "reloading" | "activating")) => "running",
        (_, Some(_)) => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_systemd_says_becomes_what_choria_says() {
        assert_eq!(read_status("LoadState=loaded\nActiveState=active\n"), "running");
        assert_eq!(read_status("LoadState=loaded\nActiveState=failed\n"), "stopped");
        assert_eq!(read_status("LoadState=not-found\nActiveState=inactive\n"), "unknown");
        assert_eq!(read_status(""), "unknown");
    }
}
