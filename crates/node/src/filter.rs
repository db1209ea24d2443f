//! Which requests are for this node: Choria's filters.
//!
//! Every list of a filter that is not empty must match, in the order identity, agent, class, fact, compound
//! (go-choria `filter/**`). Whatever cannot be evaluated does not match.

mod compound;
pub(crate) mod condition;
mod fact;
mod path;
mod pattern;

use antiphon_wire::Filter;
use serde_json::Value;

pub(crate) use fact::matches as fact_matches;
pub(crate) use path::lookup;
pub(crate) use pattern::Pattern;

/// What a filter is compared with: the node as it is at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Profile<'a> {
    /// The node's name.
    pub identity: &'a str,
    /// Names of its agents.
    pub agents: &'a [String],
    /// Configuration management classes.
    pub classes: &'a [String],
    /// All facts, an object.
    pub facts: &'a Value,
}

impl Profile<'_> {
    /// Whether `filter` is for this node.
    pub fn matches(&self, filter: &Filter) -> bool {
        self.identity_matches(&filter.identity)
            && filter.agent.iter().all(|agent| self.has_agent(agent))
            && filter.class.iter().all(|class| self.has_class(class))
            && filter.fact.iter().all(|fact| fact_matches(fact, self.facts))
            && filter
                .compound
                .iter()
                .flatten()
                .all(|expression| compound::is_true(expression, self))
    }

    /// One of the identities must be ours.
    fn identity_matches(&self, identities: &[String]) -> bool {
        identities.is_empty()
            || identities.iter().any(|wanted| match Pattern::of(wanted) {
                Pattern::Text(name) => name == self.identity,
                Pattern::Regex(body) => pattern::regex_matches(body, self.identity),
            })
    }

    fn has_agent(&self, wanted: &str) -> bool {
        match Pattern::of(wanted) {
            Pattern::Text(name) => self.agents.iter().any(|agent| agent == name),
            Pattern::Regex(body) => pattern::regex_finds(body, self.agents),
        }
    }

    pub(crate) fn has_class(&self, wanted: &str) -> bool {
        match Pattern::of(wanted) {
            Pattern::Text(name) => {
                let name = name.to_lowercase();
                self.classes.contains(&name)
            }
            Pattern::Regex(body) => pattern::regex_finds_any_case(body, self.classes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn matches(filter: Filter) -> bool {
        let facts = json!({"country": "mt", "os": {"family": "Debian"}, "mem": 512});
        let profile = Profile {
            identity: "n1.example.net",
            agents: &["discovery".to_owned(), "rpcutil".to_owned()],
            classes: &["one".to_owned(), "Two".to_owned()],
            facts: &facts,
        };
        profile.matches(&filter)
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_empty_filter_is_for_everyone() {
        assert!(matches(Filter::default()));
    }

    #[test]
    fn one_of_several_identities_is_enough() {
        let identities = |names: &[&str]| Filter { identity: texts(names), ..Filter::default() };
        assert!(matches(identities(&["other", "n1.example.net"])));
        assert!(matches(identities(&["/^n\\d/"])));
        assert!(!matches(identities(&["N1.example.net"])));
        assert!(!matches(identities(&["/^N1/"])));
    }

    #[test]
    fn every_agent_must_be_there() {
        let agents = |names: &[&str]| Filter { agent: texts(names), ..Filter::default() };
        assert!(matches(agents(&["rpcutil", "/^disc/"])));
        assert!(!matches(agents(&["rpcutil", "nosuch"])));
    }

    #[test]
    fn a_class_is_lower_cased_before_it_is_compared() {
        let classes = |names: &[&str]| Filter { class: texts(names), ..Filter::default() };
        assert!(matches(classes(&["ONE"])));
        assert!(matches(classes(&["/tw/", "/O/"])));
        assert!(!matches(classes(&["two"])), "the file says Two, the needle becomes two");
    }

    #[test]
    fn a_broken_expression_matches_nothing() {
        assert!(!matches(Filter { identity: texts(&["/(/"]), ..Filter::default() }));
        assert!(!matches(Filter { agent: texts(&["/[/"]), ..Filter::default() }));
    }
}
