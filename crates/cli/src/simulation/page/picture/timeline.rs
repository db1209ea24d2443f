//! What happened when: lanes of spans above panels of bars, all over the same seconds.

use std::fmt::Write as _;

use super::Escaped;

const WIDTH: f64 = 1060.0;
/// Room for the names and numbers left of the panels, and right of them.
const SIDES: (f64, f64) = (62.0, 14.0);
const LANE: f64 = 20.0;
const PANEL: f64 = 120.0;
/// Above each panel, for its title and legend.
const TITLE: f64 = 30.0;
/// Lanes that are drawn; more are counted.
const LANES_MAX: usize = 24;
/// Colours that there are.
const COLOURS: usize = 8;

/// What is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::simulation::page) struct Timeline {
    /// Seconds from the left edge to the right.
    pub seconds: usize,
    /// Over the panels, one lane each.
    pub spans: Vec<Span>,
    /// Moments, in seconds, that are marked across everything.
    pub marks: Vec<f64>,
    /// Below each other.
    pub panels: Vec<Panel>,
}

/// Something that lasts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulation::page) struct Span {
    /// From, in seconds.
    pub from: f64,
    /// Until; `None`: to the end.
    pub to: Option<f64>,
    /// What it is.
    pub label: String,
}

/// Counts for each second, one above the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::simulation::page) struct Panel {
    /// What is counted.
    pub title: String,
    /// From below.
    pub series: Vec<Series>,
}

/// One of the counts.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::simulation::page) struct Series {
    /// What is counted.
    pub name: String,
    /// Which colour.
    pub colour: usize,
    /// For each second.
    pub values: Vec<u64>,
}

impl Timeline {
    /// The picture as one SVG element.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "lanes and panels are few")]
    pub(in crate::simulation::page) fn svg(&self) -> String {
        let lanes = self.spans.len().min(LANES_MAX) as f64;
        let panels = self.panels.len() as f64;
        let top = lanes * LANE + 6.0;
        let bottom = top + panels * (PANEL + TITLE);
        let height = bottom + 30.0;
        let mut svg = format!(
            "<svg class=\"picture\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" \
             viewBox=\"0 0 {WIDTH} {height:.0}\" width=\"{WIDTH}\" height=\"{height:.0}\">\n\
             <title>timeline</title>\n"
        );
        self.ticks(bottom, &mut svg);
        for (index, span) in self.spans.iter().take(LANES_MAX).enumerate() {
            self.span(span, index as f64 * LANE, &mut svg);
        }
        for (index, panel) in self.panels.iter().enumerate() {
            self.panel(panel, top + index as f64 * (PANEL + TITLE), &mut svg);
        }
        for mark in &self.marks {
            let x = self.x(*mark);
            let _written = writeln!(
                svg,
                "<line class=\"broken\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom:.1}\"/>"
            );
        }
        svg.push_str("</svg>\n");
        svg
    }

    #[allow(clippy::cast_precision_loss, reason = "an hour has 3600 seconds")]
    fn x(&self, second: f64) -> f64 {
        let whole = self.seconds.max(1) as f64;
        SIDES.0 + (WIDTH - SIDES.0 - SIDES.1) * (second / whole).clamp(0.0, 1.0)
    }

