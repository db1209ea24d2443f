//! A line chart in text.

/// Rows of a chart.
const HEIGHT: usize = 15;
/// Most columns of a chart; more values are drawn as their means.
const WIDTH: usize = 60;

/// Draws `values` from left to right, with the scale on the left. Empty for no values.
pub(crate) fn plot(values: &[f64]) -> String {
    let columns = columns(values);
    let low = columns.iter().copied().fold(f64::INFINITY, f64::min);
    let high = columns.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if columns.is_empty() {
        return String::new();
    }
    let step = (high - low) / HEIGHT as f64;
    let rows = if step > 0.0 { HEIGHT } else { 0 };
    let mut out = String::new();
    for row in (0..=rows).rev() {
        let level = low + step * row as f64;
        let dots: String = columns.iter().map(|value| mark(*value, level, step)).collect();
        out.push_str(&format!("{level:>12.2} ┤{}\n", dots.trim_end()));
    }
    out
}

fn mark(value: f64, level: f64, step: f64) -> char {
    let distance = value - level;
    if distance.abs() <= step / 2.0 || step == 0.0 { '•' } else { ' ' }
}

fn columns(values: &[f64]) -> Vec<f64> {
    let per_column = values.len().div_ceil(WIDTH).max(1);
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    values.chunks(per_column).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_spans_the_values_with_one_dot_a_column() {
        let chart = plot(&[0.0, 15.0, 30.0]);
        let rows: Vec<_> = chart.lines().collect();
        assert_eq!(rows.len(), HEIGHT + 1);
        assert_eq!(rows[0], "       30.00 ┤  •");
        assert_eq!(rows[HEIGHT], "        0.00 ┤•");
    }

    #[test]
    fn many_values_share_columns_and_equal_ones_a_row() {
        assert!(plot(&vec![1.0; 1000]).lines().all(|row| row.chars().count() <= 14 + WIDTH));
        assert_eq!(plot(&[2.0, 2.0]), "        2.00 ┤••\n");
        assert_eq!(plot(&[]), "");
    }
}
