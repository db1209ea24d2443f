//! Our operations into bytes.

use std::fmt::Write as _;

use bytes::{Buf, BytesMut};
use serde::Serialize;

use super::{Pattern, headers};
use crate::port::Publication;

/// What CONNECT says of us. The field names are the protocol's.
#[derive(Debug, Serialize)]
pub struct Connect<'a> {
    /// Whether each operation is to be answered by +OK; never.
    pub verbose: bool,
    /// Whether subjects are to be checked again; we check them ourselves.
    pub pedantic: bool,
    /// Whether TLS is up.
    pub tls_required: bool,
    /// The connection's name.
    pub name: &'a str,
    /// The language of the client.
    pub lang: &'a str,
    /// The client's version.
    pub version: &'a str,
    /// 1: we understand INFO at any time.
    pub protocol: u8,
    /// Whether our own subscriptions get our own messages, as those of Choria do.
    pub echo: bool,
    /// Whether we understand HMSG.
    pub headers: bool,
    /// Whether a request without subscribers is to be answered by the server; we publish without reply subject.
    pub no_responders: bool,
    /// The user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    /// The password.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pass: Option<&'a str>,
    /// The token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_token: Option<&'a str>,
    /// The user's JWT.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<&'a str>,
    /// The public nkey.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nkey: Option<&'a str>,
    /// The signature over the nonce.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sig: Option<&'a str>,
}

/// Gathers operations for one write. What has been written is taken from its front by way of [`Buf`].
#[derive(Debug, Default)]
pub struct Encoder {
    buffer: BytesMut,
}

impl Encoder {
    /// CONNECT.
    pub fn connect(&mut self, connect: &Connect<'_>) {
        let json = serde_json::to_string(connect).expect("a struct of texts and flags is JSON");
        self.line(format_args!("CONNECT {json}"));
    }

    /// PING.
    pub fn ping(&mut self) {
        self.buffer.extend_from_slice(b"PING\r\n");
    }

    /// PONG.
    pub fn pong(&mut self) {
        self.buffer.extend_from_slice(b"PONG\r\n");
    }

    /// SUB.
    pub fn subscribe(&mut self, sid: u64, pattern: &Pattern) {
        match (pattern.subject(), pattern.group()) {
            (subject, None) => self.line(format_args!("SUB {subject} {sid}")),
            (subject, Some(group)) => self.line(format_args!("SUB {subject} {group} {sid}")),
        }
    }

    /// UNSUB.
    pub fn unsubscribe(&mut self, sid: u64) {
        self.line(format_args!("UNSUB {sid}"));
    }

    /// PUB, or HPUB if there are headers. Subject and headers were checked before.
    pub fn publish(&mut self, publication: &Publication) {
        let Publication { subject, headers, payload } = publication;
        let header_bytes = headers::encoded_len(headers);
        let total_bytes = header_bytes + payload.len();
        self.buffer.reserve(subject.len() + total_bytes + 64);
        match header_bytes {
            0 => self.line(format_args!("PUB {subject} {total_bytes}")),
            _ => self.line(format_args!("HPUB {subject} {header_bytes} {total_bytes}")),
        }
        headers::encode(headers, &mut self.buffer);
        self.buffer.extend_from_slice(payload);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.buffer.write_fmt(line).expect("a buffer of bytes takes any text");
        self.buffer.extend_from_slice(b"\r\n");
    }
}

impl Buf for Encoder {
    fn remaining(&self) -> usize {
        self.buffer.remaining()
    }

    fn chunk(&self) -> &[u8] {
        self.buffer.chunk()
    }

    fn advance(&mut self, count: usize) {
        self.buffer.advance(count);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn written(write: impl FnOnce(&mut Encoder)) -> String {
        let mut encoder = Encoder::default();
        write(&mut encoder);
        String::from_utf8(encoder.chunk().to_vec()).unwrap()
    }

    fn publication(headers: Vec<(String, String)>) -> Publication {
        Publication { subject: "a.b".to_owned(), headers, payload: Bytes::from_static(b"hello") }
    }

    #[test]
    fn subscriptions_are_lines() {
        let plain = Pattern::new("a.>".to_owned(), None).unwrap();
        assert_eq!(written(|encoder| encoder.subscribe(7, &plain)), "SUB a.> 7\r\n");
        let grouped = Pattern::new("a".to_owned(), Some("g".to_owned())).unwrap();
        assert_eq!(written(|encoder| encoder.subscribe(8, &grouped)), "SUB a g 8\r\n");
        assert_eq!(written(|encoder| encoder.unsubscribe(8)), "UNSUB 8\r\n");
    }

    #[test]
    fn a_publication_is_plain_or_with_headers() {
        let plain = written(|encoder| encoder.publish(&publication(Vec::new())));
        assert_eq!(plain, "PUB a.b 5\r\nhello\r\n");
        let headers = vec![("K".to_owned(), "v".to_owned())];
        let with_headers = written(|encoder| encoder.publish(&publication(headers)));
        assert_eq!(with_headers, "HPUB a.b 18 23\r\nNATS/1.0\r\nK: v\r\n\r\nhello\r\n");
    }
}
