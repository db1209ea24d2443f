//! What is shown.

use std::time::Duration;

use crate::{
    noun::{drops, links, status},
    pick::PickArgs,
    table::{Column, Table},
    view::View,
};

use super::{Matrix, Metric};

/// What one of the pages shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tab {
    /// What goes from region to region.
    #[default]
    Regions,
    /// Every gateway.
    Gateways,
    /// Every link.
    Links,
    /// What was dropped, and where.
    Drops,
}

impl Tab {
    /// From left to right.
    pub const ALL: [Self; 4] = [Self::Regions, Self::Gateways, Self::Links, Self::Drops];

    /// What stands on it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Regions => "1 regions",
            Self::Gateways => "2 gateways",
            Self::Links => "3 links",
            Self::Drops => "4 drops",
        }
    }
}

/// Everything that decides what is on the screen.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The newest answers.
    pub(super) now: Option<View>,
    /// Those before, for what happens in a second.
    pub(super) before: Option<View>,
    /// Why there are no newer ones.
    pub(super) trouble: Option<String>,
    /// The page.
    pub tab: Tab,
    /// What the cells of the matrix say.
    pub metric: Metric,
    /// Whether the picture stands still.
    pub paused: bool,
    /// Whether the keys are explained.
    pub help: bool,
    /// The column by which rows are ordered, by its place; `None`: as they come.
    pub(super) sort: Option<usize>,
    pub(super) reverse: bool,
    /// What rows must contain.
    pub(super) filter: String,
    /// Whether keys are letters of the filter.
    pub(super) typing: bool,
    /// Rows and columns that are out of sight at the top and the left.
    pub(super) scroll: usize,
    pub(super) shift: usize,
}

impl State {
    /// Takes what the gateways say, unless the picture stands still.
    pub fn take(&mut self, view: View) {
        self.trouble = None;
        if !self.paused {
            self.before = self.now.replace(view);
        }
    }

    /// The gateway did not answer: what was shown stays, and it is said.
    pub fn fail(&mut self, why: String) {
        self.trouble = Some(why);
    }

    /// What goes from region to region.
    #[must_use]
    pub fn matrix(&self) -> Option<Matrix> {
        Some(Matrix::new(self.now.as_ref()?, self.before.as_ref()))
    }

    /// The table of the page, in order and filtered; the matrix is none.
    pub(super) fn table(&self) -> Option<Table> {
        let view = self.now.as_ref()?;
        let mut table = match self.tab {
            Tab::Regions => return None,
            Tab::Gateways => status::summary(view),
            Tab::Links => joined(view, links::rows),
            Tab::Drops => joined(view, |report| drops::rows(&report.core)),
        };
        table.rows.retain(|row| row.iter().any(|cell| cell.text.contains(&self.filter)));
        if let Some(column) = self.sort {
            PickArgs::sort_by(&mut table, column, self.reverse);
        }
        Some(table)
    }

    /// When the newest answers were given, since 1970-01-01 UTC.
    pub(super) fn at(&self) -> Option<Duration> {
        self.now.as_ref()?.reports.iter().map(|report| report.at).max()
    }
}

/// The same table of every gateway.
fn joined(view: &View, rows: impl Fn(&antiphon_gateway::shell::Report) -> Table) -> Table {
    let mut all: Option<Table> = None;
    for report in &view.reports {
        let whose = report.core.gateway.as_str().into();
        let table = match view.reports.len() {
            1 => rows(report),
            _ => rows(report).led_by(Column::words("OF"), &whose),
        };
        match &mut all {
            Some(all) => all.rows.extend(table.rows),
            None => all = Some(table),
        }
    }
    all.unwrap_or_else(|| Table::new(Vec::new()))
}
