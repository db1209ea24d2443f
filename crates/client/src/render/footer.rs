//! The account of a run, as `choria req` ends.

use std::time::SystemTime;

use super::duration::short;
use super::style::Style;
use crate::results::Stats;
use crate::text::column;

/// More names than these are only counted, unless the user wants all.
const NAMES_MAX: usize = 200;
const COLUMNS: usize = 3;

/// `Finished processing 3 / 3 hosts in 542ms`, then who did not answer and who should not have.
pub fn footer(stats: &Stats, style: Style) -> String {
    let paint = |count: usize| match (stats.responses(), stats.discovered) {
        (0, _) => style.red(&count.to_string()),
        (responses, discovered) if responses != discovered => style.yellow(&count.to_string()),
        _ => style.green(&count.to_string()),
    };
    let mut out = format!(
        "Finished processing {} / {} hosts in {}\n",
        paint(stats.responses()),
        paint(stats.discovered),
        short(stats.discover_time + stats.request_time),
    );
    out.push_str(&missing_and_unexpected(stats, NAMES_MAX));
    out
}

/// The same with every number and every name.
pub fn verbose_footer(stats: &Stats, style: Style) -> String {
    let rows = [
        ("Nodes", format!("{} / {}", stats.responses(), stats.discovered)),
        ("Pass / Fail", format!("{} / {}", stats.ok, stats.failed)),
        ("No Responses", stats.no_responses.len().to_string()),
        ("Unexpected Responses", stats.unexpected.len().to_string()),
        ("Start Time", start(stats.start)),
        ("Discovery Time", short(stats.discover_time)),
        ("Publish Time", short(stats.publish_time)),
        ("Agent Time", short(stats.request_time.saturating_sub(stats.publish_time))),
        ("Total Time", short(stats.discover_time + stats.request_time)),
    ];
    let mut out = format!("{}\n", style.yellow("---- request stats ----"));
    for (name, value) in rows {
        out.push_str(&format!("{name:>20}: {value}\n"));
    }
    out.push_str(&missing_and_unexpected(stats, usize::MAX));
    out
}

fn start(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn missing_and_unexpected(stats: &Stats, names_max: usize) -> String {
    let missing: Vec<_> = stats.no_responses.iter().cloned().collect();
    let unexpected: Vec<_> = stats
        .unexpected
        .iter()
        .map(|(name, copies)| match copies {
            1 => name.clone(),
            copies => format!("{name} ({copies})"),
        })
        .collect();
    names("No Responses from", &missing, names_max)
        + &names("Unexpected Responses from", &unexpected, names_max)
}

fn names(title: &str, names: &[String], names_max: usize) -> String {
    if names.is_empty() {
        return String::new();
    }
    let shown = names.get(..names_max).unwrap_or(names);
    let cut = match shown.len() < names.len() {
        true => format!(" (showing first {names_max})"),
        false => String::new(),
    };
    format!("\n{title}{cut}: {}\n\n{}", names.len(), in_columns(shown))
}

/// Three names a row, aligned.
fn in_columns(names: &[String]) -> String {
    let width = |first: usize| column(names.iter().skip(first).step_by(COLUMNS));
    let widths: Vec<_> = (0..COLUMNS).map(width).collect();
    let mut out = String::new();
    for row in names.chunks(COLUMNS) {
        let cells = row.iter().zip(&widths).map(|(name, width)| format!("    {name:<width$}"));
        out.push_str(cells.collect::<String>().trim_end());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stats(missing: &[&str], unexpected: &[(&str, usize)]) -> Stats {
        let mut stats = Stats::new("id".into(), missing.iter().copied());
        stats.discovered = missing.len() + 2;
        stats.ok = 2;
        stats.unexpected = unexpected.iter().map(|(name, n)| ((*name).into(), *n)).collect();
        stats.discover_time = Duration::from_millis(500);
        stats.request_time = Duration::from_millis(42);
        stats
    }

    #[test]
    fn a_clean_run_is_one_line() {
        let text = footer(&stats(&[], &[]), Style::Plain);
        assert_eq!(text, "Finished processing 2 / 2 hosts in 542ms\n");
        assert!(footer(&stats(&[], &[]), Style::Colour).contains("\u{1b}[32m2\u{1b}[0m"));
    }

    #[test]
    fn missing_and_unexpected_nodes_are_named_in_three_columns() {
        let text = footer(&stats(&["a", "bbb", "c", "d"], &[("x", 1), ("y", 2)]), Style::Plain);
        assert_eq!(
            text,
            "Finished processing 2 / 6 hosts in 542ms\n\
             \nNo Responses from: 4\n\n    a    bbb    c\n    d\n\
             \nUnexpected Responses from: 2\n\n    x    y (2)\n"
        );
    }

    #[test]
    fn only_the_verbose_footer_names_more_than_two_hundred() {
        let names: Vec<_> = (0..201).map(|n| format!("n{n:03}")).collect();
        let names: Vec<_> = names.iter().map(String::as_str).collect();
        let stats = stats(&names, &[]);
        let text = footer(&stats, Style::Plain);
        assert!(text.contains("No Responses from (showing first 200): 201"));
        assert!(!text.contains("n200"));
        assert!(verbose_footer(&stats, Style::Plain).contains("n200"));
        assert!(verbose_footer(&stats, Style::Plain).contains("         Pass / Fail: 2 / 0\n"));
    }
}
