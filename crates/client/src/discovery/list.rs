//! Lists of nodes: text, JSON, YAML, or what `req -o json` printed.

use std::path::{Path, PathBuf};

use antiphon_wire::{IdError, Identity};
use serde::Deserialize;

use super::Discovered;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListFormat {
    /// One identity a line; empty lines and `#` comments are passed over.
    Text,
    /// A list of texts.
    Json,
    /// A list of scalars, one `- name` a line.
    Yaml,
    /// The JSON of a request's results: the nodes that answered well.
    Results,
    /// Whatever it looks like: results, a JSON list or text.
    Guess,
}

/// Why a list is of no use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// It is not of its format.
    #[error("node list {}: {detail}", path.display())]
    Malformed {
        /// Where it is from.
        path: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// No node can have this name.
    #[error("node list {}", path.display())]
    Identity {
        /// Where it is from.
        path: PathBuf,
        /// The name, and the rule it breaks.
        source: IdError,
    },
}

#[derive(Deserialize)]
struct Results {
    replies: Vec<Reply>,
}

#[derive(Deserialize)]
struct Reply {
    sender: String,
    #[serde(default)]
    statuscode: u8,
}

impl ListFormat {
    /// The format that a file's name promises.
    pub fn of_file(path: &Path) -> Self {
        match path.extension().and_then(|end| end.to_str()) {
            Some("json") => Self::Json,
            Some("yaml" | "yml") => Self::Yaml,
            _ => Self::Text,
        }
    }
}

/// Reads a list; `origin` is for messages.
///
/// # Errors
/// [`ListError`].
pub fn parse_list(text: &str, format: ListFormat, origin: &Path) -> Result<Discovered, ListError> {
    let json = |detail: serde_json::Error| malformed(origin, detail.to_string());
    let names: Vec<String> = match format {
        ListFormat::Guess => return parse_list(text, guess(text), origin),
        ListFormat::Text => text.lines().map(without_comment).collect(),
        ListFormat::Json => serde_json::from_str(text).map_err(json)?,
        ListFormat::Yaml => yaml(text).map_err(|detail| malformed(origin, detail))?,
        ListFormat::Results => {
            let results: Results = serde_json::from_str(text).map_err(json)?;
            let good = results.replies.into_iter().filter(|reply| reply.statuscode == 0);
            good.map(|reply| reply.sender).collect()
        }
    };
    let mut discovered = Discovered::default();
    for name in names.into_iter().filter(|name| !name.is_empty()) {
        let node = Identity::try_from(name)
            .map_err(|source| ListError::Identity { path: origin.to_owned(), source })?;
        discovered.add(node);
    }
    Ok(discovered)
}

fn guess(text: &str) -> ListFormat {
    match text.trim_start().chars().next() {
        Some('{') => ListFormat::Results,
        Some('[') => ListFormat::Json,
        _ => ListFormat::Text,
    }
}

fn without_comment(line: &str) -> String {
    line.split('#').next().unwrap_or_default().trim().to_owned()
}

/// The little of YAML that a list of names needs.
fn yaml(text: &str) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = without_comment(line);
        match line.as_str() {
            "" | "---" | "..." => continue,
            line => match line.strip_prefix("- ") {
                Some(name) => names.push(name.trim().trim_matches(['"', '\'']).to_owned()),
                None => return Err(format!("line {} is not \"- name\"", index + 1)),
            },
        }
    }
    Ok(names)
}

fn malformed(path: &Path, detail: String) -> ListError {
    ListError::Malformed { path: path.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, format: ListFormat) -> Result<Vec<String>, String> {
        let list = parse_list(text, format, Path::new("nodes"));
        list.map(|list| list.nodes.iter().map(ToString::to_string).collect())
            .map_err(|error| crate::one_line(&error))
    }

    #[test]
    fn every_format_names_the_same_nodes() {
        for (text, format) in [
            ("n1.example.net\n\n# no\n n2 # yes\n", ListFormat::Text),
            ("[\"n1.example.net\", \"n2\"]", ListFormat::Json),
            ("---\n- n1.example.net\n- \"n2\"\n", ListFormat::Yaml),
            (
                "{\"replies\":[{\"sender\":\"n1.example.net\",\"statuscode\":0},{\"sender\":\"bad\",\"statuscode\":1},\
                 {\"sender\":\"n2\",\"statuscode\":0}]}",
                ListFormat::Guess,
            ),
            (" [\"n1.example.net\", \"n2\"]", ListFormat::Guess),
            ("n1.example.net\nn2", ListFormat::Guess),
        ] {
            assert_eq!(names(text, format).unwrap(), ["n1.example.net", "n2"], "{text}");
        }
    }

    #[test]
    fn a_bad_list_names_its_origin_and_the_trouble() {
        let error = names("n1\nn 2", ListFormat::Text).unwrap_err();
        assert!(error.starts_with("node list nodes: \"n 2\" is not an identity"), "{error}");
        let error = names("a: b", ListFormat::Yaml).unwrap_err();
        assert_eq!(error, "node list nodes: line 1 is not \"- name\"");
        assert!(names("{", ListFormat::Json).is_err());
    }

    #[test]
    fn a_node_that_is_listed_twice_is_found_once() {
        let list = parse_list("n1\nn1\n", ListFormat::Text, Path::new("nodes")).unwrap();
        assert_eq!((list.nodes.len(), list.copies.len()), (1, 1));
    }
}
