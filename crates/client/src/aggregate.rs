//! Summing up one output over all replies: `summary`, `boolean_summary`, `average` and `chart`.

mod chart;
mod printf;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::ddl::{Action, Aggregate};
use crate::results::RpcReply;
use crate::text::clean;

/// The summary of one output.
#[derive(Clone, Debug, PartialEq)]
pub enum Summary {
    /// How often each value was seen.
    Counts {
        /// Counts by value.
        counts: BTreeMap<String, u64>,
        /// How to print a value and its count, in the manner of C.
        format: Option<String>,
    },
    /// The mean of all values that are numbers.
    Average {
        /// Their sum.
        sum: f64,
        /// How many there were.
        count: u32,
        /// How to print the mean, in the manner of C.
        format: Option<String>,
    },
    /// A line through the values, in order of arrival.
    Chart {
        /// The values that are numbers.
        values: Vec<f64>,
    },
}

/// Sums up the good replies of an action: summaries by output. Functions that are not known are passed over.
pub fn summarise(action: &Action, replies: &[RpcReply]) -> BTreeMap<String, Summary> {
    let mut summaries = BTreeMap::new();
    for aggregate in &action.aggregate {
        let Some((output, mut summary)) = Summary::new(aggregate) else { continue };
        for reply in replies.iter().filter(|reply| reply.status.is_ok()) {
            let default = action.output.get(output).and_then(|output| output.default.as_ref());
            let default = default.filter(|value| !value.is_null());
            match reply.data.get(output).or(default) {
                Some(Value::Array(values)) => {
                    values.iter().for_each(|value| summary.add(value, aggregate));
                }
                Some(value) => summary.add(value, aggregate),
                None => {}
            }
        }
        summaries.insert(output.to_owned(), summary);
    }
    summaries
}

impl Summary {
    fn new(aggregate: &Aggregate) -> Option<(&str, Self)> {
        let output = aggregate.args.first()?.as_str()?;
        let format = option(aggregate, "format").map(str::to_owned);
        let summary = match aggregate.function.as_str() {
            "summary" | "boolean_summary" => Self::Counts { counts: BTreeMap::new(), format },
            "average" => Self::Average { sum: 0.0, count: 0, format },
            "chart" => Self::Chart { values: Vec::new() },
            _ => return None,
        };
        Some((output, summary))
    }

    fn add(&mut self, value: &Value, aggregate: &Aggregate) {
        match self {
            Self::Counts { counts, .. } => {
                let text = plain(value);
                let text = option(aggregate, &text).map(str::to_owned).unwrap_or(text);
                *counts.entry(text).or_default() += 1;
            }
            Self::Average { sum, count, .. } => {
                if let Some(number) = number(value) {
                    *sum += number;
                    *count += 1;
                }
            }
            Self::Chart { values } => values.extend(number(value)),
        }
    }

    /// The lines that a person reads; none if there was nothing to sum up. A chart is one text of many lines.
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Counts { counts, format } => {
                let width = counts.keys().map(|value| value.chars().count()).max().unwrap_or(0);
                let default = format!("%{width}s: %d");
                let format = format.as_deref().unwrap_or(&default);
                let mut rows: Vec<_> = counts.iter().collect();
                rows.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
                let row = |(value, count): (&String, &u64)| {
                    printf::print(format, &[value.clone(), count.to_string()])
                };
                rows.into_iter().map(row).collect()
            }
            Self::Average { count: 0, .. } => Vec::new(),
            Self::Average { sum, count, format } => {
                let format = format.as_deref().unwrap_or("Average: %.3f");
                vec![printf::print(format, &[(sum / f64::from(*count)).to_string()])]
            }
            Self::Chart { values } if values.is_empty() => Vec::new(),
            Self::Chart { values } => vec![chart::plot(values)],
        }
    }

    /// The value that a program reads.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Counts { counts, .. } => {
                let counts = counts.iter().map(|(value, count)| (value.clone(), json!(count)));
                Value::Object(counts.collect::<Map<_, _>>())
            }
            Self::Average { count: 0, .. } => json!({ "average": null }),
            Self::Average { sum, count, .. } => json!({ "average": sum / f64::from(*count) }),
            Self::Chart { values } => json!({ "chart": chart::plot(values) }),
        }
    }
}

/// A text option of an aggregate: `format`, or the words for a value.
fn option<'a>(aggregate: &'a Aggregate, key: &str) -> Option<&'a str> {
    aggregate.args.get(1)?.as_object()?.get(key)?.as_str()
}

/// A value as people write it.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| clean(text).into_owned())
}

fn number(value: &Value) -> Option<f64> {
    value.as_str().map_or_else(|| value.as_f64(), |text| text.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::results::Status;

    fn summary(aggregate: Value, values: &[Value]) -> Summary {
        let action = json!({"action": "a", "aggregate": [aggregate]});
        let action: Action = serde_json::from_value(action).unwrap();
        let replies: Vec<_> = values.iter().map(|value| reply(Status::OK, value)).collect();
        summarise(&action, &replies).remove("x").unwrap()
    }

    fn reply(status: Status, value: &Value) -> RpcReply {
        RpcReply {
            sender: "n1".into(),
            action: "a".into(),
            status,
            message: String::new(),
            data: [("x".to_owned(), value.clone())].into_iter().collect(),
            time: SystemTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_summary_counts_values_most_frequent_first() {
        let values = [json!("short"), json!("longer"), json!("longer"), json!(["short", "longer"])];
        let summary = summary(json!({"function": "summary", "args": ["x"]}), &values);
        assert_eq!(summary.lines(), ["longer: 3", " short: 2"]);
        assert_eq!(summary.to_json(), json!({"longer": 3, "short": 2}));
    }

    #[test]
    fn a_boolean_summary_uses_the_words_it_is_given() {
        let aggregate = json!({"function": "boolean_summary",
            "args": ["x", {"true": "enabled", "format": "%-9s= %d nodes"}]});
        let summary = summary(aggregate, &[json!(true), json!(true), json!(false)]);
        assert_eq!(summary.lines(), ["enabled  = 2 nodes", "false    = 1 nodes"]);
    }

    #[test]
    fn an_average_takes_numbers_and_texts_of_numbers() {
        let average =
            |values: &[Value]| summary(json!({"function": "average", "args": ["x"]}), values);
        assert_eq!(average(&[json!(1), json!("2.5"), json!("many")]).lines(), ["Average: 1.750"]);
        assert!(average(&[]).lines().is_empty());
    }

    #[test]
    fn failed_replies_and_unknown_functions_are_passed_over() {
        let action = json!({"action": "a", "aggregate": [
            {"function": "summary", "args": ["x"]}, {"function": "nosuch", "args": ["y"]}]});
        let action: Action = serde_json::from_value(action).unwrap();
        let summaries = summarise(&action, &[reply(Status(1), &json!("v"))]);
        assert_eq!(summaries.len(), 1);
        assert!(summaries["x"].lines().is_empty());
    }
}
