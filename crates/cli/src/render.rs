//! Draws tables: the only place that knows of widths and colours.

use comfy_table::{
    Attribute, CellAlignment, Color, ColumnConstraint, ContentArrangement, Row, Width, presets,
};

use crate::{
    screen::Screen,
    table::{Align, Cell, Column, Room, Table, Tone},
};

/// Blanks between columns.
const GAP: u16 = 2;

/// A table as text, every line ended.
///
/// Columns that need room go first, rightmost before others; what is left is wrapped to the width.
#[must_use]
pub fn table(table: &Table, screen: Screen) -> String {
    let mut shown: Vec<usize> = (0..table.columns.len()).collect();
    loop {
        let drawn = draw(table, &shown, screen);
        let too_wide =
            screen.width.is_some_and(|width| natural_width(table, &shown, &drawn) > width.into());
        match shown.iter().rposition(|index| is_extra(table, *index)) {
            Some(extra) if too_wide => {
                shown.remove(extra);
            }
            _ => return lines(&drawn),
        }
    }
}

fn is_extra(table: &Table, index: usize) -> bool {
    table.columns.get(index).is_some_and(|column| column.room == Room::IfWide)
}

fn natural_width(table: &Table, shown: &[usize], drawn: &comfy_table::Table) -> u64 {
    let columns = pick(&table.columns, shown);
    let widths = columns.zip(drawn.column_max_content_widths()).map(|(column, natural)| {
        u64::from(column.width_max.map_or(natural, |most| natural.min(most)))
    });
    let gaps = u64::from(GAP) * shown.len().saturating_sub(1) as u64;
    widths.sum::<u64>() + gaps
}

fn lines(drawn: &comfy_table::Table) -> String {
    let mut text = String::new();
    for line in drawn.trim_fmt().lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn draw(table: &Table, shown: &[usize], screen: Screen) -> comfy_table::Table {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::NOTHING);
    if screen.colour {
        drawn.enforce_styling().style_text_only();
    } else {
        drawn.force_no_tty();
    }
    if let Some(width) = screen.width {
        drawn.set_width(width).set_content_arrangement(ContentArrangement::Dynamic);
    }
    if table.has_header() {
        drawn.set_header(pick(&table.columns, shown).map(|column| header(column, screen)));
    }
    for row in &table.rows {
        let mut drawn_row = Row::from(pick(row, shown).map(|cell| paint(cell, screen)));
        if let Some(lines) = table.lines_max {
            drawn_row.max_height(lines);
        }
        drawn.add_row(drawn_row);
    }
    style_columns(&mut drawn, table, shown);
    drawn
}

fn pick<'a, T>(all: &'a [T], shown: &'a [usize]) -> impl Iterator<Item = &'a T> {
    shown.iter().filter_map(|index| all.get(*index))
}

fn style_columns(drawn: &mut comfy_table::Table, table: &Table, shown: &[usize]) {
    let last = shown.len().saturating_sub(1);
    for (place, column) in pick(&table.columns, shown).enumerate() {
        let Some(target) = drawn.column_mut(place) else { continue };
        let gap = if place == last { 0 } else { GAP };
        target.set_padding((0, gap));
        if let Some(most) = column.width_max {
            target.set_constraint(ColumnConstraint::UpperBoundary(Width::Fixed(most + gap)));
        }
        target.set_cell_alignment(match column.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        });
    }
}

fn header(column: &Column, screen: Screen) -> comfy_table::Cell {
    let cell = comfy_table::Cell::new(column.name);
    if screen.colour { cell.add_attribute(Attribute::Bold) } else { cell }
}

fn paint(cell: &Cell, screen: Screen) -> comfy_table::Cell {
    let text = comfy_table::Cell::new(&cell.text);
    let colour = match cell.tone {
        Tone::Plain => return text,
        Tone::Good => Color::DarkGreen,
        Tone::Warning => Color::DarkYellow,
        Tone::Problem => Color::DarkRed,
    };
    if screen.colour { text.fg(colour) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Screen = Screen { width: Some(20), colour: false };

    fn sample() -> Table {
        let columns =
            vec![Column::words("NAME"), Column::numbers("COST"), Column::words("WHERE").if_wide()];
        let mut table = Table::new(columns);
        table.rows.push(vec!["eu-1".into(), 7.into(), "eu-1.example.net:7440".into()]);
        table
    }

    #[test]
    fn a_column_that_needs_room_goes_before_anything_is_wrapped() {
        assert_eq!(super::table(&sample(), PLAIN), "NAME  COST\neu-1     7\n");
    }

    #[test]
    fn every_column_is_shown_where_there_is_room() {
        let wide = Screen { width: Some(60), ..PLAIN };
        let shown = "NAME  COST  WHERE\neu-1     7  eu-1.example.net:7440\n";
        assert_eq!(super::table(&sample(), wide), shown);
        assert_eq!(super::table(&sample(), Screen { width: None, ..PLAIN }), shown);
    }

    #[test]
    fn a_long_text_is_cut_where_the_table_says_so() {
        let mut table = Table::new(vec![Column::words("NOTES")]).cut_after(1);
        table.rows.push(vec!["a text of more than twenty characters".into()]);
        assert_eq!(super::table(&table, PLAIN), "NOTES\na text of more than…\n");
    }

    #[test]
    fn colours_appear_only_where_they_are_wanted() {
        let mut table = Table::pairs(vec![("state", Cell::from("up").tone(Tone::Good))]);
        assert_eq!(super::table(&table, PLAIN), "state  up\n");
        let coloured = super::table(&table, Screen { colour: true, ..PLAIN });
        assert!(coloured.contains("\u{1b}["), "{coloured:?}");
        table.rows.clear();
        assert_eq!(super::table(&table, PLAIN), "");
    }
}
