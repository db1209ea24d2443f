//! No bytes of a peer make us panic.

use antiphon_proto::{ControlIn, Greeting, Statement, decode_end, decode_sequenced, v1};
use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};
use prost::Message;

use crate::recorded;

/// Reads `bytes` as everything that a peer can send.
fn read_all(bytes: &Bytes) {
    if let Ok(message) = v1::ControlMessage::decode(bytes.clone()) {
        drop(ControlIn::try_from(message));
    }
    if let Ok(batch) = v1::Batch::decode(bytes.clone()) {
        batch.frames.into_iter().for_each(|frame| drop(decode_sequenced(frame)));
    }
    if let Ok(hello) = v1::Hello::decode(bytes.clone()) {
        drop(Greeting::try_from(hello));
    }
    drop(decode_end(bytes.clone()));
    drop(Statement::decode(bytes.clone()));
    drop(v1::Sealed::read(bytes.clone()));
}

proptest! {
    #[test]
    fn garbage_is_refused_or_read(bytes in vec(any::<u8>(), 0..512)) {
        read_all(&bytes.into());
    }

    #[test]
    fn damaged_messages_are_refused_or_read(
        which in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..8),
        cut in any::<Index>(),
    ) {
        let messages = recorded::messages();
        let mut bytes = which.get(&messages).1.to_vec();
        for (at, byte) in damage {
            *at.get_mut(&mut bytes) = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        read_all(&bytes.into());
    }
}
