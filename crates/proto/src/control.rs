//! The control connection after the hello.

use antiphon_core::{
    ADVERTS_MAX, Accept, Ack, AdvertKey, AdvertKind, Control, Epoch, Incarnation, Open, Stamp,
};
use bytes::Bytes;

use crate::{
    DIGEST_MAX, FieldError,
    field::{list, name},
    v1::{self, control_message::Body},
};

/// What came on a control connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlIn {
    /// The peer asks whether we live; the number is to be returned.
    Ping(u64),
    /// The peer answers.
    Pong(u64),
    /// One encoded gossip message.
    Gossip(Bytes),
    /// Everything that needs no more than reading. Never [`Control::Adverts`].
    Message(Control),
    /// Adverts, each an encoded `Sealed`, not verified yet.
    Adverts {
        /// At most [`ADVERTS_MAX`].
        sealed: Vec<Bytes>,
        /// Whether this ends the answer to our digest.
        answered: bool,
    },
    /// A hello where none belongs any more: the peer breaks the protocol.
    Greeting,
    /// Something that only a newer peer knows; to be skipped.
    Unknown,
}

/// A control message as it goes to a peer. Adverts leave as they came.
#[must_use]
pub fn control(message: &Control) -> v1::ControlMessage {
    let body = match message {
        Control::Open(open) => Body::Open((*open).into()),
        Control::Accept(accept) => Body::Accept((*accept).into()),
        Control::Ack(ack) => Body::Ack((*ack).into()),
        Control::Digest(entries) => Body::Digest(v1::Digest {
            entries: entries.iter().map(|(key, stamp)| digest_entry(key, *stamp)).collect(),
        }),
        Control::Adverts { adverts, answered } => Body::Adverts(v1::Adverts {
            sealed: adverts.iter().map(|advert| advert.sealed.clone()).collect(),
            answered: *answered,
        }),
        Control::Receipts(receipts) => Body::Receipts(receipts.into()),
        Control::DrainRequest => Body::DrainRequest(v1::DrainRequest {}),
        Control::LastFrame { epoch, next } => {
            Body::LastFrame(v1::LastFrame { epoch: epoch.0, next: *next })
        }
        Control::Goodbye => Body::Goodbye(v1::Goodbye {}),
        Control::Undrain => Body::Undrain(v1::Undrain {}),
        Control::Probe(probe) => Body::Probe((&**probe).into()),
        Control::Question(question) => Body::Question(question.into()),
        Control::Answer(answer) => Body::Answer(answer.into()),
        Control::RollCall(call) => Body::RollCall(call.into()),
        Control::RollAnswer(answer) => Body::RollAnswer(answer.into()),
    };
    v1::ControlMessage { body: Some(body) }
}

impl TryFrom<v1::ControlMessage> for ControlIn {
    type Error = FieldError;

    fn try_from(message: v1::ControlMessage) -> Result<Self, FieldError> {
        let Some(body) = message.body else { return Ok(Self::Unknown) };
        Ok(match body {
            Body::Ping(ping) => Self::Ping(ping.nonce),
            Body::Pong(pong) => Self::Pong(pong.nonce),
            Body::Gossip(gossip) => Self::Gossip(gossip),
            Body::Adverts(v1::Adverts { sealed, answered }) => {
                let sealed = list("adverts.sealed", sealed, ADVERTS_MAX)?;
                // Kept for long: one must not hold the whole message that it came in.
                let sealed = sealed.iter().map(|one| Bytes::copy_from_slice(one)).collect();
                Self::Adverts { sealed, answered }
            }
            Body::Ack(ack) => Self::Message(Control::Ack(ack.into())),
            Body::Open(open) => Self::Message(Control::Open(open.into())),
            Body::Accept(accept) => Self::Message(Control::Accept(accept.into())),
            Body::Digest(digest) => Self::Message(Control::Digest(digest_entries(digest)?)),
            Body::Receipts(receipts) => Self::Message(Control::Receipts(
                receipts.try_into().map_err(|error: FieldError| error.within("receipts"))?,
            )),
            Body::DrainRequest(v1::DrainRequest {}) => Self::Message(Control::DrainRequest),
            Body::LastFrame(v1::LastFrame { epoch, next }) => {
                Self::Message(Control::LastFrame { epoch: Epoch(epoch), next })
            }
            Body::Goodbye(v1::Goodbye {}) => Self::Message(Control::Goodbye),
            Body::Undrain(v1::Undrain {}) => Self::Message(Control::Undrain),
            Body::Probe(probe) => Self::Message(Control::Probe(Box::new(
                probe.try_into().map_err(|error: FieldError| error.within("probe"))?,
            ))),
            Body::Question(question) => Self::Message(Control::Question(
                question.try_into().map_err(|error: FieldError| error.within("question"))?,
            )),
            Body::Answer(answer) => Self::Message(Control::Answer(
                answer.try_into().map_err(|error: FieldError| error.within("answer"))?,
            )),
            Body::RollCall(call) => Self::Message(Control::RollCall(
                call.try_into().map_err(|error: FieldError| error.within("roll_call"))?,
            )),
            Body::RollAnswer(answer) => Self::Message(Control::RollAnswer(
                answer.try_into().map_err(|error: FieldError| error.within("roll_answer"))?,
            )),
            Body::Hello(_) | Body::Welcome(_) | Body::Refusal(_) => Self::Greeting,
        })
    }
}

