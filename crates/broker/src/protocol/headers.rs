//! NATS headers: a version line, then `Key: value` lines, as in HTTP/1.

/// What a header block begins with; an inline status may follow.
pub(crate) const VERSION: &str = "NATS/1.0";

/// Reads a header block leniently: lines without a colon are passed over.
pub(crate) fn decode(block: &[u8]) -> Vec<(String, String)> {
    let Ok(text) = std::str::from_utf8(block) else { return Vec::new() };
    let lines = text.split("\r\n").skip(1).filter(|line| !line.is_empty());
    let pairs = lines.filter_map(|line| line.split_once(':'));
    pairs.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned())).collect()
}

/// Appends a header block; line ends in keys and values are left out, since they would be headers
/// of their own.
pub(crate) fn encode(headers: &[(String, String)], out: &mut Vec<u8>) {
    let clean = |text: &str, out: &mut Vec<u8>| {
        out.extend(text.bytes().filter(|byte| *byte != b'\r' && *byte != b'\n'));
    };
    out.extend_from_slice(VERSION.as_bytes());
    out.extend_from_slice(b"\r\n");
    for (key, value) in headers {
        clean(key, out);
        out.extend_from_slice(b": ");
        clean(value, out);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let headers = vec![("A".to_owned(), "b c".to_owned()), ("D".to_owned(), "e\r\nF: g".to_owned())];
        let mut block = Vec::new();
        encode(&headers, &mut block);
        let read = decode(&block);
        assert_eq!(read, [("A".to_owned(), "b c".to_owned()), ("D".to_owned(), "eF: g".to_owned())]);
    }

    #[test]
    fn nonsense_is_no_header() {
        assert!(decode(b"\xff\xfe").is_empty());
        assert!(decode(b"NATS/1.0 503\r\n\r\n").is_empty());
    }
}
