//! No bytes of a peer make us panic. The same functions are fuzzed (`tests/fuzz`).

use antiphon_proto::v1;
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message;

use crate::{entry_points, recorded};

/// Reads `bytes` as everything that a peer can send.
fn read_all(bytes: &[u8]) {
    entry_points::data(bytes);
    entry_points::control_message(bytes);
    entry_points::statement(bytes);
}

/// Every recorded message in the envelope in which it would arrive.
fn arriving() -> Vec<Vec<u8>> {
    let wrap = |(name, bytes): (&str, Bytes)| match name.split('-').next() {
        Some("frame") => {
            let frames = vec![v1::SequencedFrame::decode(bytes).unwrap()];
            let body =
                Some(v1::data_message::Body::Batch(v1::Batch { frames, ..Default::default() }));
            v1::DataMessage { body }.encode_to_vec()
        }
        Some("hello") => {
            let hello = v1::Hello::decode(bytes).unwrap();
            let body = Some(v1::control_message::Body::Hello(hello));
            v1::ControlMessage { body }.encode_to_vec()
        }
        _ => bytes.to_vec(),
    };
    recorded::messages().into_iter().map(wrap).collect()
}

#[test]
fn what_was_recorded_is_read() {
    arriving().iter().for_each(|bytes| read_all(bytes));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn garbage_is_refused_or_read(bytes in vec(any::<u8>(), 0..512)) {
        read_all(&bytes);
    }

    #[test]
    fn damaged_messages_are_refused_or_read(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 0..4),
        cut in any::<Index>(),
    ) {
        let messages = arriving();
        let mut bytes = which.get(&messages).clone();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        read_all(&bytes);
        bytes.truncate(cut.index(bytes.len() + 1));
        read_all(&bytes);
    }
}
