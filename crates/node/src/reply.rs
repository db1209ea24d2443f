//! From an agent's answer to the bytes on the wire, as Choria's nodes make them.

use std::time::Duration;

use antiphon_identity::v2::Seed;
use antiphon_wire::{EncodeError, NewReply, NewSecureReply, NewTransport, ReplyProof, Version};
use bytes::Bytes;

use crate::processor::Accepted;

/// Who answers, from where, and how it proves that.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The node.
    pub identity: &'a str,
    /// URL of the broker that it is connected to.
    pub broker: &'a str,
    /// v2: what replies are signed with; `None`: they are not.
    pub signer: Option<&'a ReplySigner>,
}

/// What a v2 node signs its replies with.
#[derive(Debug)]
pub struct ReplySigner {
    /// The node's key.
    pub seed: Seed,
    /// Its token.
    pub token: String,
}

/// The payload of the answer to `request`.
///
/// A federated request's header and hops are copied, and our own hop `[broker, identity, broker]` stands last
/// (spec: what the node does, in Choria Federation).
///
/// # Errors
/// An agent's payload that is not UTF-8, in v1.
pub fn encode(
    request: &Accepted,
    payload: &[u8],
    sender: Sender<'_>,
    now: Duration,
) -> Result<Bytes, EncodeError> {
    let version = request.back.version;
    let reply = NewReply {
        version,
        request_id: &request.id,
        sender: sender.identity,
        agent: &request.agent,
        time: now,
        message: payload,
    }
    .encode()?;
    let secure = seal(version, &reply, sender.signer)?;
    let (federation, mut seen_by) = match &request.back.echo {
        Some((federation, hops)) => {
            (Some(federation), hops.iter().map(|hop| triple(hop)).collect())
        }
        None => (None, Vec::new()),
    };
    seen_by.push([sender.broker, sender.identity, sender.broker].map(str::to_owned).to_vec());
    let transport = NewTransport {
        version,
        data: &secure,
        reply_to: None,
        sender: sender.identity,
        seen_by: &seen_by,
        federation,
    };
    Ok(transport.encode())
}

/// A hop as Go holds it: three texts, whatever came in.
fn triple(hop: &[String]) -> Vec<String> {
    let mut hop = hop.to_vec();
    hop.resize(3, String::new());
    hop
}

fn seal(
    version: Version,
    reply: &[u8],
    signer: Option<&ReplySigner>,
) -> Result<Bytes, EncodeError> {
    match version {
        Version::V1 => NewSecureReply::V1 { reply }.encode(),
        Version::V2 => {
            let signature = signer.map(|signer| (signer.seed.sign(reply), &signer.token));
            let proof = signature
                .as_ref()
                .map(|(signature, token)| ReplyProof { signature, token: token.as_str() });
            NewSecureReply::V2 { reply, proof }.encode()
        }
    }
}
