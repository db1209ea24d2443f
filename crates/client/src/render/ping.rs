//! What `ping` shows.

use std::time::Duration;

use serde_json::json;

use super::duration::whole_ms;

/// One answer to a discovery ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingAnswer {
    /// The node.
    pub sender: String,
    /// From the publication to the answer.
    pub delay: Duration,
}

/// All answers to a discovery ping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PingOutcome {
    /// The answers in order of arrival, copies included.
    pub answers: Vec<PingAnswer>,
    /// From the start of the program to the publication.
    pub overhead: Duration,
}

/// The line of one answer.
pub fn ping_line(answer: &PingAnswer) -> String {
    format!("{:<40} time={} ms\n", answer.sender, whole_ms(answer.delay))
}

/// The statistics after the last answer.
pub fn ping_summary(outcome: &PingOutcome) -> String {
    let delays: Vec<_> = outcome.answers.iter().map(|answer| answer.delay).collect();
    let mut out = String::from("\n---- ping statistics ----\n");
    if let (Some(max), Some(min)) = (delays.iter().max(), delays.iter().min()) {
        let count = u32::try_from(delays.len()).unwrap_or(u32::MAX);
        let average = delays.iter().sum::<Duration>() / count;
        out.push_str(&format!(
            "{} replies max: {}ms min: {}ms avg: {}ms overhead: {}ms\n",
            delays.len(),
            whole_ms(*max),
            whole_ms(*min),
            whole_ms(average),
            whole_ms(outcome.overhead),
        ));
    }
    out
}

/// The same for programs: `replies` of `sender` and `time` in nanoseconds, and their `count`.
///
/// Choria's own `ping` has no such output; the names are those of its other ones.
pub fn ping_json(outcome: &PingOutcome) -> String {
    let replies = outcome
        .answers
        .iter()
        .map(|answer| json!({"sender": answer.sender, "time": nanoseconds(answer.delay)}));
    let value = json!({
        "replies": replies.collect::<Vec<_>>(),
        "count": outcome.answers.len(),
        "overhead": nanoseconds(outcome.overhead),
    });
    super::json::indented(&value, 3)
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_statistics_read_as_in_choria() {
        let answer = |sender: &str, ms| PingAnswer {
            sender: sender.into(),
            delay: Duration::from_millis(ms),
        };
        let outcome = PingOutcome {
            answers: vec![answer("n1.example.net", 30), answer("n2.example.net", 31)],
            overhead: Duration::from_millis(57),
        };
        assert_eq!(
            ping_line(&outcome.answers[0]),
            "n1.example.net                           time=30 ms\n"
        );
        assert_eq!(
            ping_summary(&outcome),
            "\n---- ping statistics ----\n2 replies max: 31ms min: 30ms avg: 31ms overhead: 57ms\n"
        );
        let json: serde_json::Value = serde_json::from_str(&ping_json(&outcome)).unwrap();
        assert_eq!(json["replies"][1]["time"], 31_000_000);
    }
}
