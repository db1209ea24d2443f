//! The bar that shows how many nodes have answered.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::console::Console;
use crate::results::Stats;

/// A bar, or nothing where nobody looks.
pub(super) struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar for `nodes` answers.
    pub(super) fn new(nodes: usize, wanted: bool, console: &Console) -> Self {
        if !wanted || !console.progress {
            return Self(None);
        }
        let style =
            ProgressStyle::with_template("{pos} / {len}  {elapsed:>4} [{bar:50}] {percent:>3}%")
                .expect("the template is well formed")
                .progress_chars("=> ");
        let bar = ProgressBar::with_draw_target(
            Some(u64::try_from(nodes).unwrap_or(u64::MAX)),
            ProgressDrawTarget::stderr(),
        );
        bar.set_style(style);
        bar.tick();
        Self(Some(bar))
    }

    /// Shows how many have answered.
    pub(super) fn show(&self, stats: &Stats) {
        if let Some(bar) = &self.0 {
            let answered = stats.discovered - stats.no_responses.len();
            bar.set_position(u64::try_from(answered).unwrap_or(u64::MAX));
        }
    }

    /// Leaves the bar as it is.
    pub(super) fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.abandon();
        }
    }
}
