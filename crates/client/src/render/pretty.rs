//! Structured values inside a text: objects one member a line, lists on one line where they fit.

use serde_json::Value;

/// Lists that would pass this column are broken up.
const WIDTH: usize = 80;
const INDENT: &str = "   ";

/// Writes `value`; every line but the first begins with `prefix` spaces. Members are in the order of their names.
pub(super) fn pretty(value: &Value, prefix: usize) -> String {
    let mut out = Writer { text: String::new(), prefix, column: prefix };
    out.value(value, 0);
    out.text
}

struct Writer {
    text: String,
    prefix: usize,
    /// Where the next character goes, in characters.
    column: usize,
}

impl Writer {
    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Array(items) => match one_line(value) {
                Some(line) if self.column + line.chars().count() <= WIDTH => self.push(&line),
                _ => self.block('[', ']', items.len(), depth, |out, index| {
                    if let Some(item) = items.get(index) {
                        out.value(item, depth + 1);
                    }
                }),
            },
            Value::Object(members) => {
                let members: std::collections::BTreeMap<_, _> = members.iter().collect();
                let members: Vec<_> = members.into_iter().collect();
                self.block('{', '}', members.len(), depth, |out, index| {
                    if let Some((key, member)) = members.get(index) {
                        out.push(&format!("{}: ", Value::from(key.as_str())));
                        out.value(member, depth + 1);
                    }
                });
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                self.push(&value.to_string());
            }
        }
    }

    fn block(
        &mut self,
        open: char,
        close: char,
        len: usize,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize),
    ) {
        self.push(&open.to_string());
        for index in 0..len {
            self.line(depth + 1);
            item(self, index);
            if index + 1 < len {
                self.push(",");
            }
        }
        if len > 0 {
            self.line(depth);
        }
        self.push(&close.to_string());
    }

    fn line(&mut self, depth: usize) {
        self.text.push('\n');
        self.column = 0;
        self.push(&" ".repeat(self.prefix));
        self.push(&INDENT.repeat(depth));
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.chars().count();
    }
}

/// A list on one line; `None` if it holds an object.
fn one_line(value: &Value) -> Option<String> {
    match value {
        Value::Array(items) => {
            let items: Option<Vec<_>> = items.iter().map(one_line).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Object(_) => None,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            Some(value.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn short_lists_take_one_line_and_objects_many() {
        assert_eq!(pretty(&json!([1, "a", []]), 5), "[1, \"a\", []]");
        assert_eq!(
            pretty(&json!({"b": {}, "a": [true]}), 2),
            "{\n     \"a\": [true],\n     \"b\": {}\n  }"
        );
        assert_eq!(pretty(&json!([{"a": 1}]), 0), "[\n   {\n      \"a\": 1\n   }\n]");
    }

    #[test]
    fn long_lists_are_broken_up() {
        let items = vec!["x".repeat(30); 3];
        let text = pretty(&json!(items), 0);
        assert_eq!(text.lines().count(), 5);
        assert_eq!(pretty(&json!([items[0], items[0]]), 20).lines().count(), 4);
    }
}
