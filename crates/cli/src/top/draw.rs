//! How it looks.

use std::collections::BTreeSet;

use antiphon_core::Alarm;
use ratatui::{
    Frame,
    layout::{Alignment, Constraint, Layout, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Block, Cell, Clear, Paragraph, Row, Table as Widget},
};

use super::{Matrix, State, Tab, keys::HELP};
use crate::{
    human,
    table::{Align, Room, Table, Tone},
    view::View,
};

/// Width of a cell of the matrix.
const CELL: u16 = 9;
/// Blanks between columns.
const GAP: u16 = 2;

/// Draws the whole screen; with colours only where they are wanted.
pub fn draw(frame: &mut Frame<'_>, state: &State, colour: bool) {
    let paint = Paint { colour };
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(2),
        Constraint::Min(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(headline(state, paint)), head);
    frame.render_widget(Paragraph::new(tab_line(state)), tabs);
    match (state.matrix(), state.table()) {
        (None, _) => frame.render_widget(Paragraph::new("waiting for the first answer"), body),
        (Some(matrix), None) => draw_matrix(frame, body, state, &matrix, paint),
        (Some(_), Some(table)) => draw_table(frame, body, state, &table, paint),
    }
    frame.render_widget(Paragraph::new(foot_line(state, paint)), foot);
    if state.help {
        draw_help(frame);
    }
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn tone(self, tone: Tone) -> Style {
        let style = Style::default();
        if !self.colour {
            return style;
        }
        match tone {
            Tone::Plain => style,
            Tone::Good => style.fg(Color::Green),
            Tone::Warning => style.fg(Color::Yellow),
            Tone::Problem => style.fg(Color::Red),
        }
    }
}

fn headline(state: &State, paint: Paint) -> Line<'static> {
    let Some(view) = &state.now else { return Line::from("antiphon top") };
    let first = view.reports.first();
    let fabric = first.map(|one| one.core.fabric.to_string()).unwrap_or_default();
    let at = state.at().map(human::moment).unwrap_or_default();
    let gateways = human::count(view.reports.len() as u64, "gateway");
    let mut spans = vec![
        Span::styled(format!("fabric {fabric}"), Style::default().add_modifier(Modifier::BOLD)),
        Span::raw(format!("  {gateways}  {at}")),
    ];
    if state.paused {
        spans.push(Span::styled("  paused", paint.tone(Tone::Warning)));
    }
    spans.extend(notices(view, paint));
    if !view.silent.is_empty() {
        let silent = human::list(view.silent.iter().map(|one| &one.gateway));
        spans.push(Span::styled(format!("  silent: {silent}"), paint.tone(Tone::Problem)));
    }
    Line::from(spans)
}

/// What everybody should know: emergency stops, links that are held down, alarms.
fn notices(view: &View, paint: Paint) -> Vec<Span<'static>> {
    let orders = |halts: bool| {
        let orders = view.reports.iter().flat_map(|one| &one.core.orders);
        let meant = orders.filter(|one| one.order.stands && one.order.stop.is_halt() == halts);
        let known = meant.filter(|one| one.holds || !halts);
        known.map(|one| (&one.region, &one.order.stop)).collect::<BTreeSet<_>>().len() as u64
    };
    let mut alarms: Vec<&Alarm> = Vec::new();
    for one in view.reports.iter().flat_map(|report| &report.core.alarms) {
        let ordered = matches!(one.alarm, Alarm::Halted { .. } | Alarm::LinkOrderedDown { .. });
        if !ordered && !alarms.contains(&&one.alarm) {
            alarms.push(&one.alarm);
        }
    }
    let notices = [
        (orders(true), "halt", Tone::Problem),
        (orders(false), "held link", Tone::Warning),
        (alarms.len() as u64, "alarm", Tone::Problem),
    ];
    let said = notices.into_iter().filter(|(number, ..)| *number > 0);
    said.map(|(number, what, tone)| {
        Span::styled(format!("  {}", human::count(number, what)), paint.tone(tone))
    })
    .collect()
}

fn tab_line(state: &State) -> Line<'static> {
    let title = |tab: &Tab| {
        let style = Style::default();
        let style = if *tab == state.tab { style.add_modifier(Modifier::REVERSED) } else { style };
        [Span::styled(format!(" {} ", tab.title()), style), Span::raw(" ")]
    };
    Line::from(Tab::ALL.iter().flat_map(title).collect::<Vec<_>>())
}

fn foot_line(state: &State, paint: Paint) -> Line<'static> {
    if state.typing {
        return Line::from(format!("show rows with: {}_", state.filter));
    }
    if let Some(trouble) = &state.trouble {
        return Line::styled(trouble.clone(), paint.tone(Tone::Problem));
    }
    let filter = match state.filter.as_str() {
        "" => String::new(),
        filter => format!("  only rows with {filter:?} (esc)"),
    };
    let matrix = match state.tab {
        Tab::Regions if state.matrix().is_some_and(|matrix| matrix.has_held()) => {
            format!("  m: {}  h: held down, goes around", state.metric.title())
        }
        Tab::Regions => format!("  m: {}", state.metric.title()),
        Tab::Gateways | Tab::Links | Tab::Drops => String::new(),
    };
    Line::from(format!("?: help  q: leave  p: pause{matrix}{filter}"))
}

