//! A small log-log chart for each series, as SVG that needs nothing else.

use std::fmt::Write as _;

use crate::series::Series;

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const PLOT: (f64, f64, f64, f64) = (50.0, 34.0, 280.0, 160.0);
const COLUMNS: usize = 3;

pub(crate) fn svg(all: &[Series]) -> String {
    let rows = all.len().div_ceil(COLUMNS);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
        WIDTH * COLUMNS as f64,
        HEIGHT * rows as f64,
    );
    for (index, series) in all.iter().enumerate() {
        let (x, y) = (WIDTH * (index % COLUMNS) as f64, HEIGHT * (index / COLUMNS) as f64);
        writeln!(text, "<g transform=\"translate({x},{y})\">").expect("text");
        draw(&mut text, series);
        text += "</g>\n";
    }
    text + "</svg>\n"
}

fn draw(text: &mut String, series: &Series) {
    let (left, top, right, bottom) = PLOT;
    let (least, most) = range(series.points.iter().map(|(_, value)| *value));
    let (from, to) = range(series.points.iter().map(|(size, _)| *size as f64));
    let place = |(size, value): &(usize, f64)| {
        let x = left + (right - left) * part(*size as f64, from, to);
        (x, bottom - (bottom - top) * part(*value, least, most))
    };
    let points: Vec<(f64, f64)> = series.points.iter().map(place).collect();
    let line: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    writeln!(
        text,
        "<text x=\"8\" y=\"14\" font-weight=\"bold\">{}</text>\n\
         <text x=\"8\" y=\"27\">{} ({}): size to the {:.2}</text>\n\
         <path d=\"M{left},{top}V{bottom}H{right}\" fill=\"none\" stroke=\"#64748b\"/>\n\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#c2410c\" stroke-width=\"2\"/>\n\
         <text x=\"{left}\" y=\"{}\">{from}</text>\n\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{to} {}</text>\n\
         <text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">{}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
        series.what,
        series.unit,
        series.of,
        series.exponent(),
        line.join(" "),
        bottom + 14.0,
        bottom + 14.0,
        series.of,
        left - 4.0,
        short(least),
        left - 4.0,
        top + 8.0,
        short(most),
    )
    .expect("text");
}

/// A decade at least, so that what stays the same looks so.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (least, most) = values.fold((f64::MAX, 0.0_f64), |(a, b), one| (a.min(one), b.max(one)));
    let least = least.max(1e-6);
    (least, most.max(least * 10.0))
}

fn part(value: f64, least: f64, most: f64) -> f64 {
    (value.max(least) / least).ln() / (most / least).ln()
}

fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 1.0 => format!("{value:.1}"),
        value => format!("{value:.4}"),
    }
}
