//! What is asked of it, and whether the answer was true.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{
    super::*,
    world::{NODES, OTHERS, World, link},
};
use crate::{
    CandidateView, CheckResult, ExplainAsked, Explanation, Interest, MessageKind, NextStep,
    return_address::{ClientKind, ReturnAddress},
};

/// Units created by region, and bytes that wait by peer.
type State = (BTreeMap<String, u64>, BTreeMap<String, u64>);

impl World {
    /// Explains a message, then publishes it.
    pub(super) fn asks(&mut self, kind: u8) -> Result<(), TestCaseError> {
        let (subject, payload) = message(kind);
        self.bench.handle(Event::Tick);
        let payload_asked = Some(payload.clone());
        let asked =
            ExplainAsked { subject: subject.clone(), payload: payload_asked, ..Default::default() };
        let explanation = self.bench.gateway.explain(&asked, at(self.bench.seconds)).unwrap();
        let before = self.state();
        let actions = self.bench.publish(&subject, payload);
        let actions = self.answered(actions, Interest::Absent);
        self.compare(&explanation, &before, &actions)
    }

    /// Units created by region, and bytes that wait by peer.
    fn state(&self) -> State {
        let gateway = &self.bench.gateway;
        let mut created = BTreeMap::new();
        for (key, tally) in gateway.account.tallies() {
            *created.entry(key.to.to_string()).or_default() += tally.created;
        }
        let waiting = OTHERS.iter().map(|(name, _)| {
            ((*name).to_owned(), gateway.queues.lane_weight(&name.parse().unwrap()))
        });
        (created, waiting.collect())
    }

    fn compare(
        &self,
        explanation: &Explanation,
        before: &State,
        actions: &[Action],
    ) -> Result<(), TestCaseError> {
        let after = self.state();
        let told: Vec<DropReason> = match targets(explanation, CheckResult::Failed) {
            0 => explanation.refused.into_iter().collect(),
            failed => vec![explanation.refused.unwrap_or(DropReason::Internal); failed],
        };
        let reasons = dropped(actions);
        prop_assert_eq!(reasons.len(), told.len(), "{:?} {:?}", reasons, explanation);
        if explanation.refused.is_some() {
            prop_assert_eq!(reasons.first(), told.first(), "{:?}", explanation);
        }
        let made =
            |region: &str| after.0.get(region).unwrap_or(&0) - before.0.get(region).unwrap_or(&0);
        let mut all = 0;
        for candidate in &explanation.candidates {
            let units = units(explanation, candidate);
            prop_assert_eq!(made(candidate.region.as_str()), units, "{:?}", candidate);
            all += units;
            self.goes(candidate, (before, &after), actions)?;
        }
        let total = |state: &State| state.0.values().sum::<u64>();
        prop_assert_eq!(total(&after) - total(before), all, "{:?}", explanation);
        Ok(())
    }

    /// Whether the message went to a region as was told.
    fn goes(
        &self,
        candidate: &CandidateView,
        (before, after): (&State, &State),
        actions: &[Action],
    ) -> Result<(), TestCaseError> {
        let region = candidate.region.as_str();
        let sent = actions.iter().find_map(|action| match action {
            Action::Send { link, frame, .. } if frame.end.to.as_str() == region => Some(*link),
            _ => None,
        });
        let Some(way) = &candidate.way else { return Ok(()) };
        match &way.next {
            NextStep::Hop { peer, .. } => {
                let who = OTHERS.iter().position(|(name, _)| *name == peer.as_str()).unwrap();
                let waits = after.1[peer.as_str()] > before.1[peer.as_str()];
                prop_assert!(sent == Some(link(who)) || waits, "{:?} {:?}", candidate, sent);
            }
            NextStep::Wait => {
                prop_assert_eq!(sent, None, "{:?}", candidate);
                prop_assert_eq!(&after.1, &before.1, "{:?}", candidate);
            }
            NextStep::Publish => {
                prop_assert_eq!(sent, None, "{:?}", candidate);
                prop_assert!(!published(actions).is_empty(), "{:?}", candidate);
            }
            NextStep::Drop { .. } => prop_assert!(false, "{:?}", way),
        }
        Ok(())
    }
}

