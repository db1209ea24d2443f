//! What the doctor says, for people and for programs.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};

use super::{
    Answer, State,
    facts::{Pair, Proof},
};
use crate::{
    human,
    noun::{finding::Severity, millis},
    render,
    screen::Screen,
    table::{Cell, Column, Table, Tone},
};

/// Answers, and what they are about.
#[derive(Clone, Debug)]
pub struct Checked {
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// The fabric.
    pub fabric: String,
    /// The region of the gateway that was asked, or is to start.
    pub region: String,
    /// Its name.
    pub gateway: String,
    /// Whether this is before the first start.
    pub before: bool,
    /// Gateways that were to answer; why, for those that did not.
    pub asked: BTreeMap<String, Option<String>>,
    /// How each pair of regions was proven.
    pub pairs: Vec<Pair>,
    /// The answers.
    pub answers: Vec<Answer>,
}

impl Checked {
    /// How many answers there are of a state.
    #[must_use]
    pub fn count(&self, state: State) -> u64 {
        self.answers.iter().filter(|answer| answer.outcome.state() == state).count() as u64
    }

    /// The last line: how many are how.
    #[must_use]
    pub fn summary(&self) -> String {
        let count = |state, word: &str| human::count(self.count(state), word);
        format!(
            "{}: {} good, {} unknown, {}, {}\n",
            human::count(self.answers.len() as u64, "check"),
            self.count(State::Good),
            self.count(State::Unknown),
            count(State::Warning, "warning"),
            count(State::Problem, "problem"),
        )
    }

    /// Every check, one line or more, what to do about it, and the summary.
    #[must_use]
    pub fn table(&self, screen: Screen) -> String {
        let columns = vec![Column::words("CHECK"), Column::words("STATE"), Column::words("RESULT")];
        let mut table = Table::new(columns);
        table.rows = self.answers.iter().flat_map(rows).collect();
        format!("{}\n{}", render::table(&table, screen), self.summary())
    }

    /// What is wrong, one line each, and the summary.
    #[must_use]
    pub fn short(&self) -> String {
        let mut text = String::new();
        for answer in &self.answers {
            for finding in &answer.outcome.findings {
                let (code, next) = (answer.check.code, next_of(answer, finding.next.as_deref()));
                let state = state_of(finding.severity).label();
                let line = Cell::from(format!("{code} {state}: {} -> {next}", finding.text));
                text += &format!("{}\n", line.text);
            }
        }
        text + &self.summary()
    }

    /// The document `antiphon.check.v1`.
    #[must_use]
    pub fn json(&self) -> Value {
        let asked = self.asked.iter().map(|(gateway, error)| {
            json!({ "gateway": gateway, "answered": error.is_none(), "error": error })
        });
        json!({
            "schema": "antiphon.check.v1",
            "at": human::moment(self.at),
            "fabric": self.fabric,
            "region": self.region,
            "gateway": self.gateway,
            "before_start": self.before,
            "verdict": self.verdict().label(),
            "good": self.count(State::Good),
            "unknown": self.count(State::Unknown),
            "warnings": self.count(State::Warning),
            "problems": self.count(State::Problem),
            "asked": asked.collect::<Vec<_>>(),
            "pairs": self.pairs.iter().map(pair_value).collect::<Vec<_>>(),
            "checks": self.answers.iter().map(answer_value).collect::<Vec<_>>(),
        })
    }

    /// The worst of all; what is unknown does not count.
    fn verdict(&self) -> State {
        let states = self.answers.iter().map(|answer| answer.outcome.state());
        states.filter(|state| *state != State::Unknown).max().unwrap_or(State::Good)
    }
}

/// What to do: as the finding says, or as the check does.
pub(super) fn next_of<'a>(answer: &'a Answer, next: Option<&'a str>) -> &'a str {
    next.unwrap_or(answer.check.next)
}

fn state_of(severity: Severity) -> State {
    match severity {
        Severity::Warning => State::Warning,
        Severity::Problem => State::Problem,
    }
}

fn cell(state: State) -> Cell {
    Cell::from(state.label()).tone(match state {
        State::Good => Tone::Good,
        State::Unknown => Tone::Plain,
        State::Warning => Tone::Warning,
        State::Problem => Tone::Problem,
    })
}

/// One row for what is good or unknown; else for each finding one, and one for what to do.
fn rows(answer: &Answer) -> Vec<Vec<Cell>> {
    let (check, outcome) = (answer.check, &answer.outcome);
    if outcome.findings.is_empty() {
        let line = format!("{}: {}", check.title, outcome.line());
        return vec![vec![check.code.into(), cell(outcome.state()), line.into()]];
    }
    let mut rows = Vec::new();
    let mut said = None;
    for finding in &outcome.findings {
        let state = cell(state_of(finding.severity));
        rows.push(vec![check.code.into(), state, finding.text.clone().into()]);
        let next = next_of(answer, finding.next.as_deref());
        if said != Some(next) && finding.next.is_some() {
            rows.push(vec!["".into(), "".into(), format!("-> {next}").into()]);
            said = Some(next);
        }
    }
    if said.is_none() {
        rows.push(vec!["".into(), "".into(), format!("-> {}", check.next).into()]);
    }
    rows.push(vec!["".into(), "".into(), format!("   {}", check.anchor()).into()]);
    rows
}

fn answer_value(answer: &Answer) -> Value {
    let (check, outcome) = (answer.check, &answer.outcome);
    let findings = outcome.findings.iter().map(|finding| {
        json!({
            "severity": finding.severity,
            "text": finding.text,
            "next": next_of(answer, finding.next.as_deref()),
        })
    });
    json!({
        "code": check.code,
        "category": check.category(),
        "title": check.title,
        "state": outcome.state().label(),
        "result": outcome.line(),
        "findings": findings.collect::<Vec<_>>(),
        "anchor": check.anchor(),
    })
}

fn pair_value(pair: &Pair) -> Value {
    let mut value = Map::new();
    let mut put = |key: &str, field| value.insert(key.to_owned(), field);
    put("from", json!(pair.from));
    put("to", json!(pair.to));
    let (by, answered, reason) = match &pair.proof {
        Proof::Ping { .. } => (Some("ping"), Some(true), None),
        Proof::Silence { .. } => (Some("ping"), Some(false), None),
        Proof::Probe { .. } => (Some("probe"), Some(true), None),
        Proof::ProbeLost { reason } => (Some("probe"), Some(false), Some(reason)),
        Proof::Nothing { reason } => (None, None, Some(reason)),
    };
    put("by", json!(by));
    put("answered", json!(answered));
    put("reason", json!(reason));
    let (nodes, known, took) = match &pair.proof {
        Proof::Ping { nodes, known, slowest } => (Some(*nodes), *known, Some(*slowest)),
        Proof::Silence { known } => (Some(0), Some(*known), None),
        Proof::Probe { took } => (None, None, Some(*took)),
        Proof::ProbeLost { .. } | Proof::Nothing { .. } => (None, None, None),
    };
    put("nodes", json!(nodes));
    put("nodes_known", json!(known));
    put("took_ms", json!(took.map(millis)));
    Value::Object(value)
}
