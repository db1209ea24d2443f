//! `puppet`: the configuration management agent of the machine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::outcome;
use crate::backend::puppet::{Puppet, PuppetError, PuppetState};
use crate::node::Node;
use crate::rpc::{Answer, Call};

/// Runs an action.
pub(super) async fn run(call: &Call, puppet: &Arc<Puppet>, node: &Node) -> Answer {
    let now = node.clock.unix_seconds();
    let result = match call.action.as_str() {
        // It starts a process, for which the runtime must be at hand.
        "runonce" => run_once(call, puppet, now).await,
        "status" => blocking(puppet, move |puppet| Ok(status(&puppet.state()?, now))).await,
        "enable" => blocking(puppet, enable).await,
        "disable" => {
            let reason = disable_reason(call, now);
            blocking(puppet, move |puppet| disable(puppet, &reason)).await
        }
        "last_run_summary" => blocking(puppet, move |puppet| summary(puppet, now)).await,
        _ => return super::unknown_action(call),
    };
    outcome(result, puppet.is_simulated())
}

/// Runs what reads and writes files off the reactor.
async fn blocking(
    puppet: &Arc<Puppet>,
    work: impl FnOnce(&Puppet) -> Result<Value, PuppetError> + Send + 'static,
) -> Result<Value, PuppetError> {
    let puppet = puppet.clone();
    tokio::task::spawn_blocking(move || work(&puppet))
        .await
        .expect("reading Puppet's files does not panic, and is not cancelled while the node runs")
}

fn status(state: &PuppetState, now: u64) -> Value {
    let enabled = state.disabled.is_none();
    let idling = state.daemon_present && !state.applying;
    let status = match (enabled, state.applying, idling) {
        (false, ..) => "disabled",
        (true, true, _) => "applying a catalog",
        (true, false, true) => "idling",
        (true, false, false) => "stopped",
    };
    let since = since_last_run(state.last_run, now);
    let message = match state.last_run {
        0 => format!("Currently {status}; no run completed yet"),
        _ => format!("Currently {status}; last completed run {} ago", in_words(since)),
    };
    json!({
        "applying": state.applying,
        "idling": idling,
        "enabled": enabled,
        "daemon_present": state.daemon_present,
        "lastrun": state.last_run,
        "since_lastrun": since,
        "status": status,
        "disable_message": state.disabled.as_deref().unwrap_or_default(),
        "message": message,
    })
}

fn since_last_run(last_run: u64, now: u64) -> u64 {
    if last_run == 0 { 0 } else { now.saturating_sub(last_run) }
}

fn in_words(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

fn enable(puppet: &Puppet) -> Result<Value, PuppetError> {
    puppet.enable()?;
    Ok(json!({ "status": "Successfully enabled Puppet", "enabled": true }))
}

/// What the caller says, or who and when.
fn disable_reason(call: &Call, now: u64) -> String {
    match call.text("message") {
        "" => format!("Disabled by {} at {now}", call.request.caller),
        reason => reason.to_owned(),
    }
}

fn disable(puppet: &Puppet, reason: &str) -> Result<Value, PuppetError> {
    puppet.disable(reason)?;
    let status = format!("Successfully disabled Puppet: {reason}");
    Ok(json!({ "status": status, "enabled": false }))
}

async fn run_once(call: &Call, puppet: &Arc<Puppet>, now: u64) -> Result<Value, PuppetError> {
    let state = puppet.clone();
    let state = blocking(&state, |puppet| {
        let state = puppet.state()?;
        if state.applying {
            return Err(PuppetError::Applying);
        }
        Ok(json!(state.disabled))
    });
    if let Value::String(reason) = state.await? {
        return Err(PuppetError::Disabled { reason });
    }
    puppet.run_once(&arguments(call), now)?;
    Ok(json!({ "summary": "Started a Puppet run in the background", "initiated_at": now }))
}

/// Options of `puppet agent` that the caller chose. Each is one argument, so that none is taken for another option.
fn arguments(call: &Call) -> Vec<String> {
    let mut arguments = Vec::new();
    for flag in ["noop", "splay", "use_cached_catalog"] {
        match call.data.get(flag).and_then(Value::as_bool) {
            Some(true) => arguments.push(format!("--{flag}")),
            Some(false) => arguments.push(format!("--no-{flag}")),
            None => {}
        }
    }
    for option in ["server", "tags", "skip_tags", "environment"] {
        match call.text(option) {
            "" => {}
            value => arguments.push(format!("--{option}={value}")),
        }
    }
    if let Some(limit) = call.data.get("splaylimit").and_then(Value::as_u64) {
        arguments.push(format!("--splaylimit={limit}"));
    }
    arguments
}

/// The numbers of the last run. Its log is in a report that this node does not read.
fn summary(puppet: &Puppet, now: u64) -> Result<Value, PuppetError> {
    let summary = puppet.summary()?;
    let since = since_last_run(summary.last_run(), now);
    Ok(json!({
        "out_of_sync_resources": summary.resources("out_of_sync"),
        "failed_resources": summary.resources("failed"),
        "corrected_resources": summary.resources("corrective_change"),
        "changed_resources": summary.resources("changed"),
        "total_resources": summary.resources("total"),
        "config_retrieval_time": summary.seconds("config_retrieval"),
        "total_time": summary.seconds("total"),
        "logs": [],
        "lastrun": summary.last_run(),
        "since_lastrun": since,
        "config_version": summary.config_version(),
        "type_distribution": {},
        "summary": format!("{} resources, {} failed", summary.resources("total"), summary.resources("failed")),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disabled_puppet_says_why() {
        let state = PuppetState {
            disabled: Some("freeze".to_owned()),
            last_run: 100,
            ..PuppetState::default()
        };
        let status = status(&state, 160);
        assert_eq!(status["enabled"], false);
        assert_eq!(status["disable_message"], "freeze");
        assert_eq!(status["since_lastrun"], 60);
        assert_eq!(status["message"], "Currently disabled; last completed run 1m ago");
    }
}
