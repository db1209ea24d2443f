//! What one gateway asks another for an operator, and what comes back. Questions change nothing.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{GatewayId, Incarnation};

/// Longest topic or refusal, in bytes.
pub const TOPIC_BYTES_MAX: usize = 256;
/// Largest body of a question, in bytes.
pub const QUESTION_BYTES_MAX: usize = 16 << 10;
/// Largest part of an answer, in bytes: what may delay a ping on the control connection.
pub const PART_BYTES_MAX: usize = 64 << 10;
/// Most parts of an answer: 4 MiB in all.
pub const PARTS_MAX: u32 = 64;

/// Names a question: the gateway that asks, in one of its lives, and its number there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Asked {
    /// Who asks.
    pub from: GatewayId,
    /// The life in which it asks.
    pub incarnation: Incarnation,
    /// Counts up within that life.
    pub number: u64,
}

/// Asks a gateway for one part of an answer; relays pass it on.
///
/// Whoever asks asks for one part at a time, so that an answer never fills a control connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Which question.
    pub asked: Asked,
    /// Whom it is for.
    pub to: GatewayId,
    /// Links that it may still cross.
    pub limit: u8,
    /// The part that is wanted, from 0.
    pub part: u32,
    /// What it is about: a word that drivers agree on. At most [`TOPIC_BYTES_MAX`].
    pub topic: String,
    /// More about it, as the topic says. At most [`QUESTION_BYTES_MAX`].
    pub body: Bytes,
}

/// One part of an answer, on the way to the gateway that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Which question.
    pub asked: Asked,
    /// Who answers.
    pub from: GatewayId,
    /// Links that it may still cross.
    pub limit: u8,
    /// What it says.
    pub content: AnswerPart,
}

/// What one part of an answer says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AnswerPart {
    /// A part of the answer.
    Part {
        /// Which, from 0.
        part: u32,
        /// How many there are: 1 to [`PARTS_MAX`].
        parts: u32,
        /// At most [`PART_BYTES_MAX`].
        body: Bytes,
    },
    /// There is no answer, for this reason; for people, at most [`TOPIC_BYTES_MAX`].
    Refused(String),
}

/// Why a question was not answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum AskFailure {
    /// There is no way to that gateway.
    #[error("no route to it")]
    NoRoute,
    /// It did not answer in time.
    #[error("no answer in time")]
    Late,
    /// It said that it would not.
    #[error("it refused: {0}")]
    Refused(String),
    /// Too many questions are open.
    #[error("too many questions at a time")]
    Busy,
}
