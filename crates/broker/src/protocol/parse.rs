//! Bytes of the server into operations. Payloads are slices of what was read.

use bytes::{Buf, Bytes, BytesMut};

use super::Info;

/// Longest line that is read, INFO included. The server's own limit for subjects is 4 KiB; INFO of
/// a large cluster is longer.
const LINE_MAX: usize = 256 * 1024;
/// Largest payload that is read.
const PAYLOAD_MAX: usize = 64 * 1024 * 1024;

/// What the server says.
#[derive(Debug)]
pub(crate) enum ServerOp {
    Info(Box<Info>),
    Message(ServerMessage),
    Ping,
    Pong,
    Ok,
    Error(String),
}

/// MSG or HMSG.
#[derive(Debug)]
pub(crate) struct ServerMessage {
    pub(crate) sid: u64,
    pub(crate) subject: String,
    pub(crate) reply: Option<String>,
    /// The raw header block, empty without one.
    pub(crate) headers: Bytes,
    pub(crate) payload: Bytes,
}

/// Why the server's bytes make no sense; the connection is of no further use.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server does not speak the NATS protocol: {0}")]
pub(crate) struct ProtocolError(&'static str);

/// Collects bytes until they make an operation.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    pub(crate) buffer: BytesMut,
    /// The message whose payload is being read.
    pending: Option<Pending>,
    /// How much of `buffer` has no line end in it.
    scanned: usize,
}

#[derive(Debug)]
struct Pending {
    sid: u64,
    subject: String,
    reply: Option<String>,
    header_bytes: usize,
    total_bytes: usize,
}

impl Parser {
    /// The next whole operation; `None` if more bytes are needed.
    pub(crate) fn next_op(&mut self) -> Result<Option<ServerOp>, ProtocolError> {
        loop {
            if let Some(pending) = &self.pending {
                let total = pending.total_bytes;
                if self.buffer.len() < total + 2 {
                    self.buffer.reserve(total + 2 - self.buffer.len());
                    return Ok(None);
                }
                return self.message().map(|message| message.map(ServerOp::Message));
            }
            let Some(line) = self.line()? else { return Ok(None) };
            if let Some(op) = self.control(&line)? {
                return Ok(Some(op));
            }
        }
    }

    fn message(&mut self) -> Result<Option<ServerMessage>, ProtocolError> {
        let Some(pending) = self.pending.take() else { return Ok(None) };
        let mut body = self.buffer.split_to(pending.total_bytes).freeze();
        if self.buffer.get(..2) != Some(b"\r\n") {
            return Err(ProtocolError("a payload without its end"));
        }
        self.buffer.advance(2);
        let headers = body.split_to(pending.header_bytes);
        Ok(Some(ServerMessage {
            sid: pending.sid,
            subject: pending.subject,
            reply: pending.reply,
            headers,
            payload: body,
        }))
    }

    /// The next line without its end.
    fn line(&mut self) -> Result<Option<BytesMut>, ProtocolError> {
        let unseen = self.buffer.get(self.scanned..).unwrap_or_default();
        let Some(at) = memchr::memchr(b'\n', unseen) else {
            self.scanned = self.buffer.len();
            if self.scanned > LINE_MAX {
                return Err(ProtocolError("a line without end"));
            }
            return Ok(None);
        };
        let mut line = self.buffer.split_to(self.scanned + at + 1);
        self.scanned = 0;
        line.truncate(line.len() - 1);
        if line.last() == Some(&b'\r') {
            line.truncate(line.len() - 1);
        }
        Ok(Some(line))
    }

