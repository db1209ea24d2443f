//! Agents: what a node can be asked to do.

mod choria_util;
mod discovery;
mod rpcutil;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::ddl::Ddl;
use crate::node::Node;
use crate::rpc::{Answer, Call, Status};

pub(crate) use discovery::is_ping;

/// The agent that answers pings; it is outside the RPC layer.
pub(crate) const DISCOVERY: &str = "discovery";

/// An agent: its description, and what runs it. Nodes of one process share them.
#[derive(Debug)]
pub(crate) struct Agent {
    /// What it says of itself.
    pub ddl: Ddl,
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
}

impl Agent {
    /// The agents that every node has.
    fn builtin() -> [Self; 3] {
        let agent = |ddl: &str, handler| Self {
            ddl: Ddl::parse(ddl).expect("the agent's description was checked by a test"),
            handler,
        };
        [
            agent(include_str!("../ddl/discovery.json"), Handler::Discovery),
            agent(include_str!("../ddl/rpcutil.json"), Handler::Rpcutil),
            agent(include_str!("../ddl/choria_util.json"), Handler::ChoriaUtil),
        ]
    }

    /// Whether the node checks inputs. Choria's own agents take what comes: a missing fact is an empty name.
    pub(crate) fn checks_inputs(&self) -> bool {
        !matches!(self.handler, Handler::Discovery | Handler::Rpcutil | Handler::ChoriaUtil)
    }

    /// Runs one action, which the description knows.
    pub(crate) async fn run(&self, call: &Call, node: &Node) -> Answer {
        match &self.handler {
            Handler::Discovery => Answer::failed(Status::UnknownAction, "discovery has no actions"),
            Handler::Rpcutil => rpcutil::run(call, node).await,
            Handler::ChoriaUtil => choria_util::run(call, node),
        }
    }
}

/// Agents by name.
pub(crate) type Agents = BTreeMap<String, Arc<Agent>>;

/// The agents of a node.
pub(crate) fn agents() -> Agents {
    let all = Agent::builtin().into_iter();
    all.map(|agent| (agent.ddl.metadata.name.clone(), Arc::new(agent))).collect()
}

/// The answer to an action that an agent does not have.
pub(crate) fn unknown_action(call: &Call) -> Answer {
    let (action, agent) = (&call.action, &call.request.agent);
    let message = format_args!("Unknown action {action} for agent {agent}");
    Answer::failed(Status::UnknownAction, message)
}
