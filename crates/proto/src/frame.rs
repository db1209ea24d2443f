//! Frames: a hop header that each gateway makes anew around bytes that relays leave alone.

use std::time::Duration;

use antiphon_core::{EndToEnd, Epoch, Frame, Hop, Malformed};
use bytes::Bytes;
use prost::Message;

use crate::{
    FieldError, Problem, VISITED_MAX,
    field::{list, micros, name, required, small},
    v1,
};

/// A frame with its place in the session, as it came from a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequenced {
    /// The sender's epoch.
    pub epoch: Epoch,
    /// Its number in that epoch.
    pub number: u64,
    /// What it counts for in credit, in bytes, as the sender reckons.
    pub weight: u64,
    /// The frame; `Err` when its hop header or end-to-end part makes no sense, which costs the frame
    /// and not the session.
    pub frame: Result<Box<Frame>, Malformed>,
}

/// A frame as it goes to a peer. What came verbatim leaves verbatim.
#[must_use]
pub fn sequenced(epoch: Epoch, number: u64, weight: u64, frame: &Frame) -> v1::SequencedFrame {
    let end = frame.verbatim.clone().unwrap_or_else(|| encode_end(&frame.end));
    v1::SequencedFrame { epoch: epoch.0, number, weight, hop: Some((&frame.hop).into()), end }
}

/// Reads a frame. Its payload and verbatim part are slices of `message.end`, not copies.
#[must_use]
pub fn decode_sequenced(message: v1::SequencedFrame) -> Sequenced {
    let v1::SequencedFrame { epoch, number, weight, hop, end } = message;
    let frame = decode_frame(hop, end).map_err(|error| Malformed { reason: error.to_string() });
    Sequenced { epoch: Epoch(epoch), number, weight, frame: frame.map(Box::new) }
}

/// The bytes of an end-to-end part, as its creator makes them.
#[must_use]
pub fn encode_end(end: &EndToEnd) -> Bytes {
    v1::EndToEnd::from(end).encode_to_vec().into()
}

/// Reads an end-to-end part; the payload is a slice of `bytes`.
///
/// # Errors
/// Names the field that is missing, too long or not what it must be.
pub fn decode_end(bytes: Bytes) -> Result<EndToEnd, FieldError> {
    let message = v1::EndToEnd::decode(bytes).map_err(|error| {
        FieldError::new("end", Problem::Undecodable { reason: error.to_string() })
    })?;
    EndToEnd::try_from(message).map_err(|error| error.within("end"))
}

fn decode_frame(hop: Option<v1::HopHeader>, end: Bytes) -> Result<Frame, FieldError> {
    let hop = Hop::try_from(required("hop", hop)?).map_err(|error| error.within("hop"))?;
    Ok(Frame { hop, end: decode_end(end.clone())?, verbatim: Some(end) })
}

impl From<&Hop> for v1::HopHeader {
    fn from(hop: &Hop) -> Self {
        Self {
            limit: hop.limit.into(),
            visited: hop.visited.iter().map(ToString::to_string).collect(),
            age_us: micros(hop.age),
        }
    }
}

impl TryFrom<v1::HopHeader> for Hop {
    type Error = FieldError;

    fn try_from(hop: v1::HopHeader) -> Result<Self, FieldError> {
        let visited = list("visited", hop.visited, VISITED_MAX)?;
        Ok(Self {
            limit: small("limit", hop.limit)?,
            visited: visited.iter().map(|one| name("visited", one)).collect::<Result<_, _>>()?,
            age: Duration::from_micros(hop.age_us),
        })
    }
}
