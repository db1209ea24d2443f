//! Running an action on nodes and gathering what they answer.

use std::time::Duration;

use antiphon_wire::{Agent, Collective, Filter, IdError, Identity};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::client::{Client, Exchange, ExchangeError, Next, Targets, deadline};
use crate::connection::ConnectionError;
use crate::ddl::AgentDdl;
use crate::error::one_line;
use crate::request::Ask;
use crate::results::{Results, RpcReply, Stats};
use crate::text::clean;

/// Replies beyond one per node that are kept: what floods us must not fill our memory.
const SURPLUS_MAX: usize = 10_000;

/// One run of an action.
#[derive(Clone, Debug)]
pub struct Call<'a> {
    /// The agent, described.
    pub ddl: &'a AgentDdl,
    /// The action's name.
    pub action: &'a str,
    /// Its inputs.
    pub data: Map<String, Value>,
    /// The collective that the nodes are asked in.
    pub collective: &'a Collective,
    /// The nodes to ask; `None` leaves it to any one node with the service.
    pub nodes: Option<&'a [Identity]>,
    /// Groups to ask one after another.
    pub batches: Option<Batches>,
    /// How long a group may take.
    pub timeout: Duration,
}

/// How a run is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batches {
    /// Nodes in one group; at least 1.
    pub size: usize,
    /// The pause between two groups.
    pub pause: Duration,
}

/// What happens during a run.
#[derive(Debug)]
pub enum Progress<'a> {
    /// An answer was entered.
    Answer(&'a Stats),
    /// Answers may be missing, or one made no sense.
    Trouble(&'a str),
}

/// Why an action could not be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Asking the nodes failed.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// The agent has an impossible name.
    #[error(transparent)]
    Agent(#[from] IdError),
}

impl From<ConnectionError> for CallError {
    fn from(error: ConnectionError) -> Self {
        Self::Exchange(error.into())
    }
}

/// Runs an action and waits for every node, or the timeout, or the user's stop. What has arrived by then is returned.
///
/// # Errors
/// [`CallError`], unless a node has answered already: then it is told as trouble.
pub async fn call(
    client: &mut Client,
    call: &Call<'_>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Results, CallError> {
    let main = client.config.main_collective.clone();
    let ttl = client.config.ttl;
    let exchange = client.open(&main, None).await?;
    let mut run = Run::new(exchange, call, ttl)?;
    if let Err(error) = run.all(progress).await {
        // Nodes that have answered have acted: their answers are not thrown away.
        if run.results.replies.is_empty() {
            return Err(error);
        }
        progress(Progress::Trouble(&one_line(&error)));
    }
    Ok(run.finish().await)
}

/// Publishes a request whose answers go to `reply_to`, and waits for nothing but the broker. Returns the request id.
///
/// # Errors
/// [`CallError`].
pub async fn send_only(
    client: &mut Client,
    call: &Call<'_>,
    reply_to: &str,
) -> Result<String, CallError> {
    let main = client.config.main_collective.clone();
    let ttl = client.config.ttl;
    let exchange = client.open(&main, Some(reply_to)).await?;
    let id = exchange.id().to_string();
    let mut run = Run::new(exchange, call, ttl)?;
    let pause = call.batches.map_or(Duration::ZERO, |batches| batches.pause);
    for (index, group) in run.groups().into_iter().enumerate() {
        if index > 0 && !run.exchange.pause(pause).await {
            break;
        }
        run.send(group).await?;
        run.exchange.flush().await?;
    }
    Ok(id)
}

struct Run<'a, 'c> {
    exchange: Exchange<'c>,
    call: &'a Call<'a>,
    agent: Agent,
    filter: Filter,
    message: Vec<u8>,
    ttl: Duration,
    /// When the first group was published.
    started: Option<Instant>,
    results: Results,
}

/// Whether the user still wants answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Yes,
    No,
}

