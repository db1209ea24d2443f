//! Relays change nothing between the ends, a bad frame costs only itself, and bounds hold.

use antiphon_core::{ADVERTS_MAX, Body, Epoch, IDENTITIES_MAX, RECEIPTS_MAX};
use antiphon_proto::{ControlIn, decode_end, decode_sequenced, sequenced, v1};
use bytes::{BufMut, Bytes, BytesMut};
use prost::Message;

use crate::recorded::request_frame;

/// A length-delimited field with a number that this schema does not know.
fn unknown_field(into: &mut BytesMut) {
    let tag = (900 << 3) | 2;
    prost::encoding::encode_varint(tag, into);
    prost::encoding::encode_varint(3, into);
    into.put_slice(b"new");
}

#[test]
fn fields_of_a_newer_gateway_pass_a_relay_verbatim() {
    let mut end = BytesMut::from(request_frame().end.as_ref());
    unknown_field(&mut end);
    let newer = v1::SequencedFrame { end: end.freeze(), ..request_frame() };

    let frame = decode_sequenced(newer.clone()).frame.unwrap();
    let relayed = sequenced(Epoch(77), 1, 2, &frame);

    assert_eq!(relayed.end, newer.end);
    assert_eq!(relayed.hop, newer.hop);
}

#[test]
fn a_payload_is_a_slice_of_the_message_it_came_in() {
    let batch = v1::Batch { frames: vec![request_frame()], ..Default::default() };
    let received = Bytes::from(batch.encode_to_vec());
    let mut batch = v1::Batch::decode(received.clone()).unwrap();

    let frame = decode_sequenced(batch.frames.remove(0)).frame.unwrap();

    let Body::Request(request) = frame.end.body else { panic!("a request was encoded") };
    assert!(received.as_ptr_range().contains(&request.payload.as_ptr()));
}

#[test]
fn a_bad_end_to_end_part_leaves_the_place_in_the_session_readable() {
    let bad = v1::SequencedFrame { end: Bytes::from_static(b"\xff\xff"), ..request_frame() };
    let read = decode_sequenced(bad);
    assert_eq!((read.epoch, read.number, read.weight), (Epoch(3), 41, 300));
    assert!(read.frame.unwrap_err().reason.starts_with("end: not decodable"));
}

#[test]
fn a_wrong_name_is_told_with_the_path_to_its_field() {
    let mut end = v1::EndToEnd::decode(request_frame().end).unwrap();
    end.creator.as_mut().unwrap().gateway = "a b".into();
    let error = decode_end(end.encode_to_vec().into()).unwrap_err();
    assert!(error.to_string().starts_with("end.creator.gateway: \"a b\" is not"), "{error}");
}

#[test]
fn a_frame_for_nobody_or_for_too_many_is_refused() {
    let directed = |count: usize| {
        let mut end = v1::EndToEnd::decode(request_frame().end).unwrap();
        let Some(v1::end_to_end::Body::Request(request)) = &mut end.body else {
            panic!("a request was recorded")
        };
        let identities = vec!["n1.example.net".into(); count];
        request.target = Some(v1::request::Target::Directed(v1::Directed { identities }));
        decode_end(end.encode_to_vec().into()).map_err(|error| error.to_string())
    };
    assert_eq!(directed(0).unwrap_err(), "end.request.directed.identities: missing");
    assert!(directed(IDENTITIES_MAX).is_ok());
    assert!(directed(IDENTITIES_MAX + 1).unwrap_err().contains("4097 entries, at most 4096"));
}

#[test]
fn a_visited_list_and_a_hop_limit_have_their_bounds() {
    let reason = |hop: v1::HopHeader| {
        let frame = v1::SequencedFrame { hop: Some(hop), ..request_frame() };
        decode_sequenced(frame).frame.unwrap_err().reason
    };
    let hop = request_frame().hop.unwrap();
    let visited = vec!["eu-1".to_owned(); 256];
    assert!(reason(v1::HopHeader { visited, ..hop.clone() }).starts_with("hop.visited: 256"));
    assert!(reason(v1::HopHeader { limit: 256, ..hop }).starts_with("hop.limit: 256 is not in"));
}

#[test]
fn batches_of_adverts_and_receipts_have_their_bounds() {
    let read = |body| ControlIn::try_from(v1::ControlMessage { body: Some(body) });
    let adverts = |count| {
        let sealed = vec![Bytes::new(); count];
        read(v1::control_message::Body::Adverts(v1::Adverts { sealed, answered: true }))
    };
    assert!(adverts(ADVERTS_MAX).is_ok());
    assert!(adverts(ADVERTS_MAX + 1).is_err());

    let receipts = |count| {
        let one = v1::Receipt { unit: 1, count: 1, outcome: 1, reason: String::new() };
        let receipts = vec![one; count];
        let to = "eu-1".to_owned();
        let receipts = v1::Receipts { to, incarnation: 1, limit: 8, receipts };
        read(v1::control_message::Body::Receipts(receipts))
    };
    assert!(receipts(RECEIPTS_MAX).is_ok());
    assert!(receipts(RECEIPTS_MAX + 1).is_err());
}

#[test]
fn a_message_of_a_newer_peer_is_skipped() {
    let mut bytes = BytesMut::new();
    unknown_field(&mut bytes);
    let message = v1::ControlMessage::decode(bytes.freeze()).unwrap();
    assert_eq!(ControlIn::try_from(message).unwrap(), ControlIn::Unknown);
}
