//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{Metric, State, Tab};

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Stay,
    /// The user has seen enough.
    Quit,
}

/// Every key and what it does, for the help.
pub(super) const HELP: &[(&str, &str)] = &[
    ("1 2 3 4, tab", "regions, gateways, links, drops"),
    ("m", "what the matrix shows: rate, round trip, loss"),
    ("s, r", "order by the next column; the other way round"),
    ("/", "only rows with a text; enter keeps it, escape ends it"),
    ("p, space", "let the picture stand still, and go on"),
    ("arrows, page up and down", "look further"),
    ("?", "this help"),
    ("q, ctrl-c", "leave"),
];

const PAGE: usize = 10;

impl State {
    /// Does what a key is for.
    pub fn press(&mut self, key: KeyEvent) -> Flow {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Flow::Quit;
        }
        if self.typing {
            self.type_in(key.code);
            return Flow::Stay;
        }
        if self.help {
            self.help = false;
            return Flow::Stay;
        }
        self.command(key.code)
    }

    fn command(&mut self, key: KeyCode) -> Flow {
        #[allow(clippy::wildcard_enum_match_arm, reason = "keys that do nothing are many")]
        match key {
            KeyCode::Char('q') => return Flow::Quit,
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Char('p' | ' ') => self.paused = !self.paused,
            KeyCode::Char('m') => self.metric = self.metric.next(),
            KeyCode::Char('s') => self.sort_by_next(),
            KeyCode::Char('r') => self.reverse = !self.reverse,
            KeyCode::Char('/') => self.typing = true,
            KeyCode::Char(digit @ '1'..='4') => {
                let index = (digit as usize).saturating_sub('1' as usize);
                self.turn_to(Tab::ALL.get(index).copied().unwrap_or_default());
            }
            KeyCode::Tab => self.turn_to(self.next_tab()),
            KeyCode::Esc => self.filter.clear(),
            KeyCode::Up => self.scroll = self.scroll.saturating_sub(1),
            KeyCode::Down => self.scroll = self.scroll.saturating_add(1).min(self.rows()),
            KeyCode::PageUp => self.scroll = self.scroll.saturating_sub(PAGE),
            KeyCode::PageDown => self.scroll = self.scroll.saturating_add(PAGE).min(self.rows()),
            KeyCode::Left => self.shift = self.shift.saturating_sub(1),
            KeyCode::Right => self.shift = self.shift.saturating_add(1).min(self.columns()),
            _ => {}
        }
        Flow::Stay
    }

    fn type_in(&mut self, key: KeyCode) {
        #[allow(clippy::wildcard_enum_match_arm, reason = "keys that do nothing are many")]
        match key {
            KeyCode::Enter => self.typing = false,
            KeyCode::Esc => {
                self.typing = false;
                self.filter.clear();
            }
            KeyCode::Backspace => drop(self.filter.pop()),
            KeyCode::Char(letter) => self.filter.push(letter),
            _ => {}
        }
        self.scroll = 0;
    }

    fn next_tab(&self) -> Tab {
        let after = Tab::ALL.iter().skip_while(|one| **one != self.tab).nth(1);
        after.copied().unwrap_or_default()
    }

    fn turn_to(&mut self, tab: Tab) {
        self.tab = tab;
        (self.sort, self.reverse, self.scroll, self.shift) = (None, false, 0, 0);
    }

    fn sort_by_next(&mut self) {
        let columns = self.table().map_or(0, |table| table.columns.len());
        let next = self.sort.map_or(0, |column| column + 1);
        self.sort = (next < columns).then_some(next);
    }

    /// The last row that may be at the top.
    fn rows(&self) -> usize {
        let rows = match self.tab {
            Tab::Regions => self.matrix().map_or(0, |matrix| matrix.from.len()),
            Tab::Gateways | Tab::Links | Tab::Drops => self.table().map_or(0, |one| one.rows.len()),
        };
        rows.saturating_sub(1)
    }

    /// The last column of the matrix that may be at the left.
    fn columns(&self) -> usize {
        let columns = self.matrix().map_or(0, |matrix| matrix.to.len());
        if self.tab == Tab::Regions { columns.saturating_sub(1) } else { 0 }
    }
}

impl Metric {
    const fn next(self) -> Self {
        match self {
            Self::Rate => Self::RoundTrip,
            Self::RoundTrip => Self::Loss,
            Self::Loss => Self::Rate,
        }
    }
}
