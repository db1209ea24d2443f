//! NATS headers: `NATS/1.0`, then `Name: value` lines, then an empty line (NATS ADR-4).

use bytes::BytesMut;

const VERSION: &str = "NATS/1.0\r\n";

/// Whether headers can be written without changing what a reader sees.
pub(crate) fn are_legal(headers: &[(String, String)]) -> bool {
    headers.iter().all(|(name, value)| {
        let graphic = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        !name.is_empty() && name.bytes().all(graphic) && !value.contains(char::is_control)
    })
}

/// The length of the block that [`encode`] writes, in bytes; zero without headers.
pub(crate) fn encoded_len(headers: &[(String, String)]) -> usize {
    match headers {
        [] => 0,
        headers => {
            let lines = headers.iter().map(|(name, value)| name.len() + value.len() + 4);
            VERSION.len() + lines.sum::<usize>() + 2
        }
    }
}

/// Appends the block of [`are_legal`] headers; nothing without headers.
pub(super) fn encode(headers: &[(String, String)], buffer: &mut BytesMut) {
    if headers.is_empty() {
        return;
    }
    buffer.extend_from_slice(VERSION.as_bytes());
    for (name, value) in headers {
        for part in [name, ": ", value, "\r\n"] {
            buffer.extend_from_slice(part.as_bytes());
        }
    }
    buffer.extend_from_slice(b"\r\n");
}

/// Reads a block. Lines that are no header are passed over, what is not UTF-8 is replaced: the payload
/// is worth more than a publisher's odd header.
pub(crate) fn decode(block: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(block);
    let lines = text.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_is_written_is_read_back_and_as_long_as_it_was_said_to_be() {
        for pairs in [&[][..], &[("A", "b")], &[("A", "b: c"), ("A", ""), ("X-y", "é")]] {
            let (headers, mut block) = (headers(pairs), BytesMut::new());
            encode(&headers, &mut block);
            assert_eq!(block.len(), encoded_len(&headers));
            assert_eq!(decode(&block), headers);
        }
    }

    #[test]
    fn a_header_that_would_end_its_line_is_not_legal() {
        assert!(are_legal(&headers(&[("Antiphon-Origin", "eu/eu-1 2")])));
        for (name, value) in
            [("", "a"), ("a b", "c"), ("a:", "c"), ("a", "b\r\nc: d"), ("a\n", "b")]
        {
            assert!(!are_legal(&headers(&[(name, value)])), "{name:?} {value:?}");
        }
    }

    #[test]
    fn odd_blocks_give_what_can_be_read_of_them() {
        assert_eq!(decode(b"NATS/1.0 503 No Responders\r\n\r\n"), []);
        assert_eq!(decode(b"NATS/1.0\r\nno header\r\nA:  b \r\n"), headers(&[("A", "b")]));
        assert_eq!(decode(b"\xff\xff"), []);
    }
}
