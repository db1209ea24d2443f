//! Where output goes: its width, whether it takes colours, and how it is written.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

use crate::{render, table::Table};

/// What standard output can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns; `None`: as many as it takes, one line a row.
    pub width: Option<u16>,
    /// Whether it shows colours.
    pub colour: bool,
}

impl Screen {
    /// Asks the terminal and the environment.
    ///
    /// A terminal has its width; otherwise `COLUMNS` gives one, and without it rows stay whole, for
    /// `grep` and `awk`. Colours are for terminals without `NO_COLOR` (<https://no-color.org>).
    #[must_use]
    pub fn detect() -> Self {
        let terminal = io::stdout().is_terminal();
        let measured = if terminal { comfy_table::Table::new().width() } else { None };
        let told = || std::env::var("COLUMNS").ok()?.parse().ok();
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            width: measured.or_else(told).filter(|width| *width > 0),
            colour: terminal && !plain,
        }
    }

    /// The same without an end to the right: every column, and rows stay whole.
    #[must_use]
    pub const fn wide(self) -> Self {
        Self { width: None, ..self }
    }

    /// Writes tables to standard output, with an empty line between two; of one without rows its
    /// message goes to standard error.
    ///
    /// # Errors
    /// Standard output is gone; a closed pipe is none.
    pub fn show_tables(self, tables: &[Table]) -> io::Result<()> {
        let (empty, full): (Vec<_>, Vec<_>) = tables.iter().partition(|one| one.rows.is_empty());
        let drawn: Vec<String> = full.into_iter().map(|one| render::table(one, self)).collect();
        print(&drawn.join("\n"))?;
        empty.into_iter().filter_map(|table| table.empty.as_ref()).for_each(message);
        Ok(())
    }
}

/// Writes a JSON document to standard output, indented.
///
/// # Errors
/// Standard output is gone; a closed pipe is none.
pub fn show_json(document: &Value) -> io::Result<()> {
    print(&format!("{document:#}\n"))
}

/// Writes a JSON document to standard output, on one line.
///
/// # Errors
/// Standard output is gone; a closed pipe is none.
pub fn show_json_line(document: &Value) -> io::Result<()> {
    print(&format!("{document}\n"))
}

/// Clears the terminal and goes to its top.
///
/// # Errors
/// Standard output is gone.
pub fn clear() -> io::Result<()> {
    print("\u{1b}[2J\u{1b}[H")
}

/// Writes to standard output. Whoever has closed the pipe (`| head`) has seen enough.
///
/// # Errors
/// Standard output is gone; a closed pipe is none.
pub fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Says something on standard error, one line.
#[allow(clippy::print_stderr, reason = "messages of a command belong there")]
pub fn message(text: impl std::fmt::Display) {
    eprintln!("{text}");
}
