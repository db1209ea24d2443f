//! `service`: what runs on the machine.

use serde_json::{Value, json};

use super::outcome;
use crate::backend::ProgramError;
use crate::backend::services::{Services, Verb};
use crate::rpc::{Answer, Call};

/// Runs an action.
pub(super) async fn run(call: &Call, services: &Services) -> Answer {
    let name = call.text("service");
    let result = match call.action.as_str() {
        "status" => status(services, name).await,
        "start" => change(services, name, Verb::Start).await,
        "stop" => change(services, name, Verb::Stop).await,
        "restart" => change(services, name, Verb::Restart).await,
        _ => return super::unknown_action(call),
    };
    outcome(result, services.is_simulated())
}

async fn status(services: &Services, name: &str) -> Result<Value, ProgramError> {
    Ok(json!({ "status": services.status(name).await? }))
}

/// Answers with what is so afterwards.
async fn change(services: &Services, name: &str, verb: Verb) -> Result<Value, ProgramError> {
    services.change(name, verb).await?;
    status(services, name).await
}
