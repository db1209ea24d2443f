//! One node: its configuration, its agents, its counters, and what it does with a message.

use std::sync::Arc;
use std::time::Duration;

use antiphon_broker::Publication;
use antiphon_wire::Collective;
use bytes::Bytes;
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::agent::{self, Agents};
use crate::audit;
use crate::clock::Clock;
use crate::config::NodeConfig;
use crate::filter::Profile;
use crate::inventory::{Inventory, InventoryFiles};
use crate::policy;
use crate::processor::{Accepted, Rules, Verdict};
use crate::refusal::Refusal;
use crate::registration::RequestSigner;
use crate::reply::{self, ReplySigner};
use crate::rpc::{Answer, Call, Status};
use crate::security::Security;
use crate::stats::Stats;

/// The URL of the broker that the node's connection stands to, if it does.
pub(crate) type Connected = watch::Receiver<Option<Arc<str>>>;

/// A node; several may share a connection.
#[derive(Debug)]
pub struct Node {
    pub(crate) config: NodeConfig,
    pub(crate) clock: Clock,
    pub(crate) stats: Stats,
    pub(crate) agents: Agents,
    /// When it started, since 1970-01-01 UTC.
    pub(crate) started: Duration,
    rules: Rules,
    files: Arc<InventoryFiles>,
    signer: Option<Arc<ReplySigner>>,
    /// What its own requests are signed with, if it makes any.
    pub(crate) request_signer: Option<RequestSigner>,
    /// What its connection counted; nodes may share it.
    pub(crate) traffic: Arc<antiphon_broker::Stats>,
    connected: Connected,
}

/// What a node is made of besides its configuration.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) security: Security,
    pub(crate) signer: Option<Arc<ReplySigner>>,
    pub(crate) request_signer: Option<RequestSigner>,
    pub(crate) clock: Clock,
    pub(crate) agents: Agents,
    pub(crate) files: Arc<InventoryFiles>,
    pub(crate) traffic: Arc<antiphon_broker::Stats>,
    pub(crate) connected: Connected,
}

/// An answer ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    pub(crate) subject: String,
    pub(crate) payload: Bytes,
}

impl From<Outgoing> for Publication {
    fn from(Outgoing { subject, payload }: Outgoing) -> Self {
        Self { subject, headers: Vec::new(), payload }
    }
}

impl Node {
    /// A node of this configuration.
    pub(crate) fn new(config: NodeConfig, parts: Parts) -> Self {
        let rules = Rules {
            identity: config.identity.as_str().to_owned(),
            collectives: config.collectives.clone(),
            agents: parts.agents.keys().cloned().collect(),
            security: parts.security,
        };
        Self {
            started: parts.clock.now(),
            clock: parts.clock,
            stats: Stats::default(),
            agents: parts.agents,
            signer: parts.signer,
            request_signer: parts.request_signer,
            traffic: parts.traffic,
            connected: parts.connected,
            files: parts.files,
            rules,
            config,
        }
    }

    /// The node's name.
    pub fn identity(&self) -> &str {
        &self.rules.identity
    }

    /// What it counted.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Judges a payload. Blocks for the time of a signature check, and for files that changed.
    pub(crate) fn judge(&self, payload: Bytes) -> Option<Box<Accepted>> {
        let verdict = self.rules.judge(payload, &self.files.load(), self.clock.now());
        match verdict {
            Verdict::Run(accepted) => {
                self.stats.accepted();
                Some(accepted)
            }
            Verdict::Refuse { refusal, detail } => {
                self.refuse(refusal, &detail);
                None
            }
        }
    }

    /// Counts a refusal and logs it: loudly the first, second, fourth, eighth … of its kind, so that a flood of bad
    /// requests is no flood of log lines. A filter that is for others is everyday life, not news.
    pub(crate) fn refuse(&self, refusal: Refusal, detail: &str) {
        self.stats.refused(refusal);
        let identity = self.identity();
        let count = self.stats.refusals(refusal);
        if refusal != Refusal::Filtered && count.is_power_of_two() {
            warn!(identity, %refusal, count, detail, "request not answered");
        } else {
            debug!(identity, %refusal, count, detail, "request not answered");
        }
    }

