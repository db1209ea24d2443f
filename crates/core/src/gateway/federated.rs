//! Clients that speak to Choria's Federation Broker: the fabric takes its place.
//!
//! Such a client publishes on `choria.federation.<name>.federation` with a list of targets. The name
//! stands for one region, and the request goes to that region only, our own included: its nodes did
//! not get the message.

use std::collections::BTreeMap;

use antiphon_wire::{Collective, RequestHead, Subject, Transport};
use bytes::Bytes;

use crate::{
    Action, DropReason, FromBroker, Gateway, IDENTITIES_MAX, Now, RegionId, Rejection, RequestBody,
    Target,
    gateway::{
        decide::{Asked, Will},
        drops::Refused,
        ingress::{Began, Refusal, addressed, agrees, refusal_of, refusal_of_request},
        policing::{Known, Wanted},
        vetting::{FlowKey, Held},
    },
};

/// A federated request as far as it has been read, nothing of it verified.
#[derive(Debug)]
pub(super) struct Federated {
    pub(super) head: RequestHead,
    pub(super) targets: Vec<String>,
    pub(super) reply_to: String,
    pub(super) payload: Bytes,
}

/// What a target is asked about.
#[derive(Clone, Copy, Debug)]
pub(super) struct ToTarget<'a> {
    pub(super) head: &'a RequestHead,
    pub(super) known: &'a Known,
    pub(super) region: &'a RegionId,
    pub(super) will: Will<'a>,
}

/// Why a target is not asked.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It is none, or not one of this request.
    Target(DropReason),
    /// The decision is against it.
    Rejected(Rejection),
}

impl Unfit {
    pub(super) fn reason(&self) -> DropReason {
        match self {
            Self::Target(reason) => *reason,
            Self::Rejected(rejection) => rejection.reason(),
        }
    }
}

impl Gateway {
    /// Reads a message on a federated subject that we serve.
    pub(super) fn read_federated(&self, payload: Bytes) -> Result<Federated, Refusal> {
        if payload.len() as u64 > self.config.limits.frame_bytes_max {
            return Err(DropReason::FrameTooLarge.into());
        }
        let transport = Transport::decode(payload).map_err(|error| refusal_of(error.kind()))?;
        let head = transport.request_head().map_err(|e| refusal_of_request(e.kind()))?;
        let refuse = |reason| Refusal { reason, request: Some(head.id.to_string()) };
        let federation = transport.federation().cloned().unwrap_or_default();
        let reply_to = transport.reply_to().unwrap_or_default().to_owned();
        if federation.request.is_empty() || federation.targets.is_empty() || reply_to.is_empty() {
            return Err(refuse(DropReason::FederationIncomplete));
        }
        antiphon_wire::legal_publish_subject(&reply_to)
            .map_err(|_| refuse(DropReason::ReplySubjectRefused))?;
        let (targets, payload) = (federation.targets, transport.into_payload());
        Ok(Federated { head, targets, reply_to, payload })
    }

    /// Whether a region that a federated name stands for can be served at all.
    pub(super) fn serves(&self, region: &RegionId) -> Result<(), DropReason> {
        let known = *region == self.me.region
            || self.database.topologies().any(|(_, one, _)| one == region);
        match known {
            false => Err(DropReason::NoRegion),
            true if *region != self.me.region && self.is_native(region) => {
                Err(DropReason::NativelyJoined)
            }
            true => Ok(()),
        }
    }

    pub(super) fn on_federated(
        &mut self,
        subject: &str,
        name: &str,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(region) = self.config.federation.get(name).cloned() else {
            return Err(DropReason::NotExported.into());
        };
        let Federated { head, targets: named, reply_to, payload } = self.read_federated(payload)?;
        let refuse = |reason| Refusal { reason, request: Some(head.id.to_string()) };
        self.serves(&region).map_err(refuse)?;
        let size = payload.len();
        let flow = FlowKey { creator: None, flow: self.flow(&reply_to) };
        let mut known = Known::head(self.vetting.recall(&flow, &payload, now.mono), now);
        let leaves = Some(&region).filter(|region| **region != self.me.region).into_iter();
        let wanted = self.learn_for_export(&mut known, &head, &payload, leaves.clone());
        if wanted.map_err(refuse)? == Wanted::Proof || self.vetting.holds(&flow) {
            let message =
                FromBroker { subject: subject.to_owned(), mark: None, payload, more: false };
            self.vet(flow, Held::Entering(message), now, out);
            return Ok(());
        }
        let asked = ToTarget { head: &head, known: &known, region: &region, will: self.will() };
        let (targets, refused) = self.sort_targets(asked, &named);
        let messages = named.len() as u64;
        self.let_out(&known, &head, leaves, messages);
        if !targets.is_empty() {
            self.charge_caller(&known, &head, messages);
        }
        for (target, reason) in refused {
            let request = Some(head.id.as_str());
            self.account.records_mut().refused(head.id.as_str(), reason, now);
            self.refuse(Refused { reason, subject: &target, request, size }, now, out);
        }
        let url = self.broker.url().to_owned();
        self.send_gathered_of(&reply_to, now, out);
        for target in targets {
            let body = RequestBody {
                request: head.id.clone(),
                collective: head.collective.to_string(),
                target,
                reply_to: reply_to.clone(),
                federated: Some(url.clone()),
                payload: payload.clone(),
            };
            let records = self.account.records_mut();
            let record = records.asked(&head, &body.target, &[], now);
            let began = Began { since: now.mono, record };
            self.send_request(&head, body, (region.clone(), began), now, out);
        }
        Ok(())
    }

    /// Splits targets into those that nodes of an exported collective listen to, directed ones
    /// gathered, and the others with their reasons.
    fn sort_targets(
        &self,
        asked: ToTarget<'_>,
        targets: &[String],
    ) -> (Vec<Target>, Vec<(String, DropReason)>) {
        let mut gathered: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        let mut directed = 0;
        for target in targets {
            match self.read_target(asked, target) {
                Ok(Target::Directed { identities }) => {
                    gathered.entry(directed / IDENTITIES_MAX).or_default().extend(identities);
                    directed += 1;
                }
                Ok(target @ (Target::Broadcast { .. } | Target::Service { .. })) => {
                    good.push(target);
                }
                Err(unfit) => bad.push((target.clone(), unfit.reason())),
            }
        }
        good.extend(gathered.into_values().map(|identities| Target::Directed { identities }));
        (good, bad)
    }

    /// One target, if it may be asked in this region.
    pub(super) fn read_target(
        &self,
        ToTarget { head, known, region, will }: ToTarget<'_>,
        target: &str,
    ) -> Result<Target, Unfit> {
        let refused = || Unfit::Target(DropReason::TargetRefused);
        let subject = Subject::parse(target).map_err(|_| refused())?;
        let (collective, target) = addressed(&subject).map_err(|_| refused())?;
        let exported: &Collective = self.config.export.get(collective).ok_or_else(refused)?;
        agrees(head, exported, &target).map_err(Unfit::Target)?;
        let origin = self.region();
        let asked = Asked { head, origin, target: &target, known, will, table: None };
        self.rule(&asked).map_err(Unfit::Rejected)?;
        if region != self.region() {
            self.admit(&asked, region).map_err(Unfit::Rejected)?;
        }
        Ok(target)
    }
}
