//! What became of the ping that followed a trace.

use std::time::Duration;

use serde_json::{Value, json};

use super::super::micros;
use crate::{
    human,
    table::{Cell, Table, Tone},
};

/// A discovery ping for one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The node.
    pub identity: String,
    /// The brokers of the client that pinged.
    pub brokers: Vec<String>,
    /// How long it listened.
    pub timeout: Duration,
    /// How long the answer took; `None`: there was none.
    pub took: Option<Duration>,
    /// Why it could not ping.
    pub error: Option<String>,
}

impl Delivery {
    /// Whether the node answered.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        self.took.is_some()
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> Table {
        Table::pairs(vec![
            ("node", self.identity.as_str().into()),
            ("pinged from", human::list(&self.brokers).into()),
            ("answer", self.verdict()),
        ])
    }

    fn verdict(&self) -> Cell {
        let problem = |text: String| Cell::from(text).tone(Tone::Problem);
        match (&self.error, self.took) {
            (Some(error), _) => problem(format!("the client could not ask: {error}")),
            (None, Some(took)) => {
                Cell::from(format!("after {}", human::round_trip(took))).tone(Tone::Good)
            }
            (None, None) => problem(format!(
                "none within {}: it is not there, or does not trust the caller (see its log)",
                human::span(self.timeout)
            )),
        }
    }

    /// For programs.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "identity": self.identity,
            "brokers": self.brokers,
            "answered": self.is_good(),
            "took_us": self.took.map(micros),
            "timeout_ms": super::super::millis(self.timeout),
            "error": self.error,
        })
    }
}
