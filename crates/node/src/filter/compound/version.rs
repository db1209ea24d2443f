//! Version constraints as Choria's users write them (Masterminds `semver`), judged by the `semver` crate.
//!
//! Alternatives are separated by `||`, conditions by commas or spaces. `=`, `!=`, `<`, `<=`, `>`, `>=`, `~`, `^` and
//! `*` mean the same in both; a bare version means itself here, not "compatible with". Ranges with a hyphen are not
//! known.

use semver::{Comparator, Op, Version, VersionReq};

/// Whether `version` is within `constraint`; `None` if either cannot be read.
pub(super) fn satisfies(version: &str, constraint: &str) -> Option<bool> {
    let version = lenient_version(version)?;
    let mut any = false;
    for alternative in constraint.split("||") {
        any |= all_hold(&version, alternative)?;
    }
    Some(any)
}

fn all_hold(version: &Version, conditions: &str) -> Option<bool> {
    let mut all = true;
    for condition in join_operators(conditions).split([',', ' ']).filter(|part| !part.is_empty()) {
        all &= holds(version, condition)?;
    }
    Some(all)
}

/// `>= 1.0` and `>=1.0` are the same: white space after an operator goes.
fn join_operators(conditions: &str) -> String {
    let mut joined = String::with_capacity(conditions.len());
    for c in conditions.chars() {
        if !(c == ' ' && joined.ends_with(['<', '>', '=', '!', '~', '^'])) {
            joined.push(c);
        }
    }
    joined
}

fn holds(version: &Version, condition: &str) -> Option<bool> {
    if let Some(other) = condition.strip_prefix("!=") {
        return holds(version, other).map(|equal| !equal);
    }
    let written = condition.replace(['x', 'X'], "*");
    let written = written.replacen(['v'], "", 1);
    let bare = written.starts_with(|c: char| c.is_ascii_digit());
    if bare && !written.contains('*') {
        let exact: Comparator = format!("={written}").parse().ok()?;
        debug_assert_eq!(exact.op, Op::Exact);
        return Some(exact.matches(version));
    }
    let requirement: VersionReq = written.parse().ok()?;
    Some(requirement.matches(version))
}

/// Reads `1`, `1.2` and `v1.2.3` as well.
fn lenient_version(text: &str) -> Option<Version> {
    let text = text.trim().trim_start_matches('v');
    let end = text.find(['-', '+']).unwrap_or(text.len());
    let (numbers, suffix) = text.split_at_checked(end)?;
    let missing = match numbers.split('.').count() {
        1 => ".0.0",
        2 => ".0",
        _ => "",
    };
    Version::parse(&format!("{numbers}{missing}{suffix}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_read_as_people_write_them() {
        for (version, constraint, within) in [
            ("1.2.3", ">= 1.2, < 2", true),
            ("1.2.3", ">=1.3", false),
            ("1.2.3", "1.2.3", true),
            ("1.2.4", "1.2.3", false),
            ("1.2.3", "!=1.2.3", false),
            ("1.2.9", "~1.2", true),
            ("1.9.0", "^1.2", true),
            ("v1.2", "1.x", true),
            ("3.0.0", "< 2 || >= 3", true),
        ] {
            assert_eq!(satisfies(version, constraint), Some(within), "{version} {constraint}");
        }
    }

    #[test]
    fn nonsense_is_neither_within_nor_without() {
        assert_eq!(satisfies("one", ">1"), None);
        assert_eq!(satisfies("1.0.0", ">>1"), None);
    }
}
