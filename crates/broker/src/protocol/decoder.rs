//! Bytes of a server into operations. Payloads are slices of the buffer: nothing is copied here.

use bytes::{Buf, Bytes, BytesMut};

use super::Info;

/// The longest line that is taken, in bytes. MSG lines end at the server's `max_control_line` (4096 unless
/// configured); the INFO of a large cluster is longer.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// The largest message that is taken, headers included, in bytes: what nats-server lets wait for a client.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024 * 1024;

const CRLF: &[u8] = b"\r\n";

/// One thing that a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerOp {
    /// INFO.
    Info(Box<Info>),
    /// MSG or HMSG with its payload.
    Message(ServerMessage),
    /// PING, to be answered.
    Ping,
    /// PONG, the answer to the oldest unanswered PING of ours.
    Pong,
    /// +OK, said in verbose mode only.
    Ok,
    /// -ERR; the text without its quotes.
    Error(String),
}

/// MSG or HMSG.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerMessage {
    /// The number that the subscription was given in SUB.
    pub sid: u64,
    /// The subject it was published on.
    pub subject: String,
    /// The reply subject.
    pub reply: Option<String>,
    /// The header block, `NATS/1.0…` up to and including the empty line; empty for MSG.
    pub headers: Bytes,
    /// The payload.
    pub payload: Bytes,
}

impl ServerMessage {
    /// What it takes to hold this message, in bytes.
    pub fn bytes(&self) -> usize {
        let reply = self.reply.as_ref().map_or(0, String::len);
        self.subject.len() + reply + self.headers.len() + self.payload.len()
    }
}

/// Why bytes are not what a NATS server says; the connection is of no further use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// No line end within [`LINE_BYTES_MAX`].
    #[error("a line of more than {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A line that starts with no known operation, or has no carriage return, or is not UTF-8.
    #[error("a line that is no operation of NATS: {line:?}")]
    UnknownOperation {
        /// Its beginning.
        line: String,
    },
    /// A MSG or HMSG line whose words make no sense.
    #[error("a malformed message line: {line:?}")]
    BadMessageLine {
        /// Its beginning.
        line: String,
    },
    /// A message that is announced as larger than [`PAYLOAD_BYTES_MAX`].
    #[error("a message of {bytes} bytes on {subject}")]
    TooLarge {
        /// The message's subject.
        subject: String,
        /// The announced size.
        bytes: usize,
    },
    /// A payload that does not end where its line said.
    #[error("a message on {subject} that does not end where it should")]
    BadEnd {
        /// The message's subject.
        subject: String,
    },
    /// An INFO that is not the JSON object it should be.
    #[error("a malformed INFO")]
    BadInfo(#[source] serde_json::Error),
}

/// Finds the operations in a stream of bytes, however it is cut.
#[derive(Debug, Default)]
pub struct Decoder {
    /// How much of the buffer is known to hold no line end.
    scanned: usize,
    /// The message whose payload is awaited.
    pending: Option<Pending>,
}

/// What a message line announced.
#[derive(Debug)]
struct Pending {
    sid: u64,
    subject: String,
    reply: Option<String>,
    header_bytes: usize,
    total_bytes: usize,
}

impl Decoder {
    /// Takes the next operation from the front of `buffer`; none if more bytes are needed.
    ///
    /// # Errors
    /// What is not the protocol; the decoder is of no use afterwards.
    pub fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<ServerOp>, ProtocolError> {
        if self.pending.is_some() {
            return self.take_payload(buffer);
        }
        let Some(line) = self.take_line(buffer)? else { return Ok(None) };
        let (word, rest) = split_word(&line).ok_or_else(|| unknown(&line))?;
        match word {
            Word::Msg => self.announce(rest, Announced::Plain).map_err(|()| bad_line(&line))?,
            Word::Hmsg => self.announce(rest, Announced::Headers).map_err(|()| bad_line(&line))?,
            Word::Other(op) => return Ok(Some(op)),
            Word::Info => return info(rest).map(Some),
            Word::Error => return Ok(Some(ServerOp::Error(unquoted(rest)))),
        }
        self.check_size()?;
        self.take_payload(buffer)
    }

    /// How many bytes are missing to complete the message at the front of a buffer with `buffered` bytes;
    /// zero while no message is awaited.
    pub fn missing(&self, buffered: usize) -> usize {
        let total = self.pending.as_ref().map_or(0, |pending| pending.total_bytes + CRLF.len());
        total.saturating_sub(buffered)
    }

