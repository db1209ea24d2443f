//! Recorded messages are read in full, built again byte for byte, and verified.
#![allow(clippy::unwrap_used, reason = "a recorded message is good or the test fails")]
#![allow(clippy::indexing_slicing, reason = "likewise")]
#![allow(clippy::wildcard_enum_match_arm, reason = "what is not expected fails")]

mod common;

use antiphon_wire::{
    Credentials, FaultKind, Layer, NewReply, NewRequest, NewSecureReply, NewSecureRequest,
    NewTransport, Reply, ReplyProof, ReplySubject, Request, SecureReply, Subject, Transport,
    Version,
};
use bytes::Bytes;
use common::{Recorded, messages, transports};
use ring::signature::{ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

#[test]
fn every_recorded_message_but_lifecycle_events_is_a_transport() {
    for message in messages() {
        let decoded = Transport::decode(message.payload.clone());
        match Subject::parse(&message.subject).unwrap() {
            Subject::Lifecycle { kind, component } => {
                assert!(["startup", "shutdown"].contains(&kind.as_str()), "{kind}");
                assert_eq!(component, "server");
                assert_eq!(decoded.unwrap_err().kind(), FaultKind::BadField, "it has no protocol");
            }
            subject => {
                assert_eq!(subject.to_string(), message.subject);
                assert!(!matches!(subject, Subject::Other(_)), "{}", message.subject);
                assert_eq!(decoded.unwrap().payload(), &message.payload);
            }
        }
    }
}

#[test]
fn requests_agree_with_the_subject_they_were_published_on() {
    let requests = requests();
    assert!(requests.len() > 20, "{}", requests.len());
    for (message, request) in requests {
        let head = request.head.clone();
        assert_eq!(message.transport().request_head().unwrap(), head);
        assert_eq!(request.check_schema(), Ok(()));
        match Subject::parse(&message.subject).unwrap() {
            Subject::Broadcast { collective, agent } => {
                assert_eq!((head.collective, head.agent), (collective, agent));
            }
            Subject::Node { collective, .. } => assert_eq!(head.collective, collective),
            subject => assert!(matches!(subject, Subject::FederationRequest { .. }), "{subject}"),
        }
    }
}

#[test]
fn a_client_takes_replies_on_the_subject_made_of_its_caller_and_request() {
    for (message, request) in requests() {
        let transport = message.transport();
        let federated = transport.federation().map(|f| f.reply_to.as_str());
        let reply_to = federated.filter(|s| !s.is_empty()).or(transport.reply_to()).unwrap();
        if reply_to == "dev.null" {
            continue;
        }
        let head = &request.head;
        let made = ReplySubject::for_caller(&head.collective, &head.caller, &head.id).unwrap();
        assert_eq!(made.as_str(), reply_to);
    }
}

#[test]
fn replies_carry_the_hash_and_the_id_of_their_request() {
    let replies = replies();
    assert!(replies.len() > 20, "{}", replies.len());
    let requests = requests();
    for (message, _, reply) in replies {
        let request = requests.iter().find(|(_, r)| r.head.id == reply.request_id).unwrap();
        assert_eq!(reply.agent, request.1.head.agent);
        assert_eq!(reply.sender, message.transport().sender().unwrap());
        assert!(!reply.message.is_empty());
    }
}

#[test]
fn payloads_are_ping_or_rpc_bodies_however_often_they_are_encoded() {
    for (_, request) in requests() {
        if request.head.agent.as_str() == "discovery" {
            assert_eq!(request.payload().as_ref(), b"ping");
            assert_eq!(request.action().unwrap_err().layer, Layer::Body);
        } else if request.head.agent.as_str() == "rpcutil" {
            let known = ["get_fact", "get_facts", "ping", "inventory", "agent_inventory"];
            let other = ["collective_info", "daemon_stats", "get_config_item", "get_data"];
            let action = request.action().unwrap();
            assert!(known.iter().chain(&other).any(|name| *name == action), "{action}");
        }
    }
}

#[test]
fn signatures_verify_over_exactly_the_signed_bytes() {
    for (message, request) in requests() {
        let signature = request.proof.signature.as_ref().unwrap();
        let signed = &request.proof.signed;
        match &request.proof.credentials {
            Credentials::X509 { pubcert } => {
                let (_, pem) = x509_parser::pem::parse_x509_pem(pubcert.as_bytes()).unwrap();
                let certificate = pem.parse_x509().unwrap();
                let key = certificate.public_key().subject_public_key.data.as_ref();
                let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
                key.verify(signed, signature).expect(message.file);
            }
            Credentials::Jwt { caller, signer } => {
                assert_eq!(caller, &common::read("keys/v2-alice.jwt"));
                assert_eq!(signer, &None);
                let key = unhex(common::read("keys/v2-alice.public").trim());
                UnparsedPublicKey::new(&ED25519, key)
                    .verify(signed, signature)
                    .expect(message.file);
            }
        }
    }
}

#[test]
fn requests_are_built_again_byte_for_byte() {
    for (message, request) in requests() {
        let head = &request.head;
        let built = NewRequest {
            version: head.version,
            id: &head.id,
            caller: &head.caller,
            sender: &request.sender,
            collective: &head.collective,
            agent: &head.agent,
            ttl: head.ttl,
            time: head.time,
            filter: &request.filter,
            message: &request.message,
        };
        assert_eq!(built.encode().unwrap(), request.proof.signed);
        assert_transport_rebuilt(&message, &secure_request(&request));
    }
}

#[test]
fn replies_are_built_again_byte_for_byte() {
    for (message, secure, reply) in replies() {
        let built = NewReply {
            version: reply.version,
            request_id: &reply.request_id,
            sender: &reply.sender,
            agent: &reply.agent,
            time: reply.time,
            message: &reply.message,
        };
        assert_eq!(built.encode().unwrap(), secure.hashed);
        let secure = match (reply.version, &secure.signature, &secure.token) {
            (Version::V1, None, None) => NewSecureReply::V1 { reply: &secure.hashed },
            (Version::V2, Some(signature), Some(token)) => NewSecureReply::V2 {
                reply: &secure.hashed,
                proof: Some(ReplyProof { signature, token }),
            },
            other => panic!("a reply is signed in v2 and only there: {other:?}"),
        };
        assert_transport_rebuilt(&message, &secure.encode().unwrap());
    }
}

fn requests() -> Vec<(Recorded, Request)> {
    let requests = transports().into_iter().filter(Recorded::is_request);
    requests.map(|m| (m.transport().request().unwrap(), m)).map(|(r, m)| (m, r)).collect()
}

fn replies() -> Vec<(Recorded, SecureReply, Reply)> {
    let read = |message: Recorded| {
        let transport = message.transport();
        (message, transport.secure_reply().unwrap(), transport.reply().unwrap())
    };
    transports().into_iter().filter(|message| !message.is_request()).map(read).collect()
}

fn secure_request(request: &Request) -> Bytes {
    let (signed, signature) = (&request.proof.signed, request.proof.signature.as_ref().unwrap());
    let secure = match &request.proof.credentials {
        Credentials::X509 { pubcert } => {
            NewSecureRequest::X509 { request: signed, signature, pubcert }
        }
        Credentials::Jwt { caller, signer } => {
            NewSecureRequest::Jwt { request: signed, signature, caller, signer: signer.as_deref() }
        }
    };
    secure.encode().unwrap()
}

fn assert_transport_rebuilt(message: &Recorded, data: &[u8]) {
    let transport = message.transport();
    let built = NewTransport {
        version: transport.version(),
        data,
        reply_to: transport.reply_to(),
        sender: transport.sender().unwrap(),
        seen_by: &transport.seen_by(),
        federation: transport.federation(),
    };
    assert_eq!(built.encode(), message.payload, "{} {}", message.file, message.subject);
}

fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}
