//! Pictures for a page: SVG as text, without outside programs.
//!
//! Colours follow the reader's light or dark setting; [`STYLE`] has them all.

pub(in crate::simulation::page) mod ring;
pub(in crate::simulation::page) mod timeline;

use std::fmt;

use crate::table::Tone;

/// The colours, as CSS variables and classes, for every picture and page.
pub(in crate::simulation::page) const STYLE: &str = include_str!("picture/style.css");

/// Text as it may stand in SVG and HTML, in attributes too.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulation::page) struct Escaped<'a>(pub &'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in self.0.chars() {
            match one {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                '\'' => f.write_str("&#39;")?,
                one if one.is_control() => f.write_str("\u{fffd}")?,
                one => write!(f, "{one}")?,
            }
        }
        Ok(())
    }
}

/// The class of a meaning.
#[must_use]
pub(in crate::simulation::page) const fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "plain",
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Problem => "problem",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_place() {
        let text = Escaped("<b a=\"x\" b='y'>&\u{1b}").to_string();
        assert_eq!(text, "&lt;b a=&quot;x&quot; b=&#39;y&#39;&gt;&amp;\u{fffd}");
    }
}
