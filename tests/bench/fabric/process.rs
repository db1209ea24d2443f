//! What the kernel says of a process.

use std::fs;

/// Clock ticks a second in `/proc`, on every Linux there is.
const TICKS: f64 = 100.0;

/// A process that stands between client and nodes.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) pid: u32,
    pub(crate) is_gateway: bool,
}

impl Watched {
    /// CPU seconds so far, in user and in kernel mode.
    pub(crate) fn cpu(&self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("it runs");
        let rest = text.rsplit_once(')').expect("a name in brackets").1;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
        (ticks(11) + ticks(12)) / TICKS
    }

    /// Forgets the peak of its memory.
    pub(crate) fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.pid), "5").expect("our own process");
    }

    /// The peak of its resident memory since, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        mib(self.pid, "VmHWM:")
    }

    /// Its resident memory, in MiB.
    pub(crate) fn resident_mib(&self) -> f64 {
        mib(self.pid, "VmRSS:")
    }
}

fn mib(pid: u32, key: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix(key)).expect("a line of that name");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib / 1024.0
}
