//! Where a command's words go, and how a user interrupts it.

use std::io::{self, IsTerminal as _, Read, Write};

use tokio_util::sync::CancellationToken;

use crate::render::Style;
use crate::text::clean;

/// The longest text that is read from standard input, in bytes.
const INPUT_BYTES_MAX: u64 = 16 << 20;

/// Results, messages, input and interruption of one command.
pub struct Console {
    /// Results.
    pub out: Box<dyn Write + Send>,
    /// Messages.
    pub err: Box<dyn Write + Send>,
    /// What a list of nodes may be read from.
    pub input: Box<dyn Read + Send>,
    /// Whether results are coloured.
    pub style: Style,
    /// Whether a progress bar is drawn, on the process's own standard error.
    pub progress: bool,
    /// Cancelled when the user wants no more.
    pub stop: CancellationToken,
}

impl Console {
    /// The process's own streams. The first Ctrl-C cancels [`stop`](Self::stop); a second one ends the process.
    ///
    /// Must be called inside a Tokio runtime.
    pub fn of_process() -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(stop_on_interrupt(stop.clone()));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let coloured = io::stdout().is_terminal() && !plain;
        Self {
            out: Box::new(io::stdout()),
            err: Box::new(io::stderr()),
            input: Box::new(io::stdin()),
            style: if coloured { Style::Colour } else { Style::Plain },
            progress: io::stderr().is_terminal(),
            stop,
        }
    }

    /// Writes results, at once.
    ///
    /// # Errors
    /// What the stream says.
    pub fn print(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes one message, without what could steer a terminal. A closed standard error loses it, which is no
    /// reason to end.
    pub fn say(&mut self, text: &str) {
        writeln!(self.err, "{}", clean(text)).ok();
    }

    /// Writes one warning.
    pub fn warn(&mut self, text: &str) {
        self.say(&format!("warning: {text}"));
    }

    /// All of the input.
    ///
    /// # Errors
    /// What the stream says, also about text that is not UTF-8.
    pub fn read_input(&mut self) -> io::Result<String> {
        let mut text = String::new();
        (&mut self.input).take(INPUT_BYTES_MAX).read_to_string(&mut text)?;
        Ok(text)
    }
}

async fn stop_on_interrupt(stop: CancellationToken) {
    if tokio::signal::ctrl_c().await.is_ok() {
        stop.cancel();
    }
    if tokio::signal::ctrl_c().await.is_ok() {
        // 128 and the number of SIGINT, as a shell reports it.
        std::process::exit(130);
    }
}
