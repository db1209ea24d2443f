//! What the gateways of a simulation remember at the moment of its snapshot.

use std::path::Path;

use antiphon_core::{RequestsAsked, RequestsView};
use antiphon_gateway::shell::Said;
use anyhow::Context;

use crate::{
    archive::{Archive, Silent},
    simulation::snapshot::Moment,
};

/// The gateway that the snapshot names first.
pub(super) fn of_one(file: &Path, wanted: &RequestsAsked) -> anyhow::Result<Said<RequestsView>> {
    let archive = Archive::read(file)?;
    let said = Moment::of(&archive).and_then(|moment| moment.requests(&archive.asked, wanted));
    said.with_context(|| file.display().to_string())
}

/// All that run, and those that do not.
pub(super) fn of_all(
    file: &Path,
    wanted: &RequestsAsked,
) -> anyhow::Result<(Vec<Said<RequestsView>>, Vec<Silent>)> {
    let archive = Archive::read(file)?;
    let moment = Moment::of(&archive).with_context(|| file.display().to_string())?;
    let names = archive.reports.iter().map(|report| &report.core.gateway);
    let said = names.map(|name| moment.requests(name, wanted)).collect::<anyhow::Result<_>>()?;
    Ok((said, archive.silent))
}
