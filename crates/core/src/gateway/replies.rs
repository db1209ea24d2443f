//! Replies that enter the fabric here, on their way to the client's region.

use antiphon_wire::{Collective, RequestId, Transport};
use bytes::Bytes;

use crate::{
    Action, Body, DropReason, Gateway, Now, ReplyBody,
    account::UnitKind,
    gateway::{
        drops::Refused,
        ingress::{Draft, Refusal, refusal_of},
    },
    return_address::{ClientKind, ReturnAddress, Unpacked},
};

/// An answer as far as it has been read.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) request: String,
    pub(super) address: ReturnAddress,
    pub(super) transport: Transport,
}

impl Gateway {
    /// A message on one of our reply subjects.
    pub(super) fn on_reply(
        &mut self,
        subject: &str,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        let size = payload.len();
        if let Err(Refusal { reason, request }) = self.take_reply(payload, now, out) {
            let request = request.as_deref();
            self.refuse(Refused { reason, subject, request, size }, now, out);
        }
    }

    /// Reads a message on one of our reply subjects; `None` if it is not ours to carry.
    pub(super) fn read_reply(&self, payload: Bytes) -> Result<Option<Answer>, Refusal> {
        if payload.len() as u64 > self.config.limits.frame_bytes_max {
            return Err(DropReason::FrameTooLarge.into());
        }
        let transport = Transport::decode(payload).map_err(|error| refusal_of(error.kind()))?;
        let Some(federation) = transport.federation() else { return Ok(None) };
        let address = match ReturnAddress::unpack(&federation.reply_to) {
            Unpacked::Ours(address) => Some(address),
            Unpacked::Invalid => None,
            Unpacked::Foreign => return Ok(None),
        };
        // What we wrote for the node was one; anything else may be of any length.
        let request = RequestId::try_from(federation.request.as_str())
            .map_err(|_| Refusal::from(DropReason::ReturnAddressInvalid))?;
        let request = request.to_string();
        let refuse = |reason| Refusal { reason, request: Some(request.clone()) };
        let address = address.ok_or_else(|| refuse(DropReason::ReturnAddressInvalid))?;
        let home = address.region == self.me.region;
        if home && address.client == ClientKind::Plain {
            // An answer to a client of our own region never came this way.
            return Err(refuse(DropReason::ReturnAddressInvalid));
        }
        if !home && !self.database.topologies().any(|(_, region, _)| *region == address.region) {
            return Err(refuse(DropReason::OriginUnknown));
        }
        Ok(Some(Answer { request, address, transport }))
    }

    fn take_reply(
        &mut self,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        let Some(Answer { request, address, transport }) = self.read_reply(payload)? else {
            self.drops.foreign += 1;
            return Ok(());
        };
        let federated = match address.client {
            ClientKind::Federated => Some(self.broker.url().to_owned()),
            ClientKind::Plain => None,
        };
        let collective = self.exported_collective_of(&address.reply_to);
        if let Some(sender) = transport.sender() {
            self.note_identity(collective.as_ref(), sender, now);
        }
        let body = ReplyBody {
            request: request.clone(),
            subject: address.reply_to.clone(),
            federated,
            payload: transport.edit().federation(None).finish(),
        };
        let draft = Draft {
            kind: UnitKind::Reply,
            collective,
            prefer: Some(address.gateway),
            flow: self.flow(&address.reply_to),
            lifetime: self.config.periods.lifetime_max,
            since: now.mono,
            record: Some(self.account.records_mut().answered(&request, now)),
            body: Body::Reply(body),
        };
        self.create(draft, address.region, now, out);
        Ok(())
    }

    /// The first token of a reply subject, if it is a collective that we keep accounts of.
    fn exported_collective_of(&self, subject: &str) -> Option<Collective> {
        let first = subject.split('.').next()?;
        self.config.export.get(first).cloned()
    }
}
