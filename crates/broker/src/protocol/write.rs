//! What we say to the server.

use crate::port::{Publication, SubscriptionId};

use super::headers;

/// Collects what is to be written in one go.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub(crate) buffer: Vec<u8>,
    headers: Vec<u8>,
}

impl Writer {
    pub(crate) fn connect(&mut self, json: &str) {
        self.line(&["CONNECT ", json]);
    }

    pub(crate) fn ping(&mut self) {
        self.line(&["PING"]);
    }

    pub(crate) fn pong(&mut self) {
        self.line(&["PONG"]);
    }

    pub(crate) fn subscribe(&mut self, id: SubscriptionId, subject: &str, group: Option<&str>) {
        let sid = id.0.to_string();
        match group {
            Some(group) => self.line(&["SUB ", subject, " ", group, " ", &sid]),
            None => self.line(&["SUB ", subject, " ", &sid]),
        }
    }

    pub(crate) fn unsubscribe(&mut self, id: SubscriptionId) {
        self.line(&["UNSUB ", &id.0.to_string()]);
    }

    /// PUB, or HPUB with headers. The caller has checked subject and size.
    pub(crate) fn publish(&mut self, message: &Publication) {
        let payload = &message.payload;
        if message.headers.is_empty() {
            self.line(&["PUB ", &message.subject, " ", &payload.len().to_string()]);
        } else {
            let mut block = std::mem::take(&mut self.headers);
            block.clear();
            headers::encode(&message.headers, &mut block);
            let (header, total) = (block.len().to_string(), (block.len() + payload.len()).to_string());
            self.line(&["HPUB ", &message.subject, " ", &header, " ", &total]);
            self.buffer.extend_from_slice(&block);
            self.headers = block;
        }
        self.buffer.extend_from_slice(payload);
        self.buffer.extend_from_slice(b"\r\n");
    }

    fn line(&mut self, parts: &[&str]) {
        for part in parts {
            self.buffer.extend_from_slice(part.as_bytes());
        }
        self.buffer.extend_from_slice(b"\r\n");
    }
}

/// What headers and payload count for against the server's `max_payload`, in bytes.
pub(crate) fn size(message: &Publication) -> usize {
    if message.headers.is_empty() {
        return message.payload.len();
    }
    let mut block = Vec::new();
    headers::encode(&message.headers, &mut block);
    block.len() + message.payload.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn written(headers: Vec<(String, String)>) -> String {
        let mut writer = Writer::default();
        let payload = Bytes::from_static(b"abc");
        writer.publish(&Publication { subject: "a.b".to_owned(), headers, payload });
        String::from_utf8(writer.buffer).unwrap()
    }

    #[test]
    fn messages_are_written_with_and_without_headers() {
        assert_eq!(written(Vec::new()), "PUB a.b 3\r\nabc\r\n");
        let headers = vec![("K".to_owned(), "v".to_owned())];
        assert_eq!(written(headers), "HPUB a.b 18 21\r\nNATS/1.0\r\nK: v\r\n\r\nabc\r\n");
    }

    #[test]
    fn subscriptions_carry_their_group() {
        let mut writer = Writer::default();
        writer.subscribe(SubscriptionId(1), "a.>", Some("g"));
        writer.subscribe(SubscriptionId(2), "b", None);
        writer.unsubscribe(SubscriptionId(1));
        assert_eq!(writer.buffer, b"SUB a.> g 1\r\nSUB b 2\r\nUNSUB 1\r\n");
    }
}
