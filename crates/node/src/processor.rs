//! What a node does with a message, up to the agent: the order of checks of Choria's nodes, without I/O.
//!
//! 1. transport, 2. request and its schema, 3. credentials, 4. signature, 5. filter, 6. collective, 7. time,
//! 8. agent. Nothing that fails is answered. There is no memory: the same bytes twice run twice.

use std::time::Duration;

use antiphon_wire::{
    Agent, Collective, Federation, Request, RequestId, Transport, Version, legal_publish_subject,
};
use bytes::Bytes;

use crate::filter::Profile;
use crate::inventory::Inventory;
use crate::refusal::Refusal;
use crate::security::{Refused, Rights, Security};

/// What of a node the checks depend on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The node's name.
    pub identity: String,
    /// Collectives it is in.
    pub collectives: Vec<Collective>,
    /// Names of its agents, sorted.
    pub agents: Vec<String>,
    /// Whose requests it takes.
    pub security: Security,
}

/// A request that passed every check: what to run, and where to answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: RequestId,
    /// Who calls, as the signed request says.
    pub caller: String,
    /// The client's host, as it says.
    pub sender: String,
    /// The collective it is for.
    pub collective: Collective,
    /// The agent to run.
    pub agent: Agent,
    /// How long it was to live.
    pub ttl: Duration,
    /// When it was made, since 1970-01-01 UTC.
    pub time: Duration,
    /// The agent's payload.
    pub payload: Bytes,
    /// v2: what the caller's token lets it run, if the token says so.
    pub rights: Option<Rights>,
    /// Where the answer goes.
    pub back: Return,
}

/// How an answer finds its way, as the request's transport says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Return {
    /// The version to answer in.
    pub version: Version,
    /// The subject to publish on.
    pub reply_to: String,
    /// What is copied into the answer of a federated request: its header, and the hops so far.
    pub echo: Option<(Federation, Vec<Vec<String>>)>,
}

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Run it.
    Run(Box<Accepted>),
    /// Stay silent.
    Refuse {
        /// Why, for the counters.
        refusal: Refusal,
        /// The detail, for the log.
        detail: String,
    },
}

impl Rules {
    /// Judges a payload as it came from the broker. `now` is the time since 1970-01-01 UTC.
    ///
    /// Total: it never fails or panics, whatever the bytes. It takes about a tenth of a millisecond, for the signature.
    pub fn judge(&self, payload: Bytes, inventory: &Inventory, now: Duration) -> Verdict {
        match self.check(payload, inventory, now) {
            Ok(accepted) => Verdict::Run(Box::new(accepted)),
            Err(Refused { refusal, detail }) => Verdict::Refuse { refusal, detail },
        }
    }

    fn check(
        &self,
        payload: Bytes,
        inventory: &Inventory,
        now: Duration,
    ) -> Result<Accepted, Refused> {
        let transport = Transport::decode(payload)
            .map_err(|error| Refused::because(Refusal::Transport, &error))?;
        if transport.version() != self.security.version() {
            return Err(Refused::new(Refusal::Version, "the other protocol"));
        }
        let back = Return::of(&transport)?;
        let request =
            transport.request().map_err(|error| Refused::because(Refusal::Request, &error))?;
        request.check_schema().map_err(|error| Refused::because(Refusal::Schema, &error))?;
        let rights = self.security.check(&request, now)?;
        self.check_target(&request, inventory)?;
        check_time(&request, now)?;
        self.check_agent(&request)?;
        Ok(accept(request, rights, back))
    }

    /// The filter, then the collective.
    fn check_target(&self, request: &Request, inventory: &Inventory) -> Result<(), Refused> {
        let profile = Profile {
            identity: &self.identity,
            agents: &self.agents,
            classes: &inventory.classes,
            facts: &inventory.facts,
        };
        if !profile.matches(&request.filter) {
            return Err(Refused::new(Refusal::Filtered, "the filter does not match"));
        }
        if !self.collectives.contains(&request.head.collective) {
            return Err(Refused::new(Refusal::Collective, &request.head.collective));
        }
        Ok(())
    }

    fn check_agent(&self, request: &Request) -> Result<(), Refused> {
        let agent = request.head.agent.as_str();
        if self.agents.iter().any(|known| known == agent) {
            return Ok(());
        }
        Err(Refused::new(Refusal::UnknownAgent, agent))
    }
}

impl Return {
    fn of(transport: &Transport) -> Result<Self, Refused> {
        let reply_to = transport
            .reply_to()
            .ok_or_else(|| Refused::new(Refusal::ReplyTo, "no subject for the answer"))?;
        legal_publish_subject(reply_to)
            .map_err(|error| Refused::because(Refusal::ReplyTo, &error))?;
        let echo = transport.federation().map(|header| (header.clone(), transport.seen_by()));
        Ok(Self { version: transport.version(), reply_to: reply_to.to_owned(), echo })
    }
}

/// `now - ttl < time < now + ttl`: clocks may be apart by less than the time to live, either way.
fn check_time(request: &Request, now: Duration) -> Result<(), Refused> {
    let (time, ttl) = (request.head.time, request.head.ttl);
    // v1 carries whole seconds, and Choria compares whole seconds.
    let now = match request.head.version {
        Version::V1 => Duration::from_secs(now.as_secs()),
        Version::V2 => now,
    };
    if now.abs_diff(time) < ttl {
        return Ok(());
    }
    let apart = now.abs_diff(time).as_secs();
    Err(Refused::new(Refusal::Expired, format_args!("{apart} s apart with a ttl of {ttl:?}")))
}

fn accept(request: Request, rights: Option<Rights>, back: Return) -> Accepted {
    let payload = Bytes::copy_from_slice(&request.payload());
    Accepted {
        id: request.head.id,
        caller: request.head.caller.as_str().to_owned(),
        sender: request.sender,
        collective: request.head.collective,
        agent: request.head.agent,
        ttl: request.head.ttl,
        time: request.head.time,
        payload,
        rights,
        back,
    }
}
