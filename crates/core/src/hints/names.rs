//! A short list of names, kept as one text: agents and services of a region are a few dozen.

use std::sync::Arc;

use antiphon_wire::Agent;
use serde::{Deserialize, Serialize};

/// Agents in order, each once. At most [`NameList::MAX`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NameList(Arc<str>);

impl NameList {
    /// Names in one list; what is more is left out. Choria's largest installations run some 50.
    pub const MAX: usize = 256;

    /// Of these names; sorted, each once, cut after [`Self::MAX`].
    #[must_use]
    pub fn new<'a>(names: impl IntoIterator<Item = &'a Agent>) -> Self {
        let names: std::collections::BTreeSet<&str> =
            names.into_iter().map(Agent::as_str).collect();
        let names: Vec<&str> = names.into_iter().take(Self::MAX).collect();
        Self(names.join("\n").into())
    }

    /// Whether a name is in it.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.iter().any(|one| one == name)
    }

    /// The names, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        // A name has no line break: it is one NATS token.
        self.0.split('\n').filter(|one| !one.is_empty())
    }
}

impl Default for NameList {
    fn default() -> Self {
        Self("".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_sorted_and_holds_what_it_was_made_of() {
        let agents = ["rpcutil", "package", "rpcutil"].map(|one| Agent::try_from(one).unwrap());
        let list = NameList::new(&agents);
        assert_eq!(list.iter().collect::<Vec<_>>(), ["package", "rpcutil"]);
        assert!(list.contains("package") && !list.contains("pack"));
        assert!(!NameList::default().contains("") && NameList::default().iter().count() == 0);
    }

    #[test]
    fn a_list_is_bounded() {
        let agents: Vec<Agent> =
            (0..1000).map(|n| Agent::try_from(format!("a{n}")).unwrap()).collect();
        assert_eq!(NameList::new(&agents).iter().count(), NameList::MAX);
    }
}
