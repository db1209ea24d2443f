//! Which rows of a table, or entries of a document, are shown, and in which order.

mod document;

use std::{cmp::Ordering, str::FromStr};

use anyhow::anyhow;
use serde_json::{Map, Value};

use crate::{
    Failure, human,
    meant::did_you_mean,
    table::{Cell, Table},
};

/// Which rows, in which order.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which rows")]
pub struct PickArgs {
    /// Only rows with this in that column; * stands for anything; may be repeated
    #[arg(short, long, value_name = "COLUMN=VALUE")]
    filter: Vec<Filter>,
    /// Only rows of this region: short for --filter region=
    #[arg(id = "only_region", long = "region", value_name = "REGION")]
    region: Option<String>,
    /// Only rows in this state: short for --filter state=
    #[arg(id = "only_state", long = "state", value_name = "STATE")]
    state: Option<String>,
    /// Order by this column
    #[arg(long, value_name = "COLUMN")]
    sort: Option<String>,
    /// The other way round
    #[arg(long, requires = "sort")]
    reverse: bool,
}

/// What one column must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The column, normalised.
    column: String,
    /// What it must say, `*` for anything at either end.
    wanted: String,
}

/// A text that is no [`Filter`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not COLUMN=VALUE")]
pub struct FilterError {
    text: String,
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        match text.split_once('=') {
            Some((column, wanted)) if !column.is_empty() => Ok(Self::new(column, wanted)),
            Some(_) | None => Err(FilterError { text: text.to_owned() }),
        }
    }
}

impl Filter {
    fn new(column: &str, wanted: &str) -> Self {
        Self { column: normal(column), wanted: wanted.to_owned() }
    }

    fn fits(&self, text: &str) -> bool {
        let wanted = self.wanted.as_str();
        match (wanted.strip_prefix('*'), wanted.strip_suffix('*')) {
            (Some(""), _) => true,
            (Some(end), Some(_)) => text.contains(end.trim_end_matches('*')),
            (Some(end), None) => text.ends_with(end),
            (None, Some(start)) => text.starts_with(start),
            (None, None) => text == wanted,
        }
    }

    /// A cell may hold several texts.
    fn fits_cell(&self, cell: &Cell) -> bool {
        self.fits(&cell.text) || cell.text.split(", ").any(|text| self.fits(text))
    }
}

/// A name without what people write in different ways.
fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|one| one.to_ascii_lowercase()).collect()
}

impl PickArgs {
    /// Orders the rows of a table by a column, given by its place.
    pub(crate) fn sort_by(table: &mut Table, column: usize, reverse: bool) {
        table.rows.sort_by(|one, other| compare(one.get(column), other.get(column)));
        if reverse {
            table.rows.reverse();
        }
    }

    fn filters(&self) -> Vec<Filter> {
        let short = [("region", &self.region), ("state", &self.state)];
        let short = short.into_iter().filter_map(|(column, wanted)| {
            wanted.as_ref().map(|wanted| Filter::new(column, wanted))
        });
        self.filter.iter().cloned().chain(short).collect()
    }

    /// Picks rows of those tables that have the columns.
    ///
    /// # Errors
    /// No table has such a column.
    pub fn tables(&self, tables: &mut [Table]) -> Result<(), Failure> {
        for filter in self.filters() {
            each_with(tables, &filter.column, |table, index| {
                let fits =
                    |row: &Vec<Cell>| row.get(index).is_some_and(|one| filter.fits_cell(one));
                if table.rows.iter().any(fits) {
                    table.rows.retain(fits);
                } else if !table.rows.is_empty() {
                    table.empty = Some(nothing_fits(&filter, table, index).into());
                    table.rows.clear();
                }
            })?;
        }
        if let Some(column) = &self.sort {
            each_with(tables, &normal(column), |table, index| {
                Self::sort_by(table, index, self.reverse);
            })?;
        }
        Ok(())
    }

