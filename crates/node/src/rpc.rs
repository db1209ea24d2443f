//! The RPC layer: what is in a request for an agent, and in its answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::processor::Accepted;

/// One call of an action, as the signed request states it; nothing in its body outranks that.
#[derive(Clone, Debug)]
pub struct Call {
    /// The request.
    pub request: Accepted,
    /// The action.
    pub action: String,
    /// Its inputs.
    pub data: Map<String, Value>,
}

/// How an action ended (`statuscode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It did what it should.
    Ok,
    /// It failed, or was not allowed.
    Aborted,
    /// There is no such action.
    UnknownAction,
    /// An input is missing.
    MissingData,
    /// An input is wrong, or the request cannot be read.
    InvalidData,
    /// Anything else.
    Unknown,
}

impl Status {
    /// What a number on the wire means.
    pub fn of_code(code: u8) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Aborted,
            2 => Self::UnknownAction,
            3 => Self::MissingData,
            4 => Self::InvalidData,
            _ => Self::Unknown,
        }
    }

    /// The number on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Aborted => 1,
            Self::UnknownAction => 2,
            Self::MissingData => 3,
            Self::InvalidData => 4,
            Self::Unknown => 5,
        }
    }
}

/// What an agent answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub status: Status,
    /// `OK`, or what went wrong.
    pub message: String,
    /// The outputs: the text of a JSON object, with members in the agent's order.
    pub data: String,
}

impl Answer {
    /// Success, with outputs.
    pub fn ok(data: &impl Serialize) -> Self {
        match serde_json::to_string(data) {
            Ok(data) => Self { status: Status::Ok, message: "OK".to_owned(), data },
            Err(error) => Self::aborted(format_args!("outputs cannot be written: {error}")),
        }
    }

    /// Failure, without outputs.
    pub fn failed(status: Status, message: impl ToString) -> Self {
        Self { status, message: message.to_string(), data: "{}".to_owned() }
    }

    /// The action failed.
    pub fn aborted(message: impl ToString) -> Self {
        Self::failed(Status::Aborted, message)
    }

    /// The action failed, yet has something to say.
    pub fn aborted_with(message: impl ToString, data: &impl Serialize) -> Self {
        Self { status: Status::Aborted, message: message.to_string(), ..Self::ok(data) }
    }

    /// The body of the reply.
    pub fn encode(&self, action: &str) -> Vec<u8> {
        let text = |text: &str| Value::from(text).to_string();
        format!(
            r#"{{"action":{},"statuscode":{},"statusmsg":{},"data":{}}}"#,
            text(action),
            self.status.code(),
            text(&self.message),
            self.data
        )
        .into_bytes()
    }
}

/// The body of a request; the client's other members are ignored.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    action: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

impl Call {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// The answer that says what is wrong with it.
    pub fn read(request: Accepted) -> Result<Self, Answer> {
        let body: Body = serde_json::from_slice(&request.payload).map_err(|error| {
            let message = format_args!("Could not process request: {error}");
            Answer::failed(Status::InvalidData, message)
        })?;
        Ok(Self { request, action: body.action, data: body.data.unwrap_or_default() })
    }

    /// An input that is a text; empty if it is missing or something else.
    pub fn text(&self, name: &str) -> &str {
        self.data.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}
