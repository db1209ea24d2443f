//! `package`: what is installed on the machine.

use serde::Serialize;
use serde_json::json;

use super::outcome;
use crate::backend::ProgramError;
use crate::backend::packages::{Change, Packages};
use crate::rpc::{Answer, Call};

/// Runs an action.
pub(super) async fn run(call: &Call, packages: &Packages) -> Answer {
    let name = call.text("package");
    let version = call.data.get("version").and_then(|version| version.as_str());
    let result = match call.action.as_str() {
        "status" => status(packages, name).await,
        "install" => change(packages, name, Change::Install(version)).await,
        "update" => change(packages, name, Change::Update).await,
        "uninstall" => change(packages, name, Change::Uninstall).await,
        "checkupdates" => check_updates(packages).await,
        _ => return super::unknown_action(call),
    };
    outcome(result, packages.is_simulated())
}

async fn status(packages: &Packages, name: &str) -> Result<serde_json::Value, ProgramError> {
    Ok(json!(packages.status(name).await?))
}

/// Answers with what is there afterwards.
async fn change(
    packages: &Packages,
    name: &str,
    change: Change<'_>,
) -> Result<serde_json::Value, ProgramError> {
    packages.change(name, change).await?;
    status(packages, name).await
}

async fn check_updates(packages: &Packages) -> Result<serde_json::Value, ProgramError> {
    #[derive(Serialize)]
    struct Outputs<'a, T> {
        package_manager: &'a str,
        outdated_packages: T,
        output: String,
        exitcode: i32,
    }
    let (package_manager, outdated_packages) = packages.outdated().await?;
    let output = format!("{} packages could be newer", outdated_packages.len());
    Ok(json!(Outputs { package_manager, outdated_packages, output, exitcode: 0 }))
}