impl<'a, 'c> Run<'a, 'c> {
    fn new(exchange: Exchange<'c>, call: &'a Call<'a>, ttl: Duration) -> Result<Self, CallError> {
        let agent = Agent::try_from(call.ddl.metadata.name.as_str())?;
        let body = json!({"agent": agent, "action": call.action, "data": call.data});
        let filter = Filter { agent: vec![agent.to_string()], ..Filter::default() };
        let id = exchange.id().to_string();
        let stats = match call.nodes {
            Some(nodes) => Stats::new(id, nodes.iter().map(Identity::as_str)),
            None => Stats::for_service(id),
        };
        let results = Results {
            agent: agent.to_string(),
            action: call.action.to_owned(),
            replies: Vec::new(),
            stats,
        };
        let message = body.to_string().into_bytes();
        Ok(Self { exchange, call, agent, filter, message, ttl, started: None, results })
    }

    /// The groups of nodes, in order; one for a service request.
    fn groups(&self) -> Vec<Targets<'a>> {
        match (self.call.nodes, self.call.batches) {
            (None, _) => vec![Targets::Service],
            (Some(nodes), None) => vec![Targets::Nodes(nodes)],
            (Some(nodes), Some(batches)) => {
                nodes.chunks(batches.size.max(1)).map(Targets::Nodes).collect()
            }
        }
    }

    async fn all(&mut self, progress: &mut dyn FnMut(Progress<'_>)) -> Result<(), CallError> {
        let pause = self.call.batches.map_or(Duration::ZERO, |batches| batches.pause);
        for (index, group) in self.groups().into_iter().enumerate() {
            if index > 0 && !self.exchange.pause(pause).await {
                break;
            }
            self.send(group).await?;
            if self.gather(group, progress).await? == Wanted::No {
                break;
            }
        }
        Ok(())
    }

    async fn send(&mut self, group: Targets<'_>) -> Result<(), CallError> {
        let ask = Ask {
            collective: self.call.collective,
            agent: &self.agent,
            filter: &self.filter,
            message: &self.message,
            ttl: self.ttl,
        };
        let begin = self.exchange.send(&ask, group).await?;
        self.started.get_or_insert(begin);
        self.results.stats.publish_time += begin.elapsed();
        Ok(())
    }

    /// Takes answers until the group is complete. Answers of earlier groups count, whenever they come.
    async fn gather(
        &mut self,
        mut group: Targets<'_>,
        progress: &mut dyn FnMut(Progress<'_>),
    ) -> Result<Wanted, CallError> {
        let until = deadline(Instant::now(), self.call.timeout);
        while !self.results.stats.is_complete(&mut group) {
            match self.exchange.next(until).await? {
                Next::Answer { transport, .. } => match transport.reply() {
                    Ok(reply) => self.enter(RpcReply::read(&reply), progress),
                    Err(error) => {
                        let sender = clean(transport.sender().unwrap_or("an unnamed node"));
                        progress(Progress::Trouble(&format!("the reply of {sender}: {error}")));
                    }
                },
                Next::Trouble(trouble) => progress(Progress::Trouble(&trouble)),
                Next::TimedOut => return Ok(Wanted::Yes),
                Next::Stopped => return Ok(Wanted::No),
            }
        }
        Ok(Wanted::Yes)
    }

    fn enter(&mut self, reply: RpcReply, progress: &mut dyn FnMut(Progress<'_>)) {
        let Results { stats, replies, .. } = &mut self.results;
        if replies.len() >= stats.discovered.saturating_add(SURPLUS_MAX) {
            let trouble = format!("a reply of {} is one too many and not kept", reply.sender);
            return progress(Progress::Trouble(&trouble));
        }
        stats.count(&reply);
        replies.push(reply);
        progress(Progress::Answer(stats));
    }

    async fn finish(mut self) -> Results {
        let elapsed = self.started.map(|started| started.elapsed());
        self.results.stats.request_time = elapsed.unwrap_or_default();
        // A connection that has ended needs no farewell.
        self.exchange.close().await.ok();
        self.results
    }
}