    /// The same with the fields of a document.
    ///
    /// # Errors
    /// No entry has such a key.
    pub fn fields(&self, fields: &mut Map<String, Value>) -> Result<(), Failure> {
        for filter in self.filters() {
            document::filter(fields, &filter).map_err(|keys| unknown(&filter.column, keys))?;
        }
        if let Some(key) = &self.sort {
            let key = normal(key);
            document::sort(fields, &key, self.reverse).map_err(|keys| unknown(&key, keys))?;
        }
        Ok(())
    }
}

/// Changes the tables that have a column; there must be one.
fn each_with(
    tables: &mut [Table],
    column: &str,
    mut change: impl FnMut(&mut Table, usize),
) -> Result<(), Failure> {
    let mut found = false;
    for table in &mut *tables {
        let index = table.columns.iter().position(|one| normal(one.name) == *column);
        if let Some(index) = index {
            found = true;
            change(table, index);
        }
    }
    if found {
        return Ok(());
    }
    let names = tables.iter().flat_map(|table| &table.columns).map(|column| column.name);
    let names = names.filter(|name| !name.is_empty()).map(str::to_lowercase).collect();
    Err(unknown(column, names))
}

fn unknown(column: &str, mut known: Vec<String>) -> Failure {
    known.dedup();
    let hint = did_you_mean(column, known.iter().map(String::as_str));
    Failure::usage(anyhow!("there is no column {column}, only {}{hint}", human::list(known)))
}

/// What to say of a table that a filter leaves without rows.
fn nothing_fits(filter: &Filter, table: &Table, index: usize) -> String {
    let cells = table.rows.iter().filter_map(|row| row.get(index));
    let known = cells.flat_map(|cell| cell.text.split(", "));
    let hint = did_you_mean(&filter.wanted, known);
    format!("none with {} {}{hint}", filter.column, filter.wanted)
}

/// Numbers by their size, then words; what is unknown comes last.
fn compare(one: Option<&Cell>, other: Option<&Cell>) -> Ordering {
    let key = |cell: Option<&Cell>| {
        let text = cell.map(|cell| cell.text.clone()).unwrap_or_default();
        let number = cell.and_then(|cell| cell.number);
        (text == "-", number.is_none(), number, text)
    };
    key(one).cmp(&key(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Column;

    fn table() -> Table {
        let mut table = Table::new(vec![Column::words("GATEWAY"), Column::numbers("NEXT HOPS")]);
        for (name, cell) in [("us-2", 10.into()), ("us-1", 9.into()), ("eu-1", "-".into())] {
            table.rows.push(vec![name.into(), cell]);
        }
        table
    }

    fn names(picked: &PickArgs) -> Vec<String> {
        let mut tables = [table()];
        picked.tables(&mut tables).unwrap();
        let [table] = tables;
        table.rows.iter().filter_map(|row| row.first()).map(|cell| cell.text.clone()).collect()
    }

    #[test]
    fn a_filter_keeps_the_rows_that_fit() {
        let with = |filter: &str| {
            names(&PickArgs { filter: vec![filter.parse().unwrap()], ..PickArgs::default() })
        };
        assert_eq!(with("gateway=us-1"), ["us-1"]);
        assert_eq!(with("Gateway=us*"), ["us-2", "us-1"]);
        assert_eq!(with("gateway=*1"), ["us-1", "eu-1"]);
        assert_eq!(with("next-hops=10"), ["us-2"]);
        assert!("gateway".parse::<Filter>().is_err());
    }

    #[test]
    fn numbers_sort_by_size_and_what_is_unknown_comes_last() {
        let sort = Some("next_hops".to_owned());
        let picked = PickArgs { sort, ..PickArgs::default() };
        assert_eq!(names(&picked), ["us-1", "us-2", "eu-1"]);
        assert_eq!(names(&PickArgs { reverse: true, ..picked }), ["eu-1", "us-2", "us-1"]);
    }

    #[test]
    fn a_column_that_there_is_not_is_named_beside_those_that_there_are() {
        let picked = PickArgs { region: Some("us".to_owned()), ..PickArgs::default() };
        let failure = picked.tables(&mut [table()]).unwrap_err();
        assert_eq!(failure.exit, crate::Exit::Usage);
        let text = failure.error.to_string();
        assert_eq!(text, "there is no column region, only gateway, next hops");
    }
}
