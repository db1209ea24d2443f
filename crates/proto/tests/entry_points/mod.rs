//! Every way in which a peer's bytes are read. Each function panics only when an invariant breaks.
//! Shared by the tests of this crate and by the fuzz targets.

#![allow(dead_code, reason = "each fuzz target uses one of them")]

use antiphon_core::Epoch;
use antiphon_proto::{
    ControlIn, Greeting, Statement, control, decode_sequenced, encode_end, sequenced, v1,
};
use bytes::Bytes;
use prost::Message as _;

/// A message on a data connection: what can be read leaves as it came, and what we would have
/// written ourselves means the same.
pub(crate) fn data(bytes: &[u8]) {
    let Ok(message) = v1::DataMessage::decode(Bytes::copy_from_slice(bytes)) else { return };
    let Some(v1::data_message::Body::Batch(batch)) = message.body else { return };
    for message in batch.frames {
        let end = message.end.clone();
        let Ok(frame) = decode_sequenced(message).frame else { continue };
        assert_eq!(sequenced(Epoch(1), 1, 1, &frame).end, end, "a relay changes nothing");
        let again = antiphon_proto::decode_end(encode_end(&frame.end)).expect("we wrote it");
        assert_eq!(again, frame.end);
    }
}

/// A message on a control connection: what can be read comes back when it is sent on.
pub(crate) fn control_message(bytes: &[u8]) {
    let Ok(message) = v1::ControlMessage::decode(Bytes::copy_from_slice(bytes)) else { return };
    if let Some(v1::control_message::Body::Hello(hello)) = &message.body
        && let Ok(greeting) = Greeting::try_from(hello.clone())
    {
        let again = Greeting::try_from(v1::Hello::from(&greeting)).expect("we wrote it");
        assert_eq!(again, greeting);
    }
    if let Ok(ControlIn::Message(message)) = ControlIn::try_from(message) {
        let again = ControlIn::try_from(control(&message)).expect("we wrote it");
        assert_eq!(again, ControlIn::Message(message));
    }
}

/// A signed statement, before anybody believes it.
pub(crate) fn statement(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    if let Ok(sealed) = v1::Sealed::read(bytes.clone()) {
        read_statement(sealed.statement);
    }
    read_statement(bytes);
}

fn read_statement(bytes: Bytes) {
    if let Ok(statement) = Statement::decode(bytes) {
        assert_eq!(Statement::decode(statement.encode()).expect("we wrote it"), statement);
    }
}