    /// Reads a control line; `None` if a payload follows.
    fn control(&mut self, line: &[u8]) -> Result<Option<ServerOp>, ProtocolError> {
        let text = std::str::from_utf8(line).map_err(|_| ProtocolError("a line not in UTF-8"))?;
        let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
        let op = match word.to_ascii_uppercase().as_str() {
            "MSG" => return self.expect(rest, false).map(|()| None),
            "HMSG" => return self.expect(rest, true).map(|()| None),
            "PING" => ServerOp::Ping,
            "PONG" => ServerOp::Pong,
            "+OK" => ServerOp::Ok,
            "-ERR" => ServerOp::Error(rest.trim().trim_matches('\'').to_owned()),
            "INFO" => {
                let info = serde_json::from_str(rest)
                    .map_err(|_| ProtocolError("an INFO that is not its JSON"))?;
                ServerOp::Info(Box::new(info))
            }
            _ => return Err(ProtocolError("an unknown operation")),
        };
        Ok(Some(op))
    }

    /// `subject sid [reply] [header bytes] total bytes`.
    fn expect(&mut self, rest: &str, with_headers: bool) -> Result<(), ProtocolError> {
        let bad = ProtocolError("a message line that makes no sense");
        let mut words: Vec<&str> = rest.split_ascii_whitespace().collect();
        let total_bytes: usize = number(words.pop()).ok_or(bad.clone())?;
        let header_bytes = if with_headers { number(words.pop()).ok_or(bad.clone())? } else { 0 };
        if total_bytes > PAYLOAD_MAX || header_bytes > total_bytes {
            return Err(ProtocolError("a payload that is too large"));
        }
        let (subject, sid, reply) = match words.as_slice() {
            [subject, sid] => (subject, sid, None),
            [subject, sid, reply] => (subject, sid, Some((*reply).to_owned())),
            _ => return Err(bad),
        };
        let sid = number(Some(*sid)).ok_or(bad)?;
        let subject = (*subject).to_owned();
        self.pending = Some(Pending { sid, subject, reply, header_bytes, total_bytes });
        Ok(())
    }
}

fn number<T: std::str::FromStr>(word: Option<&str>) -> Option<T> {
    word.filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ops(parser: &mut Parser) -> Vec<String> {
        let mut ops = Vec::new();
        while let Some(op) = parser.next_op().unwrap() {
            ops.push(format!("{op:?}"));
        }
        ops
    }

    const STREAM: &[u8] = b"INFO {\"server_id\":\"x\",\"max_payload\":10}\r\nPING\r\nMSG a.b 7 5\r\nhello\r\n\
        HMSG a.c 8 r.s 17 20\r\nNATS/1.0\r\nA:b\r\n\r\nabc\r\n+OK\r\n-ERR 'Slow Consumer'\r\nPONG\r\n";

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        let mut whole = Parser::default();
        whole.buffer.extend_from_slice(STREAM);
        let want = ops(&mut whole);
        assert_eq!(want.len(), 7);
        for cut in 0..STREAM.len() {
            let mut parser = Parser::default();
            let (a, b) = STREAM.split_at(cut);
            parser.buffer.extend_from_slice(a);
            let mut got = ops(&mut parser);
            parser.buffer.extend_from_slice(b);
            got.extend(ops(&mut parser));
            assert_eq!(got, want, "cut at {cut}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        for bad in ["HELLO\r\n", "MSG a\r\n", "MSG a 1 -5\r\n", "HMSG a 1 9 5\r\n", "INFO {\r\n", "MSG a 1 99999999999\r\n", "MSG a 1 1\r\nabc\r\n"] {
            let mut parser = Parser::default();
            parser.buffer.extend_from_slice(bad.as_bytes());
            assert!(parser.next_op().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut parser = Parser::default();
            parser.buffer.extend_from_slice(&bytes);
            while let Ok(Some(_)) = parser.next_op() {}
        }

        #[test]
        fn changed_bytes_do_not_either(at in 0..STREAM.len(), byte: u8) {
            let mut bytes = STREAM.to_vec();
            bytes[at] = byte;
            let mut parser = Parser::default();
            parser.buffer.extend_from_slice(&bytes);
            while let Ok(Some(_)) = parser.next_op() {}
        }
    }
}
