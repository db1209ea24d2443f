//! New policies, and who gave them.

use antiphon_core::{Event, PolicyTrial, policy::Policy};

use super::{CallerFacts, Shell};
use crate::{
    audit,
    callers::Callers,
    policies::{PolicyFacts, Purpose, RefusedPolicy},
};

/// A policy that was read, or not.
#[derive(Debug)]
pub struct PolicyOrder {
    /// The policy and whose signatures prove callers, or what is wrong.
    pub(crate) read: Result<(Policy, Option<Callers>), Vec<String>>,
    /// What it was read from.
    pub(crate) source: String,
    /// Whether it is to be put in force.
    pub(crate) purpose: Purpose,
    /// Who wants it.
    pub(crate) by: String,
}

impl Shell {
    pub(super) fn policy_at_start(&mut self) {
        let source = &self.config.policy;
        let file = source.file.as_ref().map_or(String::new(), |file| file.display().to_string());
        self.policy_facts = PolicyFacts { source: file.clone(), file, ..PolicyFacts::default() };
        if source.file.is_some() {
            let policy = Box::new(source.policy.clone());
            self.drive(Event::PolicyApplied { policy });
        }
    }

    /// Tries a policy and, if that is wanted, puts it in force; the requests that are under way go on.
    pub(super) fn on_policy_order(&mut self, order: PolicyOrder) -> PolicyTrial {
        let PolicyOrder { read, source, purpose, by } = order;
        let now = self.clock.now();
        let (policy, callers) = match read {
            Ok(read) => read,
            Err(problems) => {
                if purpose == Purpose::Apply {
                    audit::note(&by, "policy apply", &format!("{source}: refused"));
                    tracing::warn!(
                        ?problems,
                        source,
                        "the policy cannot be read; the old one holds"
                    );
                    let refused = RefusedPolicy { at: now.unix, by, source, problems };
                    self.policy_facts.refused = Some(refused);
                }
                return PolicyTrial::default();
            }
        };
        let trial = self.core.try_policy(&policy, now);
        if purpose == Purpose::Apply {
            audit::note(&by, "policy apply", &source);
            let changes = trial.changes.len();
            tracing::info!(source, changes, "another policy is in force");
            self.trust.callers = callers.as_ref().map(CallerFacts::of);
            self.vetting.renew(callers);
            let file = std::mem::take(&mut self.policy_facts.file);
            self.policy_facts = PolicyFacts { file, source, by, refused: None };
            self.drive(Event::PolicyApplied { policy: Box::new(policy) });
        }
        trial
    }
}