    #[allow(clippy::cast_precision_loss, reason = "an hour has 3600 seconds")]
    fn ticks(&self, bottom: f64, svg: &mut String) {
        const STEPS: [usize; 10] = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600];
        let wanted = self.seconds / 14;
        let step = STEPS.into_iter().find(|step| *step >= wanted).unwrap_or(3600);
        for second in (0..=self.seconds).step_by(step) {
            let (x, below) = (self.x(second as f64), bottom + 18.0);
            let _written = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{bottom:.1}\"/>\
                 <text class=\"faint\" x=\"{x:.1}\" y=\"{below:.1}\" text-anchor=\"middle\">{second}s</text>"
            );
        }
    }

    fn span(&self, span: &Span, y: f64, svg: &mut String) {
        let (x, end) = (self.x(span.from), span.to.map_or(WIDTH - SIDES.1, |to| self.x(to)));
        let width = (end - x).max(3.0);
        let (y_text, height) = (y + 14.0, LANE - 4.0);
        // Beside a short span, inside a long one, and to its left near the edge.
        let (anchor, at) = match WIDTH - x {
            room if room < 260.0 => ("end", x - 5.0),
            _ if width < 200.0 => ("start", x + width + 5.0),
            _ => ("start", x + 6.0),
        };
        let label = Escaped(&span.label);
        let _written = writeln!(
            svg,
            "<rect class=\"span\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height}\" rx=\"3\"/>\
             <text class=\"halo\" x=\"{at:.1}\" y=\"{y_text:.1}\" text-anchor=\"{anchor}\">{label}</text>"
        );
    }

    #[allow(clippy::cast_precision_loss, reason = "counts for a picture")]
    fn panel(&self, panel: &Panel, top: f64, svg: &mut String) {
        let (floor, right) = (top + TITLE + PANEL - 6.0, WIDTH - SIDES.1);
        let most = round_up(panel.most());
        let scale = (PANEL - 12.0) / most as f64;
        legend(panel, top, svg);
        for share in [1, 2] {
            let value = most * share / 2;
            let y = floor - value as f64 * scale;
            let (left, beside, y_text) = (SIDES.0, SIDES.0 - 6.0, y + 4.0);
            let _written = writeln!(
                svg,
                "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"faint\" x=\"{beside}\" y=\"{y_text:.1}\" text-anchor=\"end\">{value}</text>"
            );
        }
        let width = (self.x(1.0) - self.x(0.0)).max(0.8);
        let mut below = vec![0_u64; self.seconds];
        for series in &panel.series {
            let mut path = String::new();
            for ((second, value), below) in series.values.iter().enumerate().zip(&mut below) {
                if *value > 0 {
                    let (x, height) = (self.x(second as f64), *value as f64 * scale);
                    let y = floor - *below as f64 * scale - height;
                    let _written =
                        write!(path, "M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z");
                    *below += value;
                }
            }
            let colour = series.colour % COLOURS;
            let _written = writeln!(svg, "<path style=\"fill:var(--c{colour})\" d=\"{path}\"/>");
        }
        let left = SIDES.0;
        let _written = writeln!(
            svg,
            "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{floor:.1}\" y2=\"{floor:.1}\"/>"
        );
    }
}

impl Panel {
    /// The highest pile of any second.
    fn most(&self) -> u64 {
        let length = self.series.iter().map(|series| series.values.len()).max().unwrap_or(0);
        let value = |second: usize| {
            self.series.iter().filter_map(|series| series.values.get(second)).sum::<u64>()
        };
        (0..length).map(value).max().unwrap_or(0)
    }
}

fn legend(panel: &Panel, top: f64, svg: &mut String) {
    let (left, y) = (SIDES.0, top + 17.0);
    let title = Escaped(&panel.title);
    let _written = write!(svg, "<text class=\"name\" x=\"{left}\" y=\"{y:.1}\">{title}");
    for Series { name, colour, .. } in &panel.series {
        let (colour, name) = (colour % COLOURS, Escaped(name));
        let _written = write!(
            svg,
            "<tspan dx=\"14\" style=\"fill:var(--c{colour})\">\u{25a0}</tspan>\
             <tspan dx=\"4\" font-weight=\"400\">{name}</tspan>"
        );
    }
    svg.push_str("</text>\n");
}

/// The next number that reads well: 2, 4, 6, 10, 20, 40, ...
fn round_up(most: u64) -> u64 {
    let mut unit = 1_u64;
    loop {
        for step in [2, 4, 6, 10] {
            let value = unit.saturating_mul(step);
            if value >= most {
                return value;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_end_on_numbers_that_read_well() {
        for (most, top) in
            [(0, 2), (3, 4), (7, 10), (10, 10), (11, 20), (390, 400), (u64::MAX, u64::MAX)]
        {
            assert_eq!(round_up(most), top);
        }
    }

    #[test]
    fn bars_pile_up_and_stay_inside() {
        let series =
            |colour, values: &[u64]| Series { name: "n".into(), colour, values: values.to_vec() };
        let panel =
            Panel { title: "<t>".into(), series: vec![series(0, &[1, 0]), series(9, &[3, 2])] };
        assert_eq!(panel.most(), 4);
        let span = Span { from: 1.0, to: None, label: "a<b".into() };
        let svg =
            Timeline { seconds: 2, spans: vec![span], marks: vec![5.0], panels: vec![panel] }.svg();
        assert!(svg.contains("--c1") && svg.contains("&lt;t&gt;") && svg.contains("a&lt;b"));
        assert_eq!(svg.matches("<path").count(), 2);
    }
}
