//! Agents: what a node can be asked to do.

mod choria_util;
mod discovery;
mod external;
mod package;
mod puppet;
mod rpcutil;
mod service;
mod shell;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use serde_json::Value;
use tracing::warn;

use crate::backend::Programs;
use crate::backend::packages::Packages;
use crate::backend::puppet::{Puppet, STATE_FOLDER, SimulatedPuppet};
use crate::backend::services::Services;
use crate::config::{AgentsConfig, NodeConfig};
use crate::ddl::Ddl;
use crate::node::Node;
use crate::rpc::{Answer, Call, Status};

use crate::security::causes;
pub(crate) use discovery::is_ping;
use external::External;

/// The agent that answers pings; it is outside the RPC layer.
pub(crate) const DISCOVERY: &str = "discovery";

/// An agent: its description, and what runs it.
#[derive(Debug)]
pub(crate) struct Agent {
    /// What it says of itself; nodes of one process share it.
    pub(crate) ddl: Arc<Ddl>,
    handler: Handler,
}

/// What runs an agent's actions.
#[derive(Debug)]
enum Handler {
    /// Pings, outside the RPC layer.
    Discovery,
    /// Facts, inventory, statistics.
    Rpcutil,
    /// The node's connection.
    ChoriaUtil,
    /// What is installed.
    Package(Packages),
    /// What runs.
    Service(Services),
    /// Configuration management.
    Puppet(Arc<Puppet>),
    /// The caller's own commands.
    Shell,
    /// A program of its own.
    External(External),
}

/// Agents by name.
pub(crate) type Agents = BTreeMap<String, Arc<Agent>>;

impl Agent {
    fn new(ddl: &LazyLock<Arc<Ddl>>, handler: Handler) -> Self {
        Self { ddl: Arc::clone(ddl), handler }
    }

    fn external(ddl: Ddl, external: External) -> Self {
        Self { ddl: Arc::new(ddl), handler: Handler::External(external) }
    }

    /// Whether the node checks inputs. Choria's own agents take what comes: a missing fact is an empty name.
    pub(crate) fn checks_inputs(&self) -> bool {
        !matches!(self.handler, Handler::Discovery | Handler::Rpcutil | Handler::ChoriaUtil)
    }

    /// Runs one action, which the description knows.
    pub(crate) async fn run(&self, call: &Call, node: &Node) -> Answer {
        match &self.handler {
            Handler::Discovery => unknown_action(call),
            Handler::Rpcutil => rpcutil::run(call, node).await,
            Handler::ChoriaUtil => choria_util::run(call, node),
            Handler::Package(packages) => package::run(call, packages).await,
            Handler::Service(services) => service::run(call, services).await,
            Handler::Puppet(puppet) => puppet::run(call, puppet, node).await,
            Handler::Shell => shell::run(call).await,
            Handler::External(external) => external.run(call, node).await,
        }
    }
}

/// The agents that a configuration asks for. External ones are asked whether they want to run.
pub(crate) async fn load(config: &NodeConfig) -> Agents {
    let mut all = vec![
        Agent::new(&DISCOVERY_DDL, Handler::Discovery),
        Agent::new(&RPCUTIL_DDL, Handler::Rpcutil),
        Agent::new(&CHORIA_UTIL_DDL, Handler::ChoriaUtil),
    ];
    let machine = config.agents.machine.iter();
    all.extend(machine.filter_map(|name| machine_agent(name, &config.agents)));
    if config.agents.shell {
        all.push(Agent::new(&SHELL_DDL, Handler::Shell));
    }
    for folder in &config.agents.external {
        all.extend(external::load(folder, &config.source).await);
    }
    let mut agents = Agents::new();
    for agent in all {
        match agents.entry(agent.ddl.metadata.name.clone()) {
            Entry::Vacant(free) => drop(free.insert(Arc::new(agent))),
            Entry::Occupied(taken) => warn!(agent = taken.key(), "left out: there is one already"),
        }
    }
    agents
}

