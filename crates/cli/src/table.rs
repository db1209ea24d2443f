//! What a reading command shows, apart from how it is drawn.

use std::borrow::Cow;

/// A table, or lines of a name and a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// From left to right; at least one.
    pub columns: Vec<Column>,
    /// As many cells each as there are columns.
    pub rows: Vec<Vec<Cell>>,
    /// What to say, on standard error, if there are no rows.
    pub empty: Option<Cow<'static, str>>,
    /// Most lines of one row where it is wrapped, the rest cut; `None`: as many as it takes.
    pub lines_max: Option<usize>,
}

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its head; empty heads all along mean that there is no header line.
    pub name: &'static str,
    /// Where its cells stand.
    pub align: Align,
    /// When it is shown.
    pub room: Room,
    /// Where the terminal has a width, the widest that it may be; beyond, it is wrapped.
    pub width_max: Option<u16>,
}

/// Where the text of a column stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// When a column is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Always.
    Always,
    /// Where the terminal is wide enough for it, without wrapping another.
    IfWide,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// One line of text.
    pub text: String,
    /// What it means.
    pub tone: Tone,
    /// The number behind it, by which it is sorted.
    pub number: Option<u64>,
}

/// What a cell means, for whoever may show colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// A fact.
    #[default]
    Plain,
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Broken.
    Problem,
}

impl Table {
    /// A table without rows yet.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new(), empty: None, lines_max: None }
    }

    /// The same table, which says something if it stays without rows.
    #[must_use]
    pub fn or_say(self, empty: &'static str) -> Self {
        Self { empty: Some(empty.into()), ..self }
    }

    /// The same table with at most `lines` lines a row: for texts of others, however long.
    #[must_use]
    pub fn cut_after(self, lines: usize) -> Self {
        Self { lines_max: Some(lines), ..self }
    }

    /// Lines of a name and a value, without a header.
    #[must_use]
    pub fn pairs(pairs: Vec<(&'static str, Cell)>) -> Self {
        let rows = pairs.into_iter().map(|(name, value)| vec![name.into(), value]).collect();
        Self {
            columns: vec![Column::words(""), Column::words("")],
            rows,
            empty: None,
            lines_max: None,
        }
    }

    /// The same table with one more column at the left, the same in every row.
    #[must_use]
    pub fn led_by(mut self, column: Column, cell: &Cell) -> Self {
        self.columns.insert(0, column);
        self.rows.iter_mut().for_each(|row| row.insert(0, cell.clone()));
        self
    }

    /// Whether there is a header line.
    #[must_use]
    pub fn has_header(&self) -> bool {
        self.columns.iter().any(|column| !column.name.is_empty())
    }
}

impl Column {
    /// A column of words that is always shown.
    #[must_use]
    pub const fn words(name: &'static str) -> Self {
        Self { name, align: Align::Left, room: Room::Always, width_max: None }
    }

    /// A column of numbers that is always shown.
    #[must_use]
    pub const fn numbers(name: &'static str) -> Self {
        Self { name, align: Align::Right, room: Room::Always, width_max: None }
    }

    /// The same column, shown only where there is room.
    #[must_use]
    pub const fn if_wide(self) -> Self {
        Self { room: Room::IfWide, ..self }
    }

    /// The same column, wrapped beyond this width, so that a long text leaves room for others.
    #[must_use]
    pub const fn at_most(self, width: u16) -> Self {
        Self { width_max: Some(width), ..self }
    }
}

impl Cell {
    /// A fact; `-` if there is none.
    pub fn optional<T: ToString>(value: Option<T>) -> Self {
        value.map_or_else(|| "-".into(), |value| value.to_string().into())
    }

    /// A number as people read it.
    pub fn measure(text: impl Into<Self>, number: u64) -> Self {
        Self { number: Some(number), ..text.into() }
    }

    /// The same text with a meaning.
    #[must_use]
    pub fn tone(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl From<String> for Cell {
    /// What could break a line or drive a terminal is replaced: some texts come from peers.
    fn from(text: String) -> Self {
        let text = if text.contains(char::is_control) {
            text.replace(char::is_control, "\u{fffd}")
        } else {
            text
        };
        Self { text, tone: Tone::Plain, number: None }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::measure(number.to_string(), number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_cannot_drive_the_terminal() {
        assert_eq!(Cell::from("a\u{1b}[2J\nb").text, "a\u{fffd}[2J\u{fffd}b");
    }
}
