//! What the process holds, under the names that Prometheus' own clients use.

use super::sheet::Sheet;
use crate::shell::Report;

/// What cannot be read is left out: a 0 would be taken for a value.
pub(super) fn show(sheet: &mut Sheet, report: &Report) {
    let (process, settings) = (&report.daemon.process, &report.daemon.settings);
    let started = report.at.saturating_sub(report.daemon.uptime).as_secs_f64();
    sheet.process("start_time_seconds", "When it started, since 1970", started);
    for (name, help, value) in [
        ("open_fds", "Open files, sockets among them", process.open_files),
        ("max_fds", "The most that may be open", process.open_files_max),
        ("resident_memory_bytes", "Resident memory", process.memory_bytes),
    ] {
        if value > 0 {
            sheet.process(name, help, value as f64);
        }
    }
    if process.memory_bytes_max > 0 {
        let help = "The most memory that it may have: of its control group, else of the machine";
        sheet.single("memory_limit_bytes", help, process.memory_bytes_max as f64);
    }
    let help = "The most that may wait for one region";
    sheet.single("queue_limit_bytes", help, settings.queue_bytes_max as f64);
}