/// An agent that manages the machine, or pretends.
fn machine_agent(name: &str, config: &AgentsConfig) -> Option<Agent> {
    let programs = Programs::of(config.path.as_deref());
    let state = || config.puppet_state.clone().unwrap_or_else(|| PathBuf::from(STATE_FOLDER));
    let agent = match (name, config.simulated) {
        ("package", false) => {
            Agent::new(&PACKAGE_DDL, Handler::Package(Packages::Machine(programs)))
        }
        ("package", true) => Agent::new(&PACKAGE_DDL, Handler::Package(Packages::simulated())),
        ("service", false) => {
            Agent::new(&SERVICE_DDL, Handler::Service(Services::Machine(programs)))
        }
        ("service", true) => Agent::new(&SERVICE_DDL, Handler::Service(Services::simulated())),
        ("puppet", false) => {
            let puppet = Puppet::Machine { state: state(), programs };
            Agent::new(&PUPPET_DDL, Handler::Puppet(Arc::new(puppet)))
        }
        ("puppet", true) => {
            let puppet = Puppet::Simulated(SimulatedPuppet::default());
            Agent::new(&PUPPET_DDL, Handler::Puppet(Arc::new(puppet)))
        }
        _ => return None,
    };
    Some(agent)
}

/// The answer to an action that an agent does not have.
pub(crate) fn unknown_action(call: &Call) -> Answer {
    let (action, agent) = (&call.action, &call.request.agent);
    let message = format_args!("Unknown action {action} for agent {agent}");
    Answer::failed(Status::UnknownAction, message)
}

/// The answer of an action on the machine. One that was only simulated says so.
fn outcome<E: std::error::Error>(result: Result<Value, E>, simulated: bool) -> Answer {
    let mark = |mut data: Value| {
        if let (true, Some(members)) = (simulated, data.as_object_mut()) {
            members.insert("simulated".to_owned(), Value::Bool(true));
        }
        data
    };
    match result {
        Ok(data) => Answer::ok(&mark(data)),
        Err(error) => {
            Answer::aborted_with(causes(&error), &mark(Value::Object(serde_json::Map::new())))
        }
    }
}

/// Declares the description of one of our agents, parsed once.
macro_rules! ddl {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Arc<Ddl>> = LazyLock::new(|| {
            let ddl = Ddl::parse(include_str!(concat!("../ddl/", $file)));
            Arc::new(ddl.expect("our descriptions are checked by a test"))
        });
    };
}

ddl!(DISCOVERY_DDL, "discovery.json");
ddl!(RPCUTIL_DDL, "rpcutil.json");
ddl!(CHORIA_UTIL_DDL, "choria_util.json");
ddl!(PACKAGE_DDL, "package.json");
ddl!(SERVICE_DDL, "service.json");
ddl!(PUPPET_DDL, "puppet.json");
ddl!(SHELL_DDL, "shell.json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_description_can_be_read() {
        for ddl in [
            &DISCOVERY_DDL,
            &RPCUTIL_DDL,
            &CHORIA_UTIL_DDL,
            &PACKAGE_DDL,
            &SERVICE_DDL,
            &PUPPET_DDL,
            &SHELL_DDL,
        ] {
            assert!(ddl.timeout().as_secs() > 0, "{}", ddl.metadata.name);
        }
    }

    #[test]
    fn what_is_simulated_says_so_even_when_it_fails() {
        let answer = outcome::<std::fmt::Error>(Ok(serde_json::json!({"a": 1})), true);
        assert_eq!(answer.data, r#"{"a":1,"simulated":true}"#);
        let answer = outcome(Err(std::fmt::Error), true);
        assert_eq!(
            (answer.status, answer.data.as_str()),
            (Status::Aborted, r#"{"simulated":true}"#)
        );
        assert_eq!(outcome(Err(std::fmt::Error), false).data, "{}");
    }
}
