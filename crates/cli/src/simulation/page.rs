//! A page for a browser: one file that asks for nothing else, in light or dark.

mod picture;
mod section;
mod seen;
mod topology;

use std::fmt::Write as _;

use self::picture::{Escaped, STYLE};
use super::Run;

/// How a page looks, besides the pictures on it.
const PAGE_STYLE: &str = include_str!("page/page.css");

/// All runs on one page: an index where there are several, then each with its topology, timeline
/// and numbers.
#[must_use]
pub fn page(runs: &[Run]) -> String {
    let title = match runs {
        [one] => format!("{}, seed {}", one.name(), one.outcome.seed),
        many => format!("{} simulations", many.len()),
    };
    let title = Escaped(&title);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} - antiphon</title>\n<style>\n{STYLE}{PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n"
    );
    if runs.len() > 1 {
        let _written = write!(page, "<h1>{title}</h1>\n{}", index(runs));
    }
    for (number, run) in runs.iter().enumerate() {
        page.push_str(&section::section(number, run, runs.len() == 1));
    }
    let version = env!("CARGO_PKG_VERSION");
    let _written = write!(page, "<footer>antiphon {version}</footer>\n</main>\n</body>\n</html>\n");
    page
}

fn index(runs: &[Run]) -> String {
    let mut table = String::from(
        "<table class=\"wide\"><tr><th>scenario<th>seed<th>verdict<th>requests<th>complete\
         <th>p50<th>p99<th>drops</tr>\n",
    );
    for (number, run) in runs.iter().enumerate() {
        let outcome = &run.outcome;
        let _written = writeln!(
            table,
            "<tr><td><a href=\"#run-{number}\">{}</a><td class=\"n\">{}<td>{}<td class=\"n\">{}\
             <td class=\"n\">{}<td class=\"n\">{}<td class=\"n\">{}<td>{}</tr>",
            Escaped(run.name()),
            outcome.seed,
            section::verdict(outcome),
            outcome.requests,
            super::tables::share(outcome.complete, outcome.requests),
            section::took(outcome.took.p50),
            section::took(outcome.took.p99),
            Escaped(&super::tables::counts(&outcome.drops)),
        );
    }
    table.push_str("</table>\n");
    table
}