    fn take_line(&mut self, buffer: &mut BytesMut) -> Result<Option<BytesMut>, ProtocolError> {
        let unseen = buffer.get(self.scanned..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'\n', unseen).map(|at| self.scanned + at) else {
            self.scanned = buffer.len();
            return match self.scanned > LINE_BYTES_MAX {
                true => Err(ProtocolError::LineTooLong),
                false => Ok(None),
            };
        };
        if end > LINE_BYTES_MAX {
            return Err(ProtocolError::LineTooLong);
        }
        self.scanned = 0;
        let mut line = buffer.split_to(end + 1);
        match line.strip_suffix(CRLF).map(<[u8]>::len) {
            Some(len) => line.truncate(len),
            None => return Err(unknown(&line)),
        }
        Ok(Some(line))
    }

    /// Reads `subject sid [reply] [header bytes] total bytes`.
    fn announce(&mut self, rest: &str, announced: Announced) -> Result<(), ()> {
        let mut words = rest.split_ascii_whitespace();
        let total_bytes = number(words.next_back())?;
        let header_bytes = match announced {
            Announced::Plain => 0,
            Announced::Headers => number(words.next_back())?,
        };
        let subject = words.next().ok_or(())?.to_owned();
        let sid = number(words.next())?;
        let reply = words.next().map(str::to_owned);
        if words.next().is_some() || header_bytes > total_bytes {
            return Err(());
        }
        self.pending = Some(Pending { sid, subject, reply, header_bytes, total_bytes });
        Ok(())
    }

    fn check_size(&mut self) -> Result<(), ProtocolError> {
        match &self.pending {
            Some(Pending { total_bytes: bytes, subject, .. }) if *bytes > PAYLOAD_BYTES_MAX => {
                Err(ProtocolError::TooLarge { subject: subject.clone(), bytes: *bytes })
            }
            _ => Ok(()),
        }
    }

    fn take_payload(&mut self, buffer: &mut BytesMut) -> Result<Option<ServerOp>, ProtocolError> {
        if self.missing(buffer.len()) > 0 {
            return Ok(None);
        }
        let Some(Pending { sid, subject, reply, header_bytes, total_bytes }) = self.pending.take()
        else {
            return Ok(None);
        };
        let mut headers = buffer.split_to(total_bytes).freeze();
        if !buffer.starts_with(CRLF) {
            return Err(ProtocolError::BadEnd { subject });
        }
        buffer.advance(CRLF.len());
        let payload = headers.split_off(header_bytes);
        Ok(Some(ServerOp::Message(ServerMessage { sid, subject, reply, headers, payload })))
    }
}

enum Announced {
    Plain,
    Headers,
}

/// The first word of a line.
enum Word {
    Info,
    Msg,
    Hmsg,
    Error,
    Other(ServerOp),
}

fn split_word(line: &[u8]) -> Option<(Word, &str)> {
    let line = std::str::from_utf8(line).ok()?;
    let (word, rest) = line.split_once([' ', '\t']).unwrap_or((line, ""));
    let is = |name: &str| word.eq_ignore_ascii_case(name);
    let word = match word.len() {
        3 if is("MSG") => Word::Msg,
        4 if is("HMSG") => Word::Hmsg,
        4 if is("PING") => Word::Other(ServerOp::Ping),
        4 if is("PONG") => Word::Other(ServerOp::Pong),
        4 if is("INFO") => Word::Info,
        4 if is("-ERR") => Word::Error,
        3 if is("+OK") => Word::Other(ServerOp::Ok),
        _ => return None,
    };
    Some((word, rest))
}

fn info(json: &str) -> Result<ServerOp, ProtocolError> {
    let info = serde_json::from_str(json).map_err(ProtocolError::BadInfo)?;
    Ok(ServerOp::Info(Box::new(info)))
}

fn unquoted(text: &str) -> String {
    let text = text.trim();
    let inner = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
    inner.unwrap_or(text).to_owned()
}

/// Digits alone: `+1` is no number of this protocol.
fn number<T: std::str::FromStr>(word: Option<&str>) -> Result<T, ()> {
    let word = word.filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())).ok_or(())?;
    word.parse().map_err(drop)
}

fn unknown(line: &[u8]) -> ProtocolError {
    ProtocolError::UnknownOperation { line: beginning(line) }
}

fn bad_line(line: &[u8]) -> ProtocolError {
    ProtocolError::BadMessageLine { line: beginning(line) }
}

/// Enough of a line to recognise it in a log.
fn beginning(line: &[u8]) -> String {
    String::from_utf8_lossy(line.get(..80).unwrap_or(line)).into_owned()
}

#[cfg(test)]
mod tests;