fn draw_matrix(frame: &mut Frame<'_>, area: Rect, state: &State, matrix: &Matrix, paint: Paint) {
    let names = matrix.to.iter().chain(&matrix.from);
    let longest = names.map(|name| name.as_str().len()).max().unwrap_or(0).max("FROM / TO".len());
    let first = u16::try_from(longest).unwrap_or(CELL).min(24);
    let shown: Vec<_> = matrix.to.iter().skip(state.shift).collect();
    let bold = Style::default().add_modifier(Modifier::BOLD);
    let right =
        |text: String, style| Cell::from(Line::styled(text, style).alignment(Alignment::Right));
    let head = std::iter::once(Cell::from(Line::styled("FROM / TO", bold)));
    let head = head.chain(shown.iter().map(|name| right(name.to_string(), bold)));
    let rows = matrix.from.iter().skip(state.scroll).map(|from| {
        let cells = shown.iter().map(|to| {
            if from == *to {
                return right("·".to_owned(), Style::default());
            }
            let (text, tone) = matrix.cell(from, to).show(state.metric);
            right(text, paint.tone(tone))
        });
        Row::new(std::iter::once(Cell::from(from.to_string())).chain(cells))
    });
    let widths = std::iter::once(first).chain(
        shown.iter().map(|name| u16::try_from(name.as_str().len()).unwrap_or(CELL).clamp(CELL, 24)),
    );
    let widget = Widget::new(rows, widths.map(Constraint::Length))
        .header(Row::new(head))
        .column_spacing(GAP);
    frame.render_widget(widget, area);
}

fn draw_table(frame: &mut Frame<'_>, area: Rect, state: &State, table: &Table, paint: Paint) {
    if table.rows.is_empty() {
        let text = table.empty.as_deref().unwrap_or("nothing to show");
        return frame.render_widget(Paragraph::new(text), area);
    }
    let shown = fitting(table, area.width);
    let pick = |index: &usize| table.columns.get(*index).map(|column| (*index, column));
    let columns: Vec<_> = shown.iter().filter_map(|(index, _)| pick(index)).collect();
    let head = columns.iter().map(|(index, column)| {
        let arrow = match (state.sort == Some(*index), state.reverse) {
            (true, false) => "▲",
            (true, true) => "▼",
            (false, _) => "",
        };
        let style = Style::default().add_modifier(Modifier::BOLD);
        aligned(format!("{}{arrow}", column.name), column.align, style)
    });
    let rows = table.rows.iter().skip(state.scroll).map(|row| {
        Row::new(columns.iter().map(|(index, column)| match row.get(*index) {
            Some(cell) => aligned(cell.text.clone(), column.align, paint.tone(cell.tone)),
            None => Cell::default(),
        }))
    });
    // What is too wide is cut at the right, in the last column.
    let last = shown.len().saturating_sub(1);
    let widths = shown.iter().enumerate().map(|(place, (_, width))| match place == last {
        true => Constraint::Fill(1),
        false => Constraint::Length(*width),
    });
    let widget =
        Widget::new(rows, widths).header(Row::new(head.collect::<Vec<_>>())).column_spacing(GAP);
    frame.render_widget(widget, area);
}

fn aligned(text: String, align: Align, style: Style) -> Cell<'static> {
    let alignment = match align {
        Align::Left => Alignment::Left,
        Align::Right => Alignment::Right,
    };
    Cell::from(Line::styled(text, style).alignment(alignment))
}

/// The columns that there is room for, and how wide they are; those that need room go first.
fn fitting(table: &Table, width: u16) -> Vec<(usize, u16)> {
    let natural = |index: usize| {
        let cells = table.rows.iter().filter_map(|row| row.get(index));
        let widest = cells.map(|cell| cell.text.chars().count()).max().unwrap_or(0);
        let name = table.columns.get(index).map_or(0, |column| column.name.len() + 1);
        u16::try_from(widest.max(name)).unwrap_or(u16::MAX)
    };
    let mut shown: Vec<(usize, u16)> =
        (0..table.columns.len()).map(|index| (index, natural(index))).collect();
    let total = |shown: &[(usize, u16)]| -> u32 {
        shown.iter().map(|(_, width)| u32::from(width.saturating_add(GAP))).sum()
    };
    let is_extra = |(index, _): &(usize, u16)| {
        table.columns.get(*index).is_some_and(|column| column.room == Room::IfWide)
    };
    while total(&shown) > u32::from(width)
        && let Some(extra) = shown.iter().rposition(is_extra)
    {
        shown.remove(extra);
    }
    shown
}

fn draw_help(frame: &mut Frame<'_>) {
    let lines: Vec<Line<'_>> =
        HELP.iter().map(|(key, what)| Line::from(format!(" {key:<25}{what} "))).collect();
    let area = frame.area();
    let width = lines.iter().map(Line::width).max().unwrap_or(0);
    let width = u16::try_from(width + 2).unwrap_or(area.width).min(area.width);
    let height = u16::try_from(lines.len() + 2).unwrap_or(area.height).min(area.height);
    let place = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    frame.render_widget(Clear, place);
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" keys ")), place);
}
