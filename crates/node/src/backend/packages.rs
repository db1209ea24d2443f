//! Packages of a machine, whatever manages them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::{ProgramError, Programs, apt, dnf};

/// What is known of one package; the outputs of Choria's `package` agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// `<version>-<release>`, or `absent`.
    pub(crate) ensure: String,
    /// Upstream's version.
    pub(crate) version: Option<String>,
    /// The distribution's.
    pub(crate) release: Option<String>,
    /// What precedes the version where versions went backwards.
    pub(crate) epoch: Option<String>,
    /// The architecture.
    pub(crate) arch: Option<String>,
    /// What manages it.
    pub(crate) provider: &'static str,
    /// What a program said, where it said anything of use.
    pub(crate) output: Option<String>,
}

/// One package of which there is a newer version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Outdated {
    /// Its name.
    pub(crate) package: String,
    /// The newer version.
    pub(crate) version: String,
    /// Where it comes from.
    pub(crate) repo: String,
}

/// What is done to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// Install it, in this version if one is named.
    Install(Option<&'a str>),
    /// Bring it up to date.
    Update,
    /// Remove it.
    Uninstall,
}

/// What manages packages.
#[derive(Debug)]
pub(crate) enum Packages {
    /// `dpkg` and `apt-get`, or `rpm` and `dnf`: whichever is there.
    Machine(Programs),
    /// Nothing: a list in memory.
    Simulated(Mutex<BTreeMap<String, String>>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Apt,
    Dnf,
}

impl Package {
    /// A package that is not installed.
    pub(crate) fn absent(name: &str, provider: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            ensure: "absent".to_owned(),
            version: None,
            release: None,
            epoch: None,
            arch: None,
            provider,
            output: None,
        }
    }
}

impl Packages {
    /// A machine of the imagination, with a few packages on it.
    pub(crate) fn simulated() -> Self {
        let installed =
            [("bash", "5.2.37-2"), ("openssl", "3.5.1-1"), ("puppet-agent", "8.10.0-1")];
        let installed = installed.map(|(name, version)| (name.to_owned(), version.to_owned()));
        Self::Simulated(Mutex::new(installed.into()))
    }

    /// Whether it is one.
    pub(crate) fn is_simulated(&self) -> bool {
        matches!(self, Self::Simulated(_))
    }

    /// What is known of a package.
    pub(crate) async fn status(&self, name: &str) -> Result<Package, ProgramError> {
        match self {
            Self::Machine(programs) => match manager(programs)? {
                Manager::Apt => apt::status(programs, name).await,
                Manager::Dnf => dnf::status(programs, name).await,
            },
            Self::Simulated(installed) => {
                let installed = installed.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(simulated_package(name, installed.get(name)))
            }
        }
    }

    /// Changes a package.
    pub(crate) async fn change(&self, name: &str, change: Change<'_>) -> Result<(), ProgramError> {
        match self {
            Self::Machine(programs) => match manager(programs)? {
                Manager::Apt => apt::change(programs, name, change).await,
                Manager::Dnf => dnf::change(programs, name, change).await,
            },
            Self::Simulated(installed) => {
                let mut installed = installed.lock().unwrap_or_else(PoisonError::into_inner);
                simulated_change(&mut installed, name, change);
                Ok(())
            }
        }
    }

    /// The manager's name, and what could be newer.
    pub(crate) async fn outdated(&self) -> Result<(&'static str, Vec<Outdated>), ProgramError> {
        match self {
            Self::Machine(programs) => match manager(programs)? {
                Manager::Apt => Ok(("apt", apt::outdated(programs).await?)),
                Manager::Dnf => Ok(("dnf", dnf::outdated(programs).await?)),
            },
            Self::Simulated(_) => Ok(("simulated", Vec::new())),
        }
    }
}

fn manager(programs: &Programs) -> Result<Manager, ProgramError> {
    if programs.find("dpkg-query").is_some() {
        return Ok(Manager::Apt);
    }
    match programs.find("rpm") {
        Some(_) => Ok(Manager::Dnf),
        None => Err(ProgramError::Missing { program: "dpkg-query (or rpm)".to_owned() }),
    }
}

fn simulated_package(name: &str, version: Option<&String>) -> Package {
    let absent = Package::absent(name, "simulated");
    let Some(ensure) = version else { return absent };
    let (version, release) = ensure.split_once('-').unwrap_or((ensure, "1"));
    Package {
        ensure: ensure.clone(),
        version: Some(version.to_owned()),
        release: Some(release.to_owned()),
        epoch: Some("0".to_owned()),
        arch: Some("amd64".to_owned()),
        ..absent
    }
}

/// The list is bounded: a caller could otherwise fill the memory with names.
fn simulated_change(installed: &mut BTreeMap<String, String>, name: &str, change: Change<'_>) {
    const PACKAGES_MAX: usize = 1000;
    match change {
        Change::Install(version) if installed.len() < PACKAGES_MAX => {
            let version = version.unwrap_or("1.0.0-1").to_owned();
            installed.entry(name.to_owned()).or_insert(version);
        }
        Change::Install(_) | Change::Update => {}
        Change::Uninstall => drop(installed.remove(name)),
    }
}
