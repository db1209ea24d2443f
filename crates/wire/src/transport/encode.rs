//! Building a transport.

use bytes::Bytes;

use crate::federation::Federation;
use crate::json::{ObjectWriter, array, string};
use crate::version::Version;

/// A transport to be published by a client or a node.
#[derive(Clone, Copy, Debug)]
pub struct NewTransport<'a> {
    /// The version it speaks.
    pub version: Version,
    /// The secure request or secure reply, as JSON; it is carried as base64.
    pub data: &'a [u8],
    /// The subject for replies: required in requests, absent in replies.
    pub reply_to: Option<&'a str>,
    /// The publishing host; clients take the node's name from here when they discover.
    pub sender: &'a str,
    /// The hops, the publisher's own `[broker, identity, broker]` last. A node copies those of a request
    /// before its own if, and only if, it echoes `federation`.
    pub seen_by: &'a [Vec<String>],
    /// The `federation` header; a node echoes the request's.
    pub federation: Option<&'a Federation>,
}

impl NewTransport<'_> {
    /// The payload, with members in Choria's order.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.data.len() * 4 / 3 + 512);
        let mut object = ObjectWriter::open(&mut out);
        object.text("protocol", self.version.transport_protocol());
        object.base64("data", self.data);
        object.member("headers", |out| self.write_headers(out));
        object.close();
        Bytes::from(out)
    }

    fn write_headers(&self, out: &mut Vec<u8>) {
        let keys = self.version.header_keys();
        let mut headers = ObjectWriter::open(out);
        headers.text_if_any(keys.reply_to, self.reply_to.unwrap_or_default());
        headers.text_if_any(keys.sender, self.sender);
        if !self.seen_by.is_empty() {
            headers.list(keys.seen_by, self.seen_by, |hop, out| {
                array(hop, out, |part, out| string(part, out));
            });
        }
        if let Some(federation) = self.federation {
            headers.member(keys.federation, |out| federation.write(&keys.in_federation, out));
        }
        headers.close();
    }
}
