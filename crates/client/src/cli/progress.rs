//! The bar that shows how many nodes have answered.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::CommandError;
use crate::client::Client;
use crate::console::Console;
use crate::results::{Results, Stats};
use crate::rpc::{Call, Progress, call};

/// Runs an action, with a bar if one is wanted; tells of trouble as it comes.
pub(super) async fn call_with_bar(
    client: &mut Client,
    request: &Call<'_>,
    wanted: bool,
    console: &mut Console,
) -> Result<Results, CommandError> {
    let bar = Bar::new(request.nodes.map_or(1, <[_]>::len), wanted, console);
    let results = call(client, request, &mut |progress| match progress {
        Progress::Answer(stats) => bar.show(stats),
        Progress::Trouble(trouble) => console.warn(trouble),
    })
    .await;
    bar.finish();
    Ok(results?)
}

/// A bar, or nothing where nobody looks.
struct Bar(Option<ProgressBar>);

impl Bar {
    /// A bar for `nodes` answers.
    fn new(nodes: usize, wanted: bool, console: &Console) -> Self {
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
    fn show(&self, stats: &Stats) {
        if let Some(bar) = &self.0 {
            let answered = stats.discovered - stats.no_responses.len();
            bar.set_position(u64::try_from(answered).unwrap_or(u64::MAX));
        }
    }

    /// Leaves the bar as it is.
    fn finish(&self) {
        if let Some(bar) = &self.0 {
            bar.abandon();
        }
    }
}