/// How many targets of a federated request are told to be asked, or refused.
fn targets(explanation: &Explanation, result: CheckResult) -> usize {
    let checks = explanation.checks.iter();
    checks.filter(|check| check.name == "target" && check.result == result).count()
}

/// What a candidate is told to get, in units.
fn units(explanation: &Explanation, candidate: &CandidateView) -> u64 {
    if candidate.way.is_none() {
        return 0;
    }
    match explanation.kind {
        MessageKind::Request | MessageKind::Reply => 1,
        MessageKind::Federated => {
            let mut passed = explanation.checks.iter().filter(|check| check.name == "target");
            let passed = passed.find(|check| check.result == CheckResult::Passed);
            let count = passed.and_then(|check| check.detail.split(' ').next()?.parse().ok());
            count.unwrap_or(1)
        }
    }
}

/// How many there are of [`message`].
pub(super) const MESSAGES: u8 = 27;

/// Messages of every kind, good ones and others.
pub(super) fn message(kind: u8) -> (String, Bytes) {
    let ping = || golden("v1-ping.json", 0).1;
    let broadcast = |payload| ("mcollective.broadcast.agent.discovery".to_owned(), payload);
    match kind {
        0 | 1 => golden("v1-ping.json", 0),
        2 => golden("v1-rpc-directed.json", 0),
        3 => ("mcollective.broadcast.agent.other".to_owned(), ping()),
        4 => ("mcollective.broadcast.service.discovery".to_owned(), ping()),
        5 => ("other.broadcast.agent.discovery".to_owned(), ping()),
        6 => ("mcollective.node.a.b".to_owned(), golden("v1-ping.json", 1).1),
        7 => broadcast(Bytes::from_static(b"{}")),
        8 => broadcast(Bytes::from_static(b"no JSON")),
        9 => broadcast(Bytes::from(vec![b' '; 17 << 10])),
        10 => broadcast(reworded(&ping(), "mc_sender", "MC_sender")),
        11 => broadcast(reworded(&ping(), "\"reply-to\"", "\"reply_to\"")),
        12 => ("mcollective.broadcast.agent.registration".to_owned(), ping()),
        13 => ("mcollective.reply.0.1".to_owned(), ping()),
        14..=16 => {
            let node = NODES[usize::from(kind - 14)];
            (format!("mcollective.node.{node}"), golden("v1-rpc-directed.json", 0).1)
        }
        17..=19 => {
            let name = ["here", "london", "lost"][usize::from(kind - 17)];
            (format!("choria.federation.{name}.federation"), golden("v1-federated-ping.json", 0).1)
        }
        20 | 21 => {
            let name = ["here", "far"][usize::from(kind - 20)];
            (format!("choria.federation.{name}.federation"), directed())
        }
        22 => ("choria.federation.nobody.federation".to_owned(), directed()),
        23 => ("choria.federation.london.federation".to_owned(), ping()),
        24 => answer("us", "us-1", ClientKind::Plain),
        25 => answer("eu", "eu-2", ClientKind::Federated),
        _ => answer("moon", "m-1", ClientKind::Plain),
    }
}

fn reworded(payload: &Bytes, old: &str, new: &str) -> Bytes {
    let text = String::from_utf8(payload.to_vec()).unwrap();
    Bytes::from(text.replace(old, new))
}

/// A federated request for two nodes, and for what is none.
fn directed() -> Bytes {
    let request = Transport::decode(golden("v1-federated-directed.json", 0).1).unwrap();
    let mut federation = request.federation().unwrap().clone();
    federation.targets.extend(["$SYS.x", "other.node.n1"].map(str::to_owned));
    request.edit().federation(Some(&federation)).finish()
}

/// A node's answer to somebody there.
fn answer(region: &str, gateway: &str, client: ClientKind) -> (String, Bytes) {
    let reply = Transport::decode(golden("v1-ping.json", 1).1).unwrap();
    let address = ReturnAddress {
        region: region.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        client,
        reply_to: format!("mcollective.reply.{}.{}", "0".repeat(32), "0".repeat(32)),
    };
    let federation =
        Federation { request: "x".to_owned(), reply_to: address.pack(), targets: Vec::new() };
    (REPLY_SUBJECT.to_owned(), reply.edit().federation(Some(&federation)).finish())
}
