//! Action policies: who may run what on this node (go-choria `authz_actionpolicy.go`).
//!
//! The file is `<agent>.policy`, else the default policy if one is configured, else everything is denied. The first
//! line that fits decides. A line with a missing field makes the whole policy deny.

mod line;

use std::io::ErrorKind;
use std::path::Path;

use line::{Entry, Groups, PolicyError};

use crate::config::Authorization;
use crate::filter::Profile;
use crate::rpc::Call;

/// Decides about one call. Reads files: this may block.
///
/// # Errors
/// Why it is denied, for the log.
pub(crate) fn decide(
    authorization: &Authorization,
    call: &Call,
    profile: &Profile<'_>,
) -> Result<(), String> {
    match authorization {
        Authorization::Off => Ok(()),
        Authorization::Token => by_token(call),
        Authorization::ActionPolicy { folder, default, allow_unconfigured } => {
            let agent = call.request.agent.as_str();
            let text = policy_text(folder, agent, default.as_deref())?;
            let groups = Groups::read(&folder.join("groups")).map_err(|error| error.to_string())?;
            let policy = Policy::parse(&text).map_err(|error| error.to_string())?;
            match policy.allows(call, profile, &groups).unwrap_or(*allow_unconfigured) {
                true => Ok(()),
                false => Err(format!("the policy of {agent} denies it")),
            }
        }
    }
}

fn by_token(call: &Call) -> Result<(), String> {
    let rights = call.request.rights.as_ref();
    match rights.is_some_and(|rights| rights.allow(call.request.agent.as_str(), &call.action)) {
        true => Ok(()),
        false => Err("the caller's token does not allow it".to_owned()),
    }
}

/// The agent's own policy, or the default one.
fn policy_text(folder: &Path, agent: &str, default: Option<&str>) -> Result<String, String> {
    for name in [Some(agent), default].into_iter().flatten() {
        let path = folder.join(format!("{name}.policy"));
        match std::fs::read_to_string(&path) {
            Ok(text) => return Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(format!("{}: {error}", path.display())),
        }
    }
    Err(format!("there is no policy for {agent} in {}", folder.display()))
}

/// A policy file.
#[derive(Debug, Default)]
struct Policy {
    /// `policy default …`, if the file says so.
    default: Option<bool>,
    entries: Vec<Entry>,
}

impl Policy {
    fn parse(text: &str) -> Result<Self, PolicyError> {
        let mut policy = Self::default();
        let lines = text.lines().map(str::trim_end).enumerate();
        for (index, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
            match text.strip_prefix("policy default ").map(str::trim) {
                Some("allow") => policy.default = Some(true),
                Some("deny") => policy.default = Some(false),
                Some(_) => return Err(PolicyError { line: index + 1, fault: "allow or deny" }),
                None => policy.entries.extend(Entry::parse(index + 1, text)?),
            }
        }
        Ok(policy)
    }

    /// What the file says of the call; `None` if it says nothing.
    fn allows(&self, call: &Call, profile: &Profile<'_>, groups: &Groups) -> Option<bool> {
        let caller = call.request.caller.as_str();
        let fits = |entry: &&Entry| entry.fits(caller, &call.action, profile, groups);
        self.entries.iter().find(fits).map(|entry| entry.allow).or(self.default)
    }
}

#[cfg(test)]
mod tests;
