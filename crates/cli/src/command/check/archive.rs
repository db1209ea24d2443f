//! Reads what was archived.

use std::path::Path;

use crate::{
    Failure,
    archive::Archive,
    check::{Evidence, evidence::Asked},
};

/// What `antiphon archive` wrote: the gateway that was asked comes first.
///
/// # Errors
/// The file cannot be read, or is no archive.
pub(super) fn read(file: &Path) -> Result<Evidence, Failure> {
    let Archive { asked, reports, silent, .. } = Archive::read(file).map_err(Failure::usage)?;
    let (first, others): (Vec<_>, Vec<_>) =
        reports.into_iter().partition(|report| report.core.gateway == asked);
    let all = first.into_iter().chain(others);
    let told = all.map(|report| Asked { report, local: false, took: None, here: None });
    let silent = silent.into_iter().map(|one| (one.gateway.to_string(), one.reason));
    Ok(Evidence {
        asked: told.collect(),
        silent: silent.collect(),
        whole: true,
        ..Evidence::default()
    })
}
