//! The distribution of a fact's values, as `choria facts` shows it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::results::RpcReply;
use crate::text::{clean, column};

/// Who has one value of the fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct FactCount {
    /// How many nodes have it.
    pub count: usize,
    /// Their names, sorted.
    pub identities: Vec<String>,
}

/// Counts the values in the good replies of `rpcutil get_fact`; a fact that a node lacks counts as `nil`.
pub fn tally(replies: &[RpcReply]) -> BTreeMap<String, FactCount> {
    let mut counts = BTreeMap::<String, FactCount>::new();
    for reply in replies.iter().filter(|reply| reply.status.is_ok()) {
        let value = match reply.data.get("value") {
            None | Some(Value::Null) => "nil".to_owned(),
            Some(Value::String(text)) => clean(text).into_owned(),
            Some(other) => other.to_string(),
        };
        let count = counts.entry(value).or_default();
        count.count += 1;
        count.identities.push(reply.sender.clone());
        count.identities.sort();
    }
    counts
}

/// The report for people: rarest value first, or last if `reverse`; with the nodes' names if `nodes`.
pub fn facts_text(
    fact: &str,
    counts: &BTreeMap<String, FactCount>,
    nodes: bool,
    reverse: bool,
) -> String {
    let width = column(counts.keys());
    let mut rows: Vec<_> = counts.iter().collect();
    rows.sort_by(|(_, a), (_, b)| match a.count.cmp(&b.count) {
        order if reverse => order.reverse(),
        order => order,
    });
    let mut out = format!("Report for fact: {fact}\n\n");
    for (value, count) in rows {
        out.push_str(&format!("  {value:<width$} found {} times\n", count.count));
        if nodes {
            let names: String = count.identities.iter().map(|n| format!("    {n}\n")).collect();
            out.push_str(&format!("\n{names}\n"));
        }
    }
    out.push('\n');
    out
}

/// The same for programs: `{"<value>": {"count", "identities"}}`, indented by two.
pub fn facts_json(counts: &BTreeMap<String, FactCount>) -> String {
    super::json::indented(counts, 2)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::results::Status;

    fn reply(sender: &str, status: u8, value: Value) -> RpcReply {
        RpcReply {
            sender: sender.into(),
            action: "get_fact".into(),
            status: Status(status),
            message: "OK".into(),
            data: [("value".to_owned(), value)].into_iter().collect(),
            time: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn values_are_counted_and_shown_rarest_first() {
        let counts = tally(&[
            reply("n2", 0, json!("mt")),
            reply("n1", 0, json!("mt")),
            reply("n3", 0, json!(null)),
            reply("n4", 1, json!("mt")),
        ]);
        assert_eq!(
            facts_text("country", &counts, false, false),
            "Report for fact: country\n\n  nil found 1 times\n  mt  found 2 times\n\n"
        );
        assert_eq!(
            facts_text("country", &counts, true, true),
            "Report for fact: country\n\n  mt  found 2 times\n\n    n1\n    n2\n\n  nil found 1 times\n\n    n3\n\n\n"
        );
        let json: Value = serde_json::from_str(&facts_json(&counts)).unwrap();
        assert_eq!(
            json,
            json!({"mt": {"count": 2, "identities": ["n1", "n2"]},
            "nil": {"count": 1, "identities": ["n3"]}})
        );
    }
}
