//! Which processes belong to a lab: found by what they run, not by remembered process ids.
//!
//! A process belongs to the lab in a folder if its command line names a configuration file in that
//! folder: `nats-server -c FILE`, `antiphon … run --config FILE`. So a process id that went to
//! somebody else is never ended, and a gateway started by hand with the lab's configuration is.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::process::{Pid, Signal, kill_process};

/// A process of a lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    /// Its process id.
    pub(crate) pid: u32,
    /// The configuration files that it was started with, at least one; absolute.
    pub(crate) configs: Vec<PathBuf>,
}

/// The processes of the lab in `dir`, by process id.
///
/// # Errors
/// `dir` does not exist, or there is no `/proc`.
pub(crate) fn find(dir: &Path) -> io::Result<Vec<Running>> {
    let dir = dir.canonicalize()?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let pid = entry?.file_name().to_str().and_then(|name| name.parse().ok());
        found.extend(pid.and_then(|pid| look_at(pid, &dir)));
    }
    found.sort_by_key(|running| running.pid);
    Ok(found)
}

impl Running {
    /// Whether it serves a broker, the last to be ended.
    pub(crate) fn is_broker(&self) -> bool {
        self.configs.iter().any(|config| config.extension() == Some(OsStr::new("conf")))
    }

    /// Sends a signal, if it is still the same process.
    pub(crate) fn signal(&self, dir: &Path, signal: Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        let same = dir.canonicalize().ok().and_then(|dir| look_at(self.pid, &dir));
        if let Some(pid) = pid.filter(|_| same.as_ref() == Some(self)) {
            // It has ended meanwhile, or it is somebody else's: whoever waits for its end sees.
            kill_process(pid, signal).ok();
        }
    }
}

/// A process that has ended, though nobody waited for it yet, has no command line.
fn look_at(pid: u32, dir: &Path) -> Option<Running> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let line = fs::read(process.join("cmdline")).ok()?;
    let arguments: Vec<&OsStr> = line.split(|byte| *byte == 0).map(OsStr::from_bytes).collect();
    let folder = fs::read_link(process.join("cwd")).unwrap_or_default();
    let configs: Vec<PathBuf> = configs(&arguments)
        .map(|path| folder.join(path))
        .map(|path| path.canonicalize().unwrap_or(path))
        .filter(|path| path.starts_with(dir))
        .collect();
    (!configs.is_empty()).then_some(Running { pid, configs })
}

/// The configuration files that a command line names.
fn configs<'a>(arguments: &'a [&OsStr]) -> impl Iterator<Item = &'a Path> {
    let next = arguments.iter().skip(1).map(Some).chain([None]);
    arguments.iter().zip(next).filter_map(|(argument, next)| {
        let (flag, value) = match argument.as_bytes().strip_prefix(b"--config=") {
            Some(value) => (OsStr::new("--config"), OsStr::from_bytes(value)),
            None => (*argument, *next?),
        };
        let path = Path::new(value);
        let ending = path.extension()?;
        let ours = (flag == "-c" && ending == "conf") || (flag == "--config" && ending == "toml");
        ours.then_some(path)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Process;

    fn sleeper(folder: &Path, arguments: &[&str]) -> Process {
        let mut all = vec!["-c", "while :; do sleep 600; done", "sh"];
        all.extend(arguments);
        let all = all.into_iter().map(Into::into).collect();
        let mut process = Process::new("sh", Path::new("/bin/sh"), all, &folder.join("log"));
        process.start().unwrap();
        process
    }

    #[tokio::test]
    async fn a_process_is_the_labs_if_it_runs_one_of_its_configurations() {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("eu-1.toml");
        fs::write(&config, "").unwrap();
        let text = config.to_str().unwrap();
        let mut ours = sleeper(dir.path(), &["run", "--config", text]);
        let reader = sleeper(dir.path(), &["tail", "-f", text]);

        let found = crate::wait::until(std::time::Duration::from_secs(30), async || {
            find(dir.path()).unwrap().into_iter().next()
        });
        let found = found.await.unwrap();

        assert_eq!(Some(found.pid), ours.pid());
        assert_ne!(Some(found.pid), reader.pid());
        assert_eq!(found.configs, [config.canonicalize().unwrap()]);
        assert!(!found.is_broker());
        found.signal(dir.path(), Signal::KILL);
        assert!(ours.end(std::time::Duration::from_secs(30)).await.is_some());
        // A child that was just begun has its parent's command line yet.
        let gone = crate::wait::until(std::time::Duration::from_secs(30), async || {
            find(dir.path()).unwrap().is_empty().then_some(())
        });
        assert!(gone.await.is_some());
    }

    #[test]
    fn command_lines_name_configurations_by_flag_and_ending() {
        let line = ["antiphon", "node", "run", "--config", "a.toml", "--config=b.toml"];
        let line = line.map(OsStr::new);
        let found: Vec<_> = configs(&line).collect();
        assert_eq!(found, [Path::new("a.toml"), Path::new("b.toml")]);
        let line = ["nats-server", "-c", "x.conf", "-c", "rm -rf /", "--config"].map(OsStr::new);
        assert_eq!(configs(&line).collect::<Vec<_>>(), [Path::new("x.conf")]);
    }
}
