//! The topology of a fabric, and how it is drawn: as text, for other programs, and as SVG without
//! any.

mod circle;
mod dot;
mod matrix;
mod mermaid;
mod svg;
mod text;
mod topology;

pub(crate) use circle::directions;
pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;
pub use text::tables;
pub use topology::{Bundle, Gateway, Link, LinkState, Mark, Region, Topology};
