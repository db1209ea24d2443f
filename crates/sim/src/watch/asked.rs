//! What clients asked, who heard it, and who answered.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::RegionId;
use antiphon_wire::{Agent, Collective, Identity, Transport};
use bytes::Bytes;

use super::{Invariant, Watch};
use crate::message::number_of;

/// How long natively joined regions may hear a request twice: two beacons, and the flood of adverts.
const NATIVE_GRACE: Duration = Duration::from_secs(8);

/// A request as a client makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The collective.
    pub collective: Collective,
    /// Who should answer.
    pub whom: Whom,
    /// Bytes of the request's body.
    pub bytes: usize,
    /// Its time to live.
    pub ttl: Duration,
}

/// Who should answer a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Every node of every region.
    Everybody,
    /// One node.
    Node(Identity),
    /// Several nodes, as a client with a list of them does: the same bytes for each.
    Nodes(Vec<Identity>),
    /// Nodes of one region, asked as Choria's Federation Broker would be.
    Federated(RegionId, Vec<Identity>),
    /// Any one node that has a service.
    Service(Agent),
}

impl Whom {
    /// The agent that is asked.
    #[must_use]
    pub fn agent(&self) -> &str {
        match self {
            Self::Everybody => "discovery",
            Self::Node(_) | Self::Nodes(_) | Self::Federated(..) => "rpcutil",
            Self::Service(agent) => agent.as_str(),
        }
    }
}

/// A request that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// When.
    pub at: Duration,
    /// Where the client is.
    pub region: RegionId,
    /// The collective.
    pub collective: Collective,
    /// Who should answer.
    pub whom: Whom,
    /// Answers of each node.
    pub answers: BTreeMap<Identity, u32>,
    /// How long the last answer of each node took.
    pub delays: BTreeMap<Identity, Duration>,
    /// How long the last of them took.
    pub took: Duration,
    heard: BTreeMap<Identity, u32>,
}

impl Watch {
    /// A request by its number.
    #[must_use]
    pub fn request(&self, number: u64) -> Option<&Asked> {
        self.asked.get(usize::try_from(number.checked_sub(1)?).ok()?)
    }

    /// All requests, in order.
    #[must_use]
    pub fn requests(&self) -> &[Asked] {
        &self.asked
    }

    /// Nodes that should have answered a request and did not.
    #[must_use]
    pub fn missing(&self, asked: &Asked) -> Vec<Identity> {
        let silent = |node: &&Identity| !asked.answers.contains_key(*node);
        match &asked.whom {
            Whom::Everybody => self.nodes.keys().filter(silent).cloned().collect(),
            Whom::Node(node) => std::iter::once(node).filter(silent).cloned().collect(),
            Whom::Nodes(nodes) | Whom::Federated(_, nodes) => {
                nodes.iter().filter(silent).cloned().collect()
            }
            Whom::Service(agent) if asked.answers.is_empty() => {
                self.serving(agent).cloned().collect()
            }
            Whom::Service(_) => Vec::new(),
        }
    }

    /// Nodes of one region that should have answered and did not.
    #[must_use]
    pub fn missing_of(&self, asked: &Asked, region: &RegionId) -> Vec<Identity> {
        let here = |node: &Identity| self.region_of(node) == Some(region);
        self.missing(asked).into_iter().filter(here).collect()
    }

    /// How many nodes should answer a request.
    #[must_use]
    pub fn expected(&self, asked: &Asked) -> u64 {
        let nodes = match &asked.whom {
            Whom::Everybody => self.nodes.len(),
            Whom::Node(_) | Whom::Service(_) => 1,
            Whom::Nodes(nodes) | Whom::Federated(_, nodes) => nodes.len(),
        };
        nodes as u64
    }

    /// Whether everybody who was asked has answered.
    #[must_use]
    pub fn is_complete(&self, asked: &Asked) -> bool {
        asked.answers.len() as u64 >= self.expected(asked)
    }

