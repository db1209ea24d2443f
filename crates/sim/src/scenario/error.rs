//! What is wrong with a scenario, and where.

use std::ops::Range;

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// What is wrong with a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {what}")]
pub struct ScenarioError {
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, naming the key.
    pub what: String,
}

/// What is wrong with a value, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) span: Range<usize>,
    pub(crate) what: String,
}

impl ScenarioError {
    pub(crate) fn syntax(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        let key = key_at(text, span.start).map(|key| format!("{key}: ")).unwrap_or_default();
        let what = format!("{key}{}", error.message().trim_end());
        Self { file: file.to_owned(), line: line_at(text, &span), what }
    }

    pub(crate) fn fault(file: &str, text: &str, fault: Fault) -> Self {
        Self { file: file.to_owned(), line: line_at(text, &fault.span), what: fault.what }
    }
}

fn line_at(text: &str, span: &Range<usize>) -> usize {
    1 + text.bytes().take(span.start).filter(|byte| *byte == b'\n').count()
}

/// The dotted key whose name or value covers this place in the text.
fn key_at(text: &str, place: usize) -> Option<String> {
    let (root, _) = DeTable::parse_recoverable(text);
    in_table(root.get_ref(), place)
}

/// Looks inside first: the span of a table under a header is only the header.
fn in_table(table: &DeTable<'_>, place: usize) -> Option<String> {
    table.iter().find_map(|(name, value)| {
        let name_here = || name.get_ref().to_string();
        if let Some(inner) = in_value(value, place) {
            return Some(format!("{}.{inner}", name_here()));
        }
        let covered = name.span().contains(&place) || value.span().contains(&place);
        covered.then(name_here)
    })
}

fn in_value(value: &Spanned<DeValue<'_>>, place: usize) -> Option<String> {
    let inside = value.get_ref();
    if let Some(table) = inside.as_table() {
        return in_table(table, place);
    }
    inside.as_array()?.iter().find_map(|one| in_value(one, place))
}

#[cfg(test)]
mod tests {
    use super::super::Scenario;

    const HEAD: &str =
        "about = \"\"\nseeds = [1]\nrun_for = \"60s\"\nregions = { eu = {}, us = {} }\n";

    fn wrong(text: &str) -> String {
        let text = format!("{HEAD}{text}");
        let read = Scenario::parse("a.toml", &text).and_then(|one| one.plan("a.toml", &text));
        read.expect_err("it is wrong").to_string()
    }

    #[test]
    fn every_error_names_file_line_and_key() {
        for (text, wanted) in [
            ("setle = \"5s\"", "a.toml:5: setle: unknown field"),
            ("settle = 5", "a.toml:5: settle: invalid type"),
            ("settle = \"soon\"", "a.toml:5: settle: \"soon\" is no time"),
            ("\n[[step]]\nat = \"5s\"\nkil = [\"eu\"]", "a.toml:8: step.kil: unknown field"),
            ("step = [\n{ at = 7 }]", "a.toml:6: step.at: invalid type"),
            ("[places.x]\nregion = 1", "a.toml:6: places.x.region: invalid type"),
            ("step = [{ at = \"1s\" }]", "a.toml:5: step: nothing happens"),
            ("\nstep = [{ at = \"1s\", kill = [\"mars\"] }]", "a.toml:6: kill: there is no region"),
            ("expect = [{ drops = \"x\" }]", "a.toml:5: expect.drops: there is no reason"),
            ("links = [{ between = [\"eu\"] }]", "a.toml:5: links.between: two names"),
            ("a = [", "a.toml:5: "),
        ] {
            let error = wrong(text);
            assert!(error.starts_with(wanted), "{error:?} does not begin with {wanted:?}");
        }
    }

    #[test]
    fn what_would_come_after_the_end_is_refused() {
        let both = "[\"eu\", \"us\"]";
        for (text, wanted) in [
            (format!("step = [{{ at = \"60s\", partition = {both} }}]"), "step.at: 1m"),
            (format!("expect = [{{ by = \"60s\", reachable = {both} }}]"), "expect.by: 1m"),
            (format!("expect = [{{ by = \"61s\", unreachable = {both} }}]"), "expect.by: 1m1s"),
            (format!("expect = [{{ by = \"60s\", ready = {both} }}]"), "expect.by: 1m"),
            (format!("expect = [{{ by = \"60s\", unready = {both} }}]"), "expect.by: 1m"),
            ("expect = [{ complete = [\"60s\", \"70s\"] }]".to_owned(), "expect.complete: 1m"),
            ("expect = [{ strays = [\"60s\", \"70s\"] }]".to_owned(), "expect.strays: 1m"),
        ] {
            let wanted = format!("a.toml:5: {wanted} is not before the end, run_for = 1m");
            assert_eq!(wrong(&text), wanted, "{text}");
        }
    }

    #[test]
    fn what_does_not_last_has_no_length() {
        for verb in [
            "heal = [\"eu\", \"us\"]",
            "reset = [\"eu\", \"us\"]",
            "shape = { between = [\"eu\", \"us\"], loss = 0.1 }",
            "start = [\"eu\"]",
            "rolling_restart = [\"eu\"]",
            "garbage = [\"eu\"]",
            "slow_consumer = [\"eu\"]",
            "move = { nodes = [\"n1.eu.example.net\"], to = \"us\" }",
            "forge = { of = [\"eu\"], gateway = \"b\", region = \"us\", endpoint = \"b:7440\" }",
            "readdress = [\"eu\"]",
            "resume = { by = \"eu\", collective = \"mcollective\" }",
            "link_up = { by = \"eu\", with = \"us\" }",
        ] {
            let name = verb.split(' ').next().unwrap();
            let wanted = format!("a.toml:5: step.for: {name} does not last");
            let text = format!("step = [{{ at = \"1s\", for = \"5s\", {verb} }}]");
            assert_eq!(wrong(&text), wanted);
        }
    }
}
