//! JSON as Go's `encoding/json` writes it: no white space, members in the order given, HTML escaped.

/// Writes one object into a buffer.
pub(crate) struct ObjectWriter<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl<'a> ObjectWriter<'a> {
    /// Opens the object.
    pub(crate) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, any: false }
    }

    /// Continues an object that was opened elsewhere; `any` says whether it has members.
    pub(crate) fn resume(out: &'a mut Vec<u8>, any: bool) -> Self {
        Self { out, any }
    }

    /// Closes the object.
    pub(crate) fn close(self) {
        self.out.push(b'}');
    }

    /// Writes a member whose value `write` appends.
    pub(crate) fn member(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) -> &mut Self {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        string(key, self.out);
        self.out.push(b':');
        write(self.out);
        self
    }

    /// Writes a string member.
    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.member(key, |out| string(value, out))
    }

    /// Writes a string member unless `value` is empty.
    pub(crate) fn text_if_any(&mut self, key: &str, value: &str) -> &mut Self {
        if value.is_empty() { self } else { self.text(key, value) }
    }

    /// Writes a member that is the base64 of `bytes`.
    pub(crate) fn base64(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        self.member(key, |out| {
            out.push(b'"');
            crate::base64::encode_into(bytes, out);
            out.push(b'"');
        })
    }

    /// Writes an integer member.
    pub(crate) fn integer(&mut self, key: &str, value: u64) -> &mut Self {
        self.member(key, |out| out.extend_from_slice(value.to_string().as_bytes()))
    }

    /// Writes a member that is an array of strings.
    pub(crate) fn texts<S: AsRef<str>>(&mut self, key: &str, values: &[S]) -> &mut Self {
        self.list(key, values, |value, out| string(value.as_ref(), out))
    }

    /// Writes a member that is an array, each element by `write`.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        values: &[T],
        write: impl FnMut(&T, &mut Vec<u8>),
    ) -> &mut Self {
        self.member(key, |out| array(values, out, write))
    }
}

/// Appends an array, each element by `write`.
pub(crate) fn array<T>(values: &[T], out: &mut Vec<u8>, mut write: impl FnMut(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(value, out);
    }
    out.push(b']');
}

/// Appends `text` as a JSON string.
pub(crate) fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    if text.bytes().all(is_plain) {
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
        return;
    }
    let mut plain_from = 0;
    for (at, c) in text.char_indices() {
        if !needs_escape(c) {
            continue;
        }
        out.extend_from_slice(text.get(plain_from..at).unwrap_or_default().as_bytes());
        escape(c, out);
        plain_from = at + c.len_utf8();
    }
    out.extend_from_slice(text.get(plain_from..).unwrap_or_default().as_bytes());
    out.push(b'"');
}

/// Whether a byte belongs to no character that needs an escape; of U+2028 and U+2029, whose first byte many
/// others share, it says no.
fn is_plain(byte: u8) -> bool {
    byte >= b' ' && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2)
}

fn needs_escape(c: char) -> bool {
    c < ' ' || matches!(c, '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}')
}

fn escape(c: char, out: &mut Vec<u8>) {
    let short = match c {
        '"' | '\\' => c,
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        _ => return out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes()),
    };
    out.push(b'\\');
    out.extend(u8::try_from(short));
}
