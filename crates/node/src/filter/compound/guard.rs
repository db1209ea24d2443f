//! Which expressions are evaluated at all: the library has no budget of time and memory, and callers write them.
//!
//! Left out is what can grow beyond its own text: ranges, variables (`let`), functions that build texts or lists out
//! of others, and predicates within predicates within predicates. Nesting is bounded, as evaluation is recursive.

/// Names, numbers and signs in one expression.
const TOKENS_MAX: usize = 256;

/// Brackets within brackets.
const DEPTH_MAX: usize = 16;

/// Functions with a predicate in one expression: each may run over a list for each element of another's.
const PREDICATES_MAX: usize = 2;

/// Functions whose result is no larger than what they get.
const FUNCTIONS: [&str; 30] = [
    "with",
    "fact",
    "include",
    "semver",
    "len",
    "lower",
    "upper",
    "trim",
    "trimPrefix",
    "trimSuffix",
    "hasPrefix",
    "hasSuffix",
    "indexOf",
    "lastIndexOf",
    "int",
    "float",
    "string",
    "abs",
    "ceil",
    "floor",
    "round",
    "min",
    "max",
    "first",
    "last",
    "get",
    "keys",
    "values",
    "type",
    "not",
];

/// Functions that take a predicate.
const PREDICATES: [&str; 7] = ["all", "any", "none", "one", "filter", "count", "find"];

/// Operators that are words; a bracket may follow them, too.
const WORDS: [&str; 8] =
    ["and", "or", "in", "matches", "contains", "startsWith", "endsWith", "not"];

/// Whether evaluating the expression costs little, whatever it says.
pub(super) fn is_bounded(expression: &str) -> bool {
    let Some(tokens) = tokens(expression) else { return false };
    tokens.len() <= TOKENS_MAX
        && !tokens.windows(2).any(|pair| matches!(pair, [Token::Sign('.'), Token::Sign('.')]))
        && tokens.iter().all(|token| *token != Token::Word("let"))
        && depth(&tokens) <= DEPTH_MAX
        && calls_are_known(&tokens)
}

/// A part of an expression; texts are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token<'a> {
    /// A name or a number.
    Word(&'a str),
    /// Anything else but white space.
    Sign(char),
}

/// The tokens outside texts; `None` if a text does not end.
fn tokens(expression: &str) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    let mut rest = expression;
    while let Some(c) = rest.chars().next() {
        let length = if matches!(c, '"' | '\'' | '`') {
            text_length(rest, c)?
        } else if is_word(c) {
            let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            tokens.extend(rest.get(..length).map(Token::Word));
            length
        } else {
            tokens.extend((!c.is_whitespace()).then_some(Token::Sign(c)));
            c.len_utf8()
        };
        rest = rest.get(length..)?;
    }
    Some(tokens)
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Length of the text that begins `rest`, with its quotes. In backquotes a backslash means nothing.
fn text_length(rest: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quote != '`' => escaped = true,
            _ if c == quote => return Some(at + c.len_utf8()),
            _ => {}
        }
    }
    None
}

/// How deep brackets are within each other.
fn depth(tokens: &[Token<'_>]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for token in tokens {
        match token {
            Token::Sign('(' | '[' | '{') => depth += 1,
            Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Sign(_) | Token::Word(_) => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Whether only known functions are called, and few of those that run a predicate.
fn calls_are_known(tokens: &[Token<'_>]) -> bool {
    let calls = tokens.windows(2).filter_map(|pair| match pair {
        [Token::Word(name), Token::Sign('(')] => Some(*name),
        _ => None,
    });
    let (predicates, others): (Vec<&str>, Vec<&str>) =
        calls.partition(|name| PREDICATES.contains(name));
    predicates.len() <= PREDICATES_MAX
        && others.iter().all(|name| FUNCTIONS.contains(name) || WORDS.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_is_evaluated() {
        for expression in [
            r#"with("country=mt") && !with("/we..b/")"#,
            r#"fact("os.family") == "Debian" and (fact("mem") > 512 or not ("x" in classes))"#,
            r#"any(classes, {# startsWith "role"}) && len(agents) > 3"#,
            r#"semver(fact("v"), ">= 1.2") || lower(facts.name) matches "^a..z$""#,
        ] {
            assert!(is_bounded(expression), "{expression}");
        }
    }

    #[test]
    fn what_may_grow_is_not() {
        let deep = format!("{}true{}", "(".repeat(100), ")".repeat(100));
        for expression in [
            "len(1..9223372036854775807) > 0",
            r#"len(repeat("a", 1000000)) > 0"#,
            r#"let a = "aaaa"; let b = a + a; len(b) > 0"#,
            "any(classes, {any(classes, {any(classes, {true})})})",
            r#"len(replace("aaa", "a", "bbb")) > 0"#,
            r#"with("unfinished"#,
            &"!".repeat(300),
            &deep,
        ] {
            assert!(!is_bounded(expression), "{expression}");
        }
    }
}
