//! Telling whoever waits how far things are.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Hears how the start of a lab goes. Everything has a do-nothing default; `()` is silent.
pub trait Progress: Send + Sync {
    /// A stage of `total` equal parts begins; the one before has ended.
    fn begin(&self, _stage: &str, _total: usize) {}

    /// So many parts of the stage are done.
    fn done(&self, _parts: usize) {}

    /// The last stage has ended.
    fn end(&self) {}
}

impl Progress for () {}

/// Progress for a person, on standard error: a bar on a terminal, a line per stage elsewhere.
#[derive(Debug)]
pub struct Terminal {
    bar: ProgressBar,
}

impl Terminal {
    /// Nothing is shown yet.
    #[must_use]
    pub fn new() -> Self {
        let style = ProgressStyle::with_template("{spinner} {msg} {pos}/{len} {wide_bar}")
            .expect("the template is well formed");
        let bar = ProgressBar::new(0).with_style(style);
        Self { bar }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Self::new()
    }
}

impl Progress for Terminal {
    fn begin(&self, stage: &str, total: usize) {
        /// Often enough for the spinner to look alive.
        const REDRAW: Duration = Duration::from_millis(100);
        if self.bar.is_hidden() {
            match total {
                1 => eprintln!("{stage}"),
                _ => eprintln!("{stage} ({total})"),
            }
            return;
        }
        self.bar.set_length(u64::try_from(total).unwrap_or(u64::MAX));
        self.bar.set_position(0);
        self.bar.set_message(stage.to_owned());
        self.bar.enable_steady_tick(REDRAW);
    }

    fn done(&self, parts: usize) {
        self.bar.set_position(u64::try_from(parts).unwrap_or(u64::MAX));
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}
