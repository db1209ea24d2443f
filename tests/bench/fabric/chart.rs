//! A chart of bars with their spread, as SVG that needs nothing else.

use std::fmt::Write as _;

const WIDTH: usize = 760;
const BAR: usize = 16;
const LEFT: usize = 130;
const RIGHT: usize = 90;

/// Bars that share a scale.
pub(crate) struct Group {
    pub(crate) title: String,
    pub(crate) bars: Vec<Bar>,
}

/// One bar: a median with its spread.
pub(crate) struct Bar {
    pub(crate) label: &'static str,
    pub(crate) value: f64,
    pub(crate) least: f64,
    pub(crate) most: f64,
}

/// The chart.
pub(crate) fn svg(groups: &[Group]) -> String {
    let mut body = String::new();
    let mut y = 10;
    for group in groups {
        y += 18;
        let title = &group.title;
        writeln!(body, "<text x=\"8\" y=\"{y}\" font-weight=\"bold\">{title}</text>")
            .expect("text");
        y += 6;
        let most = group.bars.iter().map(|bar| bar.most).fold(f64::MIN_POSITIVE, f64::max);
        let scale = (WIDTH - LEFT - RIGHT) as f64 / most;
        for bar in &group.bars {
            y += draw(&mut body, bar, y, scale);
        }
    }
    let head = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        y + 12,
    );
    head + &body + "</svg>\n"
}

/// Draws one bar; how much room it took.
fn draw(body: &mut String, bar: &Bar, y: usize, scale: f64) -> usize {
    let color = if bar.label == "fabric" { "#c2410c" } else { "#64748b" };
    let (length, from, to) = (bar.value * scale, bar.least * scale, bar.most * scale);
    let (middle, base) = (y + BAR / 2, y + BAR - 4);
    let left = LEFT as f64;
    writeln!(
        body,
        "<text x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>\n\
         <rect x=\"{LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"{}\" fill=\"{color}\"/>\n\
         <line x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{middle}\" y2=\"{middle}\" stroke=\"black\"/>\n\
         <text x=\"{:.1}\" y=\"{base}\">{}</text>",
        LEFT - 6,
        bar.label,
        BAR - 3,
        left + from,
        left + to,
        left + to.max(length) + 6.0,
        short(bar.value),
    )
    .expect("text");
    BAR
}

fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.4}"),
    }
}
