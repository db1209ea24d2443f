//! The little of `printf` that descriptions use in their formats: `%s`, `%d`, `%f`, with width and precision.

/// Prints `arguments` into `format`, one per verb; `%%` is a percent sign, other verbs print as they are given.
pub(super) fn print(format: &str, arguments: &[String]) -> String {
    let mut out = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let Some(end) = after.find(|c: char| c.is_ascii_alphabetic()) else {
            out.push('%');
            rest = after;
            break;
        };
        let (spec, tail) = after.split_at(end);
        pad(spec, arguments.next().map(String::as_str).unwrap_or_default(), &mut out);
        rest = tail.get(1..).unwrap_or_default();
    }
    out + rest
}

/// Bounds what a description can make us print.
const WIDTH_MAX: usize = 200;

fn pad(spec: &str, argument: &str, out: &mut String) {
    let (left, spec) = match spec.strip_prefix('-') {
        Some(spec) => (true, spec),
        None => (false, spec),
    };
    let (width, precision) = spec.split_once('.').unwrap_or((spec, ""));
    let width = width.parse().unwrap_or(0).min(WIDTH_MAX);
    let text = match (precision.parse::<usize>(), argument.parse::<f64>()) {
        (Ok(precision), Ok(number)) => format!("{number:.*}", precision.min(WIDTH_MAX)),
        _ => argument.to_owned(),
    };
    match left {
        true => out.push_str(&format!("{text:<width$}")),
        false => out.push_str(&format!("{text:>width$}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_take_arguments_in_order() {
        let print = |format| print(format, &["2.5".to_owned(), "7".to_owned()]);
        assert_eq!(print("%s and %d"), "2.5 and 7");
        assert_eq!(print("%5s|%-3d|"), "  2.5|7  |");
        assert_eq!(print("%.2f%%"), "2.50%");
        assert_eq!(print("plain"), "plain");
        assert_eq!(print("%d %d %d"), "2.5 7 ");
        assert_eq!(print("broken %5"), "broken %5");
    }
}