impl From<Open> for v1::Open {
    fn from(Open { epoch, base, fresh }: Open) -> Self {
        Self { epoch: epoch.0, base, fresh }
    }
}

impl From<v1::Open> for Open {
    fn from(v1::Open { epoch, base, fresh }: v1::Open) -> Self {
        Self { epoch: Epoch(epoch), base, fresh }
    }
}

impl From<Accept> for v1::Accept {
    fn from(Accept { epoch, next, granted }: Accept) -> Self {
        Self { epoch: epoch.0, next, granted }
    }
}

impl From<v1::Accept> for Accept {
    fn from(v1::Accept { epoch, next, granted }: v1::Accept) -> Self {
        Self { epoch: Epoch(epoch), next, granted }
    }
}

impl From<Ack> for v1::Ack {
    fn from(Ack { epoch, next, granted }: Ack) -> Self {
        Self { epoch: epoch.0, next, granted }
    }
}

impl From<v1::Ack> for Ack {
    fn from(v1::Ack { epoch, next, granted }: v1::Ack) -> Self {
        Self { epoch: Epoch(epoch), next, granted }
    }
}

fn digest_entry(key: &AdvertKey, stamp: Stamp) -> v1::DigestEntry {
    let kind = match key.kind {
        AdvertKind::Topology => v1::AdvertKind::Topology,
        AdvertKind::Offer => v1::AdvertKind::Offer,
        AdvertKind::Hints => v1::AdvertKind::Hints,
        AdvertKind::HintsPart(_) => v1::AdvertKind::HintsPart,
        AdvertKind::Orders => v1::AdvertKind::Orders,
    };
    let part = match key.kind {
        AdvertKind::HintsPart(part) => part.into(),
        AdvertKind::Topology | AdvertKind::Offer | AdvertKind::Hints | AdvertKind::Orders => 0,
    };
    v1::DigestEntry {
        gateway: key.gateway.to_string(),
        kind: kind.into(),
        incarnation: stamp.incarnation.0,
        version: stamp.version,
        part,
    }
}

/// Reads a digest. Kinds that only a newer peer knows are left out: we could not ask for them.
fn digest_entries(digest: v1::Digest) -> Result<Vec<(AdvertKey, Stamp)>, FieldError> {
    let mut entries = Vec::new();
    for entry in list("digest.entries", digest.entries, DIGEST_MAX)? {
        let kind = match entry.kind() {
            v1::AdvertKind::Topology => AdvertKind::Topology,
            v1::AdvertKind::Offer => AdvertKind::Offer,
            v1::AdvertKind::Hints => AdvertKind::Hints,
            v1::AdvertKind::Orders => AdvertKind::Orders,
            v1::AdvertKind::HintsPart => match u16::try_from(entry.part) {
                Ok(part) => AdvertKind::HintsPart(part),
                Err(_) => continue,
            },
            v1::AdvertKind::Unspecified => continue,
        };
        let gateway = name("digest.entries.gateway", &entry.gateway)?;
        let stamp = Stamp { incarnation: Incarnation(entry.incarnation), version: entry.version };
        entries.push((AdvertKey { gateway, kind }, stamp));
    }
    Ok(entries)
}
