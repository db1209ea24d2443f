//! What a replay showed: a table, and `antiphon.replay.v1`.

mod words;

use antiphon_core::{Action, DropReason, Event, Now};
use antiphon_gateway::record::{Begin, End, Step, kinds};
use serde_json::{Map, Value, json};

use crate::{
    human,
    table::{Cell, Column, Table, Tone},
};

/// Which turns are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pick {
    /// Those that have to do with this request.
    pub request: Option<String>,
    /// Those that dropped something for this reason.
    pub reason: Option<DropReason>,
    /// Those in which nothing is decided, too.
    pub all: bool,
}

/// What a replay showed.
#[derive(Clone, Debug)]
pub struct Replayed {
    file: String,
    begin: Begin,
    /// Turns of the machine.
    pub turns: u64,
    shown: Vec<Shown>,
    /// Turns that differ from the recording.
    pub differences: Vec<Difference>,
    /// Why the recording ended; `None`: the process was killed.
    pub end: Option<End>,
}

/// A turn that is shown.
#[derive(Clone, Debug)]
struct Shown {
    number: u64,
    now: Now,
    event: Event,
    actions: Vec<Action>,
    differs: bool,
}

/// A turn that differs from the recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which, from 1.
    pub number: u64,
    /// The kinds of actions that were recorded.
    pub recorded: Vec<String>,
    /// Those that the machine returns now; where they are the same, their contents differ.
    pub decided: Vec<String>,
}

impl Replayed {
    /// Nothing yet.
    #[must_use]
    pub fn new(file: &str, begin: &Begin) -> Self {
        Self {
            file: file.to_owned(),
            begin: begin.clone(),
            turns: 0,
            shown: Vec::new(),
            differences: Vec::new(),
            end: None,
        }
    }

    /// One more turn; it is kept if it is to be shown, or differs.
    pub fn add(&mut self, step: &Step, pick: &Pick) {
        self.turns += 1;
        if let Some(recorded) = &step.recorded {
            let (recorded, decided) = (recorded.clone(), kinds(&step.actions));
            self.differences.push(Difference { number: step.number, recorded, decided });
        }
        let differs = step.recorded.is_some();
        if differs || pick.wants(step) {
            let Step { number, now, event, actions, .. } = step.clone();
            self.shown.push(Shown { number, now, event, actions, differs });
        }
    }

    /// For people.
    #[must_use]
    pub fn tables(&self) -> Vec<Table> {
        let mut tables = vec![self.summary(), self.decisions()];
        if !self.differences.is_empty() {
            tables.push(self.difference_rows());
        }
        tables
    }

    fn summary(&self) -> Table {
        let Begin { version, config, now, .. } = &self.begin;
        let same = match self.differences.len() {
            0 => Cell::from("as recorded").tone(Tone::Good),
            count => Cell::from(human::count(count as u64, "difference")).tone(Tone::Problem),
        };
        Table::pairs(vec![
            ("Recording", self.file.as_str().into()),
            ("Gateway", format!("{} of region {}", config.gateway, config.region).into()),
            ("Made by", format!("antiphon {version}").into()),
            ("Began", human::moment(now.unix).into()),
            ("Turns", self.turns.into()),
            ("Ended", self.ended().into()),
            ("Decisions", same),
        ])
    }

    fn ended(&self) -> &'static str {
        match self.end {
            Some(End::Stopped) => "with the process",
            Some(End::Full) => "early: it had taken all the room that it may",
            Some(End::Gap) => "early: the disk could not keep up",
            None => "with the process, which was killed, or it goes on",
        }
    }

    fn decisions(&self) -> Table {
        let mut table = Table::new(vec![
            Column::numbers("TURN"),
            Column::numbers("AT"),
            Column::words("WHAT HAPPENED"),
            Column::words("WHAT IS DECIDED"),
        ])
        .or_say("no turn that is wanted; --all shows every one")
        .cut_after(6);
        for Shown { number, now, event, actions, differs } in &self.shown {
            let at = format!("{:.3}s", now.mono.saturating_sub(self.begin.now.mono).as_secs_f64());
            let decided = Cell::from(human::list(actions.iter().filter_map(words::action)));
            let tone = if *differs { Tone::Problem } else { Tone::Plain };
            table.rows.push(vec![
                (*number).into(),
                at.into(),
                words::event(event).into(),
                decided.tone(tone),
            ]);
        }
        table
    }

    fn difference_rows(&self) -> Table {
        /// More are counted.
        const SHOWN_MAX: usize = 20;
        let mut table = Table::new(vec![
            Column::numbers("TURN"),
            Column::words("RECORDED"),
            Column::words("DECIDED NOW"),
        ]);
        for Difference { number, recorded, decided } in self.differences.iter().take(SHOWN_MAX) {
            let now = match recorded == decided {
                true => "the same kinds, with other contents".to_owned(),
                false => human::list(decided),
            };
            table.rows.push(vec![(*number).into(), human::list(recorded).into(), now.into()]);
        }
        table
    }

    /// For programs. Payloads are told by their size.
    #[must_use]
    pub fn document(&self) -> Value {
        let Begin { version, config, now, .. } = &self.begin;
        let turn = |shown: &Shown| {
            json!({
                "turn": shown.number,
                "at_us": micros(shown.now.mono.saturating_sub(now.mono)),
                "unix": human::moment(shown.now.unix),
                "event": words::without_payloads(&shown.event),
                "actions": shown.actions.iter().map(words::without_payloads).collect::<Vec<_>>(),
                "differs": shown.differs,
            })
        };
        let difference = |one: &Difference| json!({ "turn": one.number, "recorded": one.recorded, "decided": one.decided });
        let mut document = Map::new();
        document.insert("schema".to_owned(), json!("antiphon.replay.v1"));
        document.insert("file".to_owned(), json!(self.file));
        document.insert("version".to_owned(), json!(version));
        document.insert("fabric".to_owned(), json!(config.fabric));
        document.insert("region".to_owned(), json!(config.region));
        document.insert("gateway".to_owned(), json!(config.gateway));
        document.insert("began".to_owned(), json!(human::moment(now.unix)));
        document.insert("end".to_owned(), json!(self.end));
        document.insert("turns".to_owned(), json!(self.turns));
        let differences: Vec<_> = self.differences.iter().map(difference).collect();
        document.insert("differences".to_owned(), json!(differences));
        let shown: Vec<_> = self.shown.iter().map(turn).collect();
        document.insert("shown".to_owned(), json!(shown));
        Value::Object(document)
    }
}

impl Pick {
    fn wants(&self, step: &Step) -> bool {
        let dropped = |action: &Action| match (action, self.reason) {
            (Action::Dropped(dropped), Some(reason)) => dropped.reason == reason,
            _ => false,
        };
        if self.reason.is_some() && !step.actions.iter().any(dropped) {
            return false;
        }
        if let Some(request) = &self.request {
            return words::mentions(&step.event, request)
                || step.actions.iter().any(|action| words::mentions(action, request));
        }
        self.all || self.reason.is_some() || words::is_decision(step)
    }
}

fn micros(span: std::time::Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}
