//! What Choria's Federation Broker does to messages, done by edits, gives the recorded bytes.
#![allow(clippy::unwrap_used, reason = "a recorded message is good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what is not expected fails")]

mod common;

use antiphon_wire::{Federation, NewTransport, Subject, Transport};
use common::{Recorded, messages_of};

const FILES: [&str; 3] =
    ["v1-federated-ping.json", "v1-federated-directed.json", "v2-federated.json"];

/// Where a recorded message is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hop {
    FromClient,
    ToNode,
    FromNode,
    ToClient,
}

fn hop(message: &Recorded) -> Hop {
    match Subject::parse(&message.subject).unwrap() {
        Subject::FederationRequest { .. } => Hop::FromClient,
        Subject::FederationReply { .. } => Hop::FromNode,
        Subject::Reply(_) => Hop::ToClient,
        Subject::Broadcast { .. } | Subject::Node { .. } => Hop::ToNode,
        other => panic!("{other} is not on the way"),
    }
}

/// The messages on `hop`, with every recorded message that carries the same `data` on the hop before.
fn pairs(before: Hop, after: Hop) -> Vec<(Recorded, Recorded)> {
    let mut pairs = Vec::new();
    for file in FILES {
        for message in messages_of(file).into_iter().filter(|m| hop(m) == after) {
            let is_source = |m: &Recorded| {
                hop(m) == before
                    && m.transport().data() == message.transport().data()
                    && continues(&m.transport(), &message.transport())
            };
            let source = messages_of(file).into_iter().find(is_source);
            pairs.push((source.expect(&message.subject), message));
        }
    }
    pairs
}

/// Whether `after` has the hops of `before`, and one more.
fn continues(before: &Transport, after: &Transport) -> bool {
    after.seen_by().split_last().is_some_and(|(_, hops)| hops == before.seen_by())
}

fn last_hop(transport: &Transport) -> Vec<String> {
    transport.seen_by().pop().unwrap()
}

#[test]
fn a_request_is_turned_towards_the_member() {
    let pairs = pairs(Hop::FromClient, Hop::ToNode);
    assert_eq!(pairs.len(), 8);
    for (from_client, to_node) in pairs {
        let (from, to) = (from_client.transport(), to_node.transport());
        let added = last_hop(&to);
        let asked = from.federation().unwrap();
        assert!(asked.targets.contains(&to_node.subject), "{:?}", asked.targets);
        let reply_to = format!("choria.federation.{}.collective", to_node.broker);
        let federation = Federation {
            request: asked.request.clone(),
            reply_to: from.reply_to().unwrap().to_owned(),
            targets: Vec::new(),
        };
        let edited = from
            .edit()
            .reply_to(Some(&reply_to))
            .federation(Some(&federation))
            .append_seen_by([&added[0], &added[1], &added[2]])
            .finish();
        assert_eq!(edited, to_node.payload);
    }
}

#[test]
fn a_reply_is_turned_towards_the_client() {
    let pairs = pairs(Hop::FromNode, Hop::ToClient);
    assert_eq!(pairs.len(), 7);
    for (from_node, to_client) in pairs {
        let (from, to) = (from_node.transport(), to_client.transport());
        assert_eq!(from.federation().unwrap().reply_to, to_client.subject);
        let added = last_hop(&to);
        let added = [added[0].as_str(), &added[1], &added[2]];
        assert_eq!(from.edit().federation(None).append_seen_by(added).finish(), to_client.payload);
    }
}

#[test]
fn a_node_that_echoes_federation_and_hops_sends_the_recorded_bytes() {
    for file in FILES {
        for message in messages_of(file).into_iter().filter(|m| hop(m) == Hop::FromNode) {
            let reply = message.transport();
            let asked = messages_of(file)
                .into_iter()
                .find(|m| hop(m) == Hop::ToNode && continues(&m.transport(), &reply))
                .unwrap()
                .transport();
            let mut seen_by = asked.seen_by();
            seen_by.push(last_hop(&reply));
            let secure = reply.secure_reply().unwrap();
            let built = NewTransport {
                version: reply.version(),
                data: &secure_json(&secure),
                reply_to: None,
                sender: reply.sender().unwrap(),
                seen_by: &seen_by,
                federation: asked.federation(),
            };
            assert_eq!(built.encode(), message.payload);
        }
    }
}

fn secure_json(secure: &antiphon_wire::SecureReply) -> bytes::Bytes {
    use antiphon_wire::{NewSecureReply, ReplyProof};
    let proof = secure.signature.as_deref().zip(secure.token.as_deref());
    let built = match proof {
        None => NewSecureReply::V1 { reply: &secure.hashed },
        Some((signature, token)) => {
            let proof = Some(ReplyProof { signature, token });
            NewSecureReply::V2 { reply: &secure.hashed, proof }
        }
    };
    built.encode().unwrap()
}
