//! Text for people and for programs, from values alone: nothing here prints, asks or waits.

mod duration;
mod facts;
mod footer;
mod json;
mod ping;
mod pretty;
mod reply;
mod style;

pub use duration::{short, whole_ms};
pub use facts::{FactCount, facts_json, facts_text, tally};
pub use footer::{footer, verbose_footer};
pub(crate) use json::indented;
pub use json::results_json;
pub use ping::{PingAnswer, PingOutcome, ping_json, ping_line, ping_summary};
pub use reply::{Show, replies, senders, summaries};
pub use style::Style;
