//! What the process holds, and what the system lets it have.

use std::{fs, path::Path};

use rustix::process::{Resource, getrlimit};
use serde::{Deserialize, Serialize};

/// What the process holds, and what the system lets it have. 0: not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProcessFacts {
    /// Open files, sockets among them.
    pub open_files: u64,
    /// The most that it may open.
    pub open_files_max: u64,
    /// Resident memory in bytes.
    pub memory_bytes: u64,
    /// The most that it may have: the control group's limit, else the machine's memory.
    pub memory_bytes_max: u64,
}

impl ProcessFacts {
    /// As of now, from `/proc` and the control group; what cannot be read is 0.
    pub(crate) fn read() -> Self {
        let open = fs::read_dir("/proc/self/fd").map_or(0, |entries| entries.count() as u64);
        Self {
            // The folder itself was open while it was read.
            open_files: open.saturating_sub(1),
            open_files_max: getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX),
            memory_bytes: kibibytes("/proc/self/status", "VmRSS:"),
            memory_bytes_max: memory_max(),
        }
    }
}

fn memory_max() -> u64 {
    let machine = kibibytes("/proc/meminfo", "MemTotal:");
    match group_limit() {
        Some(limit) if machine > 0 => limit.min(machine),
        Some(limit) => limit,
        None => machine,
    }
}

/// The limit of our control group, where there is one (cgroup v2, `memory.max`).
fn group_limit() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let file = Path::new("/sys/fs/cgroup").join(group).join("memory.max");
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A line `KEY: N kB` of a file, in bytes.
fn kibibytes(file: &str, key: &str) -> u64 {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse::<u64>().ok()).unwrap_or(0).saturating_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_knows_what_it_holds_and_may_have() {
        let facts = ProcessFacts::read();
        assert!(facts.open_files >= 3 && facts.open_files <= facts.open_files_max, "{facts:?}");
        assert!(facts.memory_bytes > 1 << 20, "{facts:?}");
        assert!(facts.memory_bytes <= facts.memory_bytes_max, "{facts:?}");
    }
}
