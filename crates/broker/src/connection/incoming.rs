//! What has been read and not yet taken.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::protocol::{Decoder, ProtocolError, ServerOp};

/// Room for one read, in bytes.
const READ_BYTES: usize = 32 * 1024;

/// The most room that one announced payload gets at once, in bytes: a server's word alone is not worth more.
const ROOM_BYTES_MAX: usize = 1024 * 1024;

/// A payload shares the block that it was read into, unless it is smaller than this part of it: then it is
/// copied. So what a shell holds keeps at most this many times its size alive.
const SHARE_MAX: usize = 8;

/// The bytes of a server. Bounded by one message and one read.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    /// Taken before its turn, and put back.
    early: VecDeque<ServerOp>,
    buffer: BytesMut,
    decoder: Decoder,
    /// The size of the block that the buffer is part of, in bytes.
    block_bytes: usize,
}

impl Incoming {
    /// The next operation; none if more must be read.
    ///
    /// # Errors
    /// What is not the protocol.
    pub(crate) fn next_op(&mut self) -> Result<Option<ServerOp>, ProtocolError> {
        if let Some(op) = self.early.pop_front() {
            return Ok(Some(op));
        }
        let mut op = self.decoder.decode(&mut self.buffer)?;
        if let Some(ServerOp::Message(message)) = &mut op
            && message.payload.len() < self.block_bytes / SHARE_MAX
        {
            message.payload = Bytes::copy_from_slice(&message.payload);
        }
        Ok(op)
    }

    /// Puts back what was taken before its turn: it is next.
    pub(crate) fn put_back(&mut self, early: VecDeque<ServerOp>) {
        self.early = early;
    }

    /// The buffer, with room for a read.
    pub(crate) fn room(&mut self) -> &mut BytesMut {
        let missing = self.decoder.missing(self.buffer.len()).min(ROOM_BYTES_MAX);
        let before = self.buffer.capacity();
        self.buffer.reserve(missing.max(READ_BYTES / 2));
        if self.buffer.capacity() > before {
            self.block_bytes = self.buffer.capacity();
        }
        &mut self.buffer
    }

    /// Whether bytes wait that make no whole operation.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.early.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ServerMessage;

    fn read(incoming: &mut Incoming, bytes: &[u8]) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        for piece in bytes.chunks(READ_BYTES) {
            incoming.room().extend_from_slice(piece);
            while let Some(ServerOp::Message(message)) = incoming.next_op().unwrap() {
                messages.push(message);
            }
        }
        messages
    }

    #[test]
    fn a_small_payload_does_not_keep_the_block_it_came_in() {
        let mut incoming = Incoming::default();
        let large = format!("MSG a 1 100000\r\n{}\r\n", "x".repeat(100_000));
        let messages =
            read(&mut incoming, [large.as_bytes(), b"MSG a 1 1\r\ny\r\n"].concat().as_slice());
        assert_eq!(messages.len(), 2);
        assert!(incoming.is_empty());
        let small = messages.into_iter().nth(1).unwrap();
        assert!(small.payload.is_unique(), "a copy of its own");
    }

    #[test]
    fn an_announced_size_alone_takes_little_memory() {
        let mut incoming = Incoming::default();
        assert!(read(&mut incoming, b"MSG a 1 60000000\r\nx").is_empty());
        assert!(incoming.room().capacity() < 2 * ROOM_BYTES_MAX);
    }
}
