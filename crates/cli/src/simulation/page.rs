//! A page for a browser.

use super::Run;

/// All runs on one page.
#[must_use]
pub fn page(_runs: &[Run]) -> String {
    String::new()
}
