//! Errors on one line.

use std::error::Error;

/// An error and what caused it, on one line: `attempt: reason: deeper reason`.
pub fn one_line(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        text.push_str(": ");
        text.push_str(&source.to_string());
        next = source.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_on_the_same_line() {
        let cause = std::io::Error::other("deep\n  down");
        let error = crate::ddl::DdlError::Read { path: "a.json".into(), source: cause };
        assert_eq!(one_line(&error), "cannot read the DDL a.json: deep down");
    }
}