    /// How many nodes a region has.
    #[must_use]
    pub fn nodes_of(&self, region: &RegionId) -> usize {
        self.nodes.keys().filter(|node| self.region_of(node) == Some(region)).count()
    }

    pub(crate) fn region_of(&self, node: &Identity) -> Option<&RegionId> {
        let (region, _) = self.nodes.get(node)?;
        self.regions.get(*region)
    }

    pub(crate) fn asked(
        &mut self,
        at: Duration,
        number: u64,
        region: &RegionId,
        question: &Question,
    ) {
        debug_assert_eq!(number, self.asked.len() as u64 + 1, "requests are numbered in order");
        self.asked.push(Asked {
            at,
            region: region.clone(),
            collective: question.collective.clone(),
            whom: question.whom.clone(),
            answers: BTreeMap::new(),
            delays: BTreeMap::new(),
            took: Duration::ZERO,
            heard: BTreeMap::new(),
        });
    }

    /// Nodes got a request; whether any of them would answer.
    pub(crate) fn nodes_got(
        &mut self,
        at: Duration,
        region: &RegionId,
        nodes: &[Identity],
        payload: &Bytes,
    ) -> bool {
        let Ok(transport) = Transport::decode(payload.clone()) else { return false };
        let Ok(head) = transport.request_head() else { return false };
        let Some(number) = number_of(head.id.as_str()) else { return false };
        let native = self.native.iter().filter(|((one, _), _)| one == region);
        let joined_at = native.map(|(_, at)| *at).max();
        let Some(asked) = asked_mut(&mut self.asked, number) else { return false };
        let lenient = joined_at.is_some_and(|since| asked.at <= since + NATIVE_GRACE);
        let one_of_all = matches!(asked.whom, Whom::Service(_));
        let mut twice = Vec::new();
        for node in nodes {
            let before = if one_of_all { asked.heard.values().sum() } else { 0 };
            let heard = asked.heard.entry(node.clone()).or_default();
            *heard += 1;
            // One that moved with the request under way may hear it in both regions.
            let twin = self.placed.has_twin(node) && *heard <= 2;
            let excused = lenient || twin || self.placed.moved_since(node, asked.at);
            if *heard.max(&mut (before + 1)) > 1 && !excused {
                twice.push(node.clone());
            }
        }
        if let Some(node) = twice.first() {
            let more = twice.len() - 1;
            let what = format!("{node} and {more} others in {region} hear request {number} twice");
            self.violated(at, Invariant::AtMostOnce, what);
        }
        true
    }

    /// Something arrives where a client of this region may listen.
    pub(crate) fn client_got(
        &mut self,
        at: Duration,
        region: &RegionId,
        subject: &str,
        payload: &Bytes,
    ) {
        let Some(number) = number_of(subject) else { return };
        let Some(asked) = asked_mut(&mut self.asked, number) else { return };
        if asked.region != *region {
            return;
        }
        let read = Transport::decode(payload.clone()).ok();
        let sender = read.as_ref().and_then(Transport::sender);
        let Some(sender) = sender.and_then(|one| Identity::try_from(one).ok()) else {
            let what = format!("a client of {region} gets an answer that it cannot read");
            return self.violated(at, Invariant::Poison, what);
        };
        let answers = asked.answers.entry(sender.clone()).or_default();
        *answers += 1;
        asked.took = at.saturating_sub(asked.at);
        asked.delays.insert(sender.clone(), asked.took);
        *self.delivered_per_second.entry(at.as_secs()).or_default() += 1;
        let heard = asked.heard.get(&sender).copied().unwrap_or(0);
        if *answers > heard {
            let what =
                format!("{sender} heard request {number} {heard} times, {answers} answers came");
            self.violated(at, Invariant::AtMostOnce, what);
        }
    }
}

fn asked_mut(asked: &mut [Asked], number: u64) -> Option<&mut Asked> {
    asked.get_mut(usize::try_from(number.checked_sub(1)?).ok()?)
}
