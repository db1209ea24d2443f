//! What is tried on each subject that a gateway will use, so that nobody acts on it.
//!
//! Subscriptions are tried in the gateway's own queue groups, since permissions may name those, but on
//! names that nobody uses in place of wildcards: a member of the real subject would take messages away
//! from its siblings. Subjects without wildcards are tried without a group, where every listener has
//! copies; in the group ([`SubscribeTry::alone`]) only while no sibling is heard. Requests are published
//! for an agent and a node that do not exist, with the mark that gateways ignore; replies on a subject
//! that nobody listens to.

use std::collections::BTreeSet;

use antiphon_core::STARTUP_SUBJECT;
use antiphon_wire::Collective;

use crate::config::Config;

/// A name that no agent, node or client has.
const NOBODY: &str = "antiphon_check";
/// The end of a reply subject that no client has: a caller's digest and a request id.
const NO_REPLY: &str = "00000000000000000000000000000000.00000000000000000000000000000000";

/// A subscription to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscribeTry {
    /// On which subject.
    pub subject: String,
    /// In which queue group.
    pub group: Option<String>,
    /// The group in which the gateway will subscribe, where that may be tried only while no sibling is at
    /// work: permissions may allow nothing else.
    pub alone: Option<String>,
    /// The subject that the gateway will subscribe to.
    pub stands_for: String,
}

/// A publication to try.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublishTry {
    /// On which subject.
    pub subject: String,
    /// The subjects that the gateway will publish on.
    pub stands_for: String,
}

/// Every subscription of the gateway.
#[must_use]
pub fn subscriptions(config: &Config) -> BTreeSet<SubscribeTry> {
    let ours = format!("antiphon_{}", config.fabric);
    let mut tries = BTreeSet::new();
    let mut add = |subject: String, group: Option<&str>, stands_for: String| {
        let group = group.map(str::to_owned);
        tries.insert(SubscribeTry { subject, group, alone: None, stands_for });
    };
    let mut exact = Vec::new();
    for collective in &config.export {
        for kind in ["broadcast.agent", "broadcast.service"] {
            let (one, all) =
                (format!("{collective}.{kind}.{NOBODY}"), format!("{collective}.{kind}.*"));
            add(one, Some(&ours), all);
        }
        // Two tokens: identities are host names.
        let one = format!("{collective}.node.{NOBODY}.{NOBODY}");
        add(one, Some(&ours), format!("{collective}.node.>"));
        exact.push((reply_subject(config, collective), Some(ours.clone())));
    }
    let names = config.federation.keys();
    // Choria's Federation Broker may be in that group, and is not heard.
    exact.extend(names.map(|name| (format!("choria.federation.{name}.federation"), None)));
    let beacons = format!("antiphon.beacon.{}.*.*", config.fabric);
    add(beacons.clone(), None, beacons);
    if config.hints.lifecycle {
        add(STARTUP_SUBJECT.to_owned(), None, STARTUP_SUBJECT.to_owned());
    }
    tries.extend(exact.into_iter().map(|(subject, alone)| SubscribeTry {
        stands_for: subject.clone(),
        subject,
        group: None,
        alone,
    }));
    tries
}

/// Every publication of the gateway, its beacon apart.
#[must_use]
pub fn publications(config: &Config) -> BTreeSet<PublishTry> {
    let mut tries = BTreeSet::new();
    let mut add = |subject: String, stands_for: String| {
        tries.insert(PublishTry { subject, stands_for });
    };
    for collective in &config.export {
        for kind in ["broadcast.agent", "broadcast.service"] {
            let all = format!("{collective}.{kind}.*");
            add(format!("{collective}.{kind}.{NOBODY}"), all);
        }
        add(format!("{collective}.node.{NOBODY}.{NOBODY}"), format!("{collective}.node.>"));
        add(format!("{collective}.reply.{NO_REPLY}"), format!("{collective}.reply.>"));
    }
    for pattern in &config.reply_subjects {
        add(concrete(pattern), pattern.clone());
    }
    tries
}

fn reply_subject(config: &Config, collective: &Collective) -> String {
    let template = config.broker.reply_subject.replace("{region}", config.region.as_str());
    template.replace("{collective}", collective.as_str())
}

/// One subject that a pattern covers.
fn concrete(pattern: &str) -> String {
    let tokens =
        pattern.split('.').map(|token| if matches!(token, "*" | ">") { NOBODY } else { token });
    tokens.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use antiphon_core::{Action, BrokerInfo, Event, Gateway, Incarnation, Now};

    use super::*;
    use crate::testing::Authority;

    fn config() -> Config {
        let authority = Authority::new();
        let tls = authority.issue("gw", &["antiphon://acme/eu/eu-1"], &[]);
        let path = |path: &std::path::Path| format!("{:?}", path.display().to_string());
        let tls = format!(
            "{{ certificate = {}, key = {}, ca = {} }}",
            path(&tls.certificate),
            path(&tls.key),
            path(&tls.ca)
        );
        let text = format!(
            "fabric = \"acme\"\nregion = \"eu\"\n[broker]\nservers = [\"nats://localhost\"]\n\
             [link]\nlisten = \"127.0.0.1:0\"\nadvertise = \"eu-1.example.net:7440\"\ntls = {tls}\n\
             [export]\ncollectives = [\"mcollective\", \"choria\"]\nreply_subjects = [\"r.*.>\"]\n\
             [federation]\nnames = {{ london = \"eu\" }}\n"
        );
        let file = authority.folder().join("gateway.toml");
        std::fs::write(&file, text).unwrap();
        crate::config::check(&file).unwrap()
    }

    #[test]
    fn every_subscription_of_the_machine_is_tried() {
        let config = config();
        let mut gateway = Gateway::new(config.core(Incarnation(1)), 1, Now::default());
        let later = Now { mono: std::time::Duration::from_secs(60), ..Now::default() };
        let mut actions = gateway.handle(Event::BrokerUp(BrokerInfo::default()), Now::default());
        actions.extend(gateway.handle(Event::Tick, later));
        let wanted: BTreeSet<String> = actions
            .into_iter()
            .filter_map(|action| {
                let Action::Subscribe { subject, .. } = action else { return None };
                Some(subject)
            })
            .collect();
        assert!(wanted.len() > 6, "{wanted:?}");
        let tried: BTreeSet<String> =
            subscriptions(&config).into_iter().map(|one| one.stands_for).collect();
        assert_eq!(tried, wanted);
    }

    #[test]
    fn nothing_is_tried_where_somebody_would_act_on_it() {
        let config = config();
        for one in subscriptions(&config).iter().filter(|one| one.group.is_some()) {
            assert!(one.subject.contains(NOBODY), "{one:?}");
        }
        for one in publications(&config) {
            let nobody = one.subject.contains(NOBODY) || one.subject.ends_with(NO_REPLY);
            assert!(nobody && !one.subject.contains(['*', '>']), "{one:?}");
        }
    }
}
