//! `docs/checks.md`, made from the checks themselves.

use std::fmt::Write;

use super::{CATEGORIES, Category, Check};

const HEAD: &str = "\
# What `antiphon check` looks at

<!-- Made from crates/cli/src/check: UPDATE=1 cargo test -p antiphon-cli --test check -->

`antiphon check` looks at a running fabric through the gateways that it can ask, the monitoring ports of
their brokers, and, where a client's configuration is at hand, real discovery pings.
`antiphon check --pre --config gateway.toml` looks at what a gateway would meet, before its first start.

Each check has a stable code. It ends as *good*, as a *warning* (worth a look; fails only with
`--strict`), as a *problem* (exit code 2), or as *unknown*: what it needs was not to be had, and the
result says what.
";

/// The whole page.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for category in CATEGORIES {
        page += &section(category);
    }
    page
}

fn section(category: &Category) -> String {
    let name = category.name;
    let mut capitals = name.chars();
    let first = capitals.next().map(|first| first.to_ascii_uppercase());
    let head: String = first.into_iter().chain(capitals).collect();
    let mut text = format!("\n## {head}\n");
    for check in category.checks() {
        text += &entry(check);
    }
    text
}

fn entry(check: &Check) -> String {
    let mut text = String::new();
    let Check { code, title, meaning, next, .. } = check;
    // Writing to a string cannot fail.
    write!(text, "\n### {code}\n\n**{title}.** Otherwise: {meaning}\n\n*What to do:* {next}\n")
        .unwrap_or_default();
    text
}
