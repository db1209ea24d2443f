//! `shell`: commands of the caller's own. Off unless configured.

use serde_json::json;
use tokio::process::Command;

use super::outcome;
use crate::backend::{ProgramError, output};
use crate::rpc::{Answer, Call};

/// What interprets commands.
const SHELL: &str = "/bin/sh";

/// Runs an action.
pub(super) async fn run(call: &Call) -> Answer {
    match call.action.as_str() {
        "run" => outcome(run_command(call.text("command")).await, false),
        _ => super::unknown_action(call),
    }
}

/// A command that fails is an answer, not an error: the caller sees its exit code.
async fn run_command(text: &str) -> Result<serde_json::Value, ProgramError> {
    let mut command = Command::new(SHELL);
    command.arg("-c").arg(text);
    let output = output(SHELL, command).await?;
    Ok(json!({
        "stdout": output.stdout,
        "stderr": output.stderr,
        "success": output.code == 0,
        "exitcode": output.code,
    }))
}
