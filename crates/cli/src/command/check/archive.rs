//! Reads what was archived.

use std::path::Path;

use antiphon_gateway::shell::Report;
use anyhow::{Context, anyhow};

use crate::{
    Failure,
    check::{Evidence, evidence::Asked},
};

/// One report, or one a line.
///
/// # Errors
/// The file cannot be read, or holds no report.
pub(super) fn read(file: &Path) -> Result<Evidence, Failure> {
    let name = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("{name}: cannot be read"))
        .map_err(Failure::usage)?;
    let reports = serde_json::Deserializer::from_str(&text).into_iter::<Report>();
    let mut evidence = Evidence { whole: true, ..Evidence::default() };
    for report in reports {
        let report = report
            .with_context(|| format!("{name}: is no archive of reports"))
            .map_err(Failure::usage)?;
        evidence.asked.push(Asked { report, local: false, took: None, here: None });
    }
    if evidence.asked.is_empty() {
        return Err(Failure::usage(anyhow!("{name}: holds no report")));
    }
    Ok(evidence)
}
