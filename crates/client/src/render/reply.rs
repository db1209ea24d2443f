//! Replies and summaries as `choria req` shows them.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::pretty::pretty;
use super::style::Style;
use crate::aggregate::summarise;
use crate::ddl::{Action, Display};
use crate::results::{Results, RpcReply, Status};
use crate::text::{clean, column};

/// Which replies are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// As the action's description says.
    #[default]
    Described,
    /// Good ones.
    Ok,
    /// Failures.
    Failed,
    /// All.
    All,
    /// None.
    None,
}

impl Show {
    fn shows(self, action: &Action, status: Status) -> bool {
        let wanted = match (self, action.display) {
            (Self::Described, Display::Ok) | (Self::Ok, _) => Some(true),
            (Self::Described, Display::Failed) | (Self::Failed, _) => Some(false),
            (Self::Described, Display::Always) | (Self::All, _) => None,
            (Self::None, _) => return false,
        };
        wanted.is_none_or(|ok| ok == status.is_ok())
    }
}

/// The replies that are to be shown, failures first, else in order of arrival. `verbose` shows the data as it came.
pub fn replies(
    results: &Results,
    action: &Action,
    show: Show,
    verbose: bool,
    style: Style,
) -> String {
    let (good, failed): (Vec<_>, Vec<_>) =
        results.replies.iter().partition(|reply| reply.status.is_ok());
    let shown = failed.into_iter().chain(good).filter(|reply| show.shows(action, reply.status));
    let mut out = String::new();
    for reply in shown {
        out.push_str(&header(reply, style));
        if verbose {
            let data = Value::Object(reply.data.clone());
            out.push_str(&format!("   {}\n\n", pretty(&data, 3)));
        } else if reply.status.is_ok() {
            out.push_str(&outputs(reply, action));
        } else {
            out.push_str(&format!("    {}\n\n", style.yellow(&reply.message)));
        }
    }
    out
}

/// The names of the nodes whose replies are to be shown, one per line; once each, where the first reply stands.
pub fn senders(results: &Results, action: &Action, show: Show) -> String {
    let mut seen = BTreeSet::new();
    let shown = results.replies.iter().filter(|reply| show.shows(action, reply.status));
    let first = shown.filter(|reply| seen.insert(reply.sender.as_str()));
    first.map(|reply| format!("{}\n", reply.sender)).collect()
}

fn header(reply: &RpcReply, style: Style) -> String {
    let text = reply.status.text();
    let text = match reply.status.0 {
        1 | 5.. => style.red(text),
        _ => style.yellow(text),
    };
    format!("{}\n", format!("{:<40} {text}", reply.sender).trim_end())
}

/// One right-aligned `heading: value` line per output, in the order of the outputs' names.
fn outputs(reply: &RpcReply, action: &Action) -> String {
    let mut data: Map<String, Value> = reply.data.clone();
    action.fill_in_outputs(&mut data);
    // A node names its outputs as it likes.
    let heading = |name: &str| clean(action.heading(name)).into_owned();
    let width = column(data.keys().map(|name| heading(name))) + 3;
    let mut names: Vec<_> = data.iter().collect();
    names.sort_by_key(|(name, _)| *name);
    let mut out = String::new();
    for (name, value) in names {
        let line = format!("{:>width$}: {}", heading(name), text(value, width + 2));
        out.push_str(line.trim_end());
        out.push('\n');
        if value.is_array() || value.is_object() {
            out.push('\n');
        }
    }
    out.push('\n');
    out
}

fn text(value: &Value, prefix: usize) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => clean(text).into_owned(),
        Value::Array(_) | Value::Object(_) => pretty(value, prefix),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A block per summed-up output, in the order of the outputs' names.
pub fn summaries(results: &Results, action: &Action, style: Style) -> String {
    let mut out = String::new();
    for (output, summary) in summarise(action, &results.replies) {
        let title = format!("Summary of {}:", action.heading(&output));
        out.push_str(&format!("{}\n\n", style.bright(&title)));
        let lines = summary.lines();
        if lines.is_empty() {
            out.push_str(&format!("   {}\n", style.yellow("No summary received")));
        }
        for line in lines {
            let indent = if line.contains('\n') { "" } else { "   " };
            out.push_str(&format!("{indent}{line}\n"));
        }
        out.push('\n');
    }
    out
}
