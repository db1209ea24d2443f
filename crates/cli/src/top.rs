//! `antiphon top`: a live view of the whole terminal.
//!
//! [`State`] is what is shown and what keys do with it, [`draw`] how it looks; both know nothing of
//! terminals, so that tests show and press them.

mod draw;
mod keys;
mod matrix;
mod state;

pub use draw::draw;
pub use keys::Flow;
pub use matrix::{Crossing, Matrix, Metric};
pub use state::{State, Tab};
