//! Answers as JUnit XML, which every CI system shows: one suite a category, one case a check.

use std::fmt::Write;

use super::{Answer, CATEGORIES, State, show::Checked, show::next_of};

/// The document. A warning fails its case only where the caller is strict.
#[must_use]
pub fn document(checked: &Checked, strict: bool) -> String {
    let mut suites = String::new();
    for category in CATEGORIES {
        let of = |answer: &&Answer| answer.check.category() == category.name;
        let answers: Vec<&Answer> = checked.answers.iter().filter(of).collect();
        if !answers.is_empty() {
            suites += &suite(category.name, &answers, strict);
        }
    }
    let all: Vec<&Answer> = checked.answers.iter().collect();
    let counts = counts(&all, strict);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"antiphon check\" {counts}>\n{suites}</testsuites>\n"
    )
}

fn suite(name: &str, answers: &[&Answer], strict: bool) -> String {
    let counts = counts(answers, strict);
    let cases: String = answers.iter().map(|answer| case(name, answer, strict)).collect();
    format!("  <testsuite name=\"{}\" {counts}>\n{cases}  </testsuite>\n", escaped(name))
}

fn counts(answers: &[&Answer], strict: bool) -> String {
    let count = |of: fn(State, bool) -> bool| {
        answers.iter().filter(|answer| of(answer.outcome.state(), strict)).count()
    };
    let skipped = count(|state, _| state == State::Unknown);
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{skipped}\"",
        answers.len(),
        count(fails)
    )
}

fn fails(state: State, strict: bool) -> bool {
    state == State::Problem || (strict && state == State::Warning)
}

fn case(suite: &str, answer: &Answer, strict: bool) -> String {
    let (check, outcome) = (answer.check, &answer.outcome);
    let name = escaped(&format!("{} {}", check.code, check.title));
    let class = escaped(&format!("antiphon.check.{}", suite.replace(' ', "-")));
    let line = escaped(&outcome.line());
    let details = escaped(&details(answer));
    let inside = match outcome.state() {
        State::Good => format!("<system-out>{line}</system-out>"),
        State::Unknown => format!("<skipped message=\"{line}\"/>"),
        state if fails(state, strict) => {
            let kind = state.label();
            format!("<failure message=\"{line}\" type=\"{kind}\">{details}</failure>")
        }
        State::Warning | State::Problem => format!("<system-out>warning: {details}</system-out>"),
    };
    format!("    <testcase classname=\"{class}\" name=\"{name}\">{inside}</testcase>\n")
}

fn details(answer: &Answer) -> String {
    let mut text = String::new();
    for finding in &answer.outcome.findings {
        let next = next_of(answer, finding.next.as_deref());
        // Writing to a string cannot fail.
        writeln!(text, "{}\n  -> {next}", finding.text).unwrap_or_default();
    }
    text + &answer.check.anchor()
}

/// A text inside XML 1.0, in an attribute or outside: characters that it cannot hold are replaced.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' => safe.push_str("&#10;"),
            control if control.is_control() => safe.push('\u{fffd}'),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            plain => safe.push(plain),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_others_can_break_the_document() {
        let text = "a\"<b>&\u{1b}[2J\n'\u{ffff}";
        assert_eq!(escaped(text), "a&quot;&lt;b&gt;&amp;\u{fffd}[2J&#10;'\u{fffd}");
    }
}
