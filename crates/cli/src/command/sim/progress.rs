//! How far it is, on a terminal; elsewhere nothing is shown.

use indicatif::{ProgressBar, ProgressStyle};

use crate::screen;

/// A bar on standard error.
pub(super) struct Progress(ProgressBar);

impl Progress {
    /// A bar for so many of `what`.
    pub(super) fn new(count: usize, what: &str) -> Self {
        let template =
            format!("{{pos}}/{{len}} {what} {{wide_bar}} {{per_sec:.1}}, {{eta}} left{{msg}}");
        let style = ProgressStyle::with_template(&template).expect("the template is well formed");
        let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX)).with_style(style);
        Self(bar)
    }

    /// One more is done.
    pub(super) fn done(&self) {
        self.0.inc(1);
    }

    /// Says something meanwhile, on standard error.
    pub(super) fn say(&self, text: impl std::fmt::Display) {
        self.0.suspend(|| screen::message(text));
    }

    /// Shows how many have failed so far.
    pub(super) fn failed(&self, count: usize) {
        self.0.set_message(format!(", {count} failed"));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