    /// Runs what was accepted and gives its answer; `None` after a refusal, which is counted.
    pub(crate) async fn answer(self: &Arc<Self>, request: Accepted) -> Option<Outgoing> {
        let subject = request.back.reply_to.clone();
        let payload = match request.agent.as_str() {
            agent::DISCOVERY => self.pong(&request),
            _ => self.call(request.clone()).await,
        }?;
        match reply::encode(
            &request,
            &payload,
            self.sender(&self.connected_server()),
            self.clock.now(),
        ) {
            Ok(payload) => Some(Outgoing { subject, payload }),
            Err(error) => {
                self.refuse(Refusal::Unsent, &error.to_string());
                None
            }
        }
    }

    fn pong(&self, request: &Accepted) -> Option<Vec<u8>> {
        if agent::is_ping(&request.payload) {
            return Some(b"pong".to_vec());
        }
        self.refuse(Refusal::NotPing, "the payload holds no ping");
        None
    }

    /// Runs an action within the agent's time; Choria answers nothing after it.
    async fn call(self: &Arc<Self>, request: Accepted) -> Option<Vec<u8>> {
        let agent = self.agents.get(request.agent.as_str())?.clone();
        let call = match Call::read(request) {
            Ok(call) => call,
            Err(answer) => return Some(answer.encode("")),
        };
        let action = call.action.clone();
        match tokio::time::timeout(agent.ddl.timeout(), self.run(&agent, call)).await {
            Ok(answer) => Some(answer.encode(&action)),
            Err(_) => {
                self.refuse(Refusal::Timeout, &format!("{}#{action}", agent.ddl.metadata.name));
                None
            }
        }
    }

    /// Runs an action if there is one, the caller may, and its inputs are as described.
    async fn run(self: &Arc<Self>, agent: &agent::Agent, call: Call) -> Answer {
        let Some(action) = agent.ddl.action(&call.action) else {
            return agent::unknown_action(&call);
        };
        let (node, call) = (self.clone(), Arc::new(call));
        let asked = call.clone();
        let allowed = tokio::task::spawn_blocking(move || node.authorize(&asked)).await;
        match allowed {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => return self.denied(&call, &reason),
            Err(error) => return Answer::aborted(format_args!("authorization failed: {error}")),
        }
        let mut call = Arc::unwrap_or_clone(call);
        if agent.checks_inputs()
            && let Err(error) = action.check(&mut call.data)
        {
            let status = if error.is_missing() { Status::MissingData } else { Status::InvalidData };
            return Answer::failed(status, error);
        }
        agent.run(&call, self).await
    }

    fn denied(&self, call: &Call, reason: &str) -> Answer {
        let (agent, action) = (&call.request.agent, &call.action);
        warn!(identity = self.identity(), %agent, action, reason, "call denied");
        Answer::aborted("You are not authorized to call this agent or action")
    }

    /// Policy, then audit; a call that cannot be recorded is not run. Blocks.
    fn authorize(&self, call: &Call) -> Result<(), String> {
        let inventory = self.files.load();
        let profile = Profile {
            identity: self.identity(),
            agents: self.agent_names(),
            classes: &inventory.classes,
            facts: &inventory.facts,
        };
        policy::decide(&self.config.authorization, call, &profile)?;
        let Some(path) = &self.config.audit_file else { return Ok(()) };
        audit::append(path, call, self.clock.now())
            .map_err(|error| format!("audit log {}: {error}", path.display()))
    }

    fn sender<'a>(&'a self, broker: &'a str) -> reply::Sender<'a> {
        reply::Sender { identity: self.identity(), broker, signer: self.signer.as_deref() }
    }

    /// Facts and classes, read again if they changed.
    pub(crate) async fn inventory(&self) -> Inventory {
        let files = self.files.clone();
        tokio::task::spawn_blocking(move || files.load())
            .await
            .expect("reading facts does not panic, and is not cancelled while the node runs")
    }

    /// As [`Self::inventory`]; blocks.
    pub(crate) fn inventory_now(&self) -> Inventory {
        self.files.load()
    }

    pub(crate) fn agent_names(&self) -> &[String] {
        &self.rules.agents
    }

    pub(crate) fn collective_names(&self) -> Vec<&str> {
        self.config.collectives.iter().map(Collective::as_str).collect()
    }

    /// URL of the broker; empty while there is no connection.
    pub(crate) fn connected_server(&self) -> String {
        self.connected.borrow().as_deref().unwrap_or_default().to_owned()
    }

    pub(crate) fn watch_connection(&self) -> Connected {
        self.connected.clone()
    }
}
