//! Reading a transport: the outermost object, then its headers.

use crate::fault::{Fault, Layer, TransportError, missing, unknown_protocol};
use crate::federation::Federation;
use crate::json::{RawText, Scanner, Span};
use crate::version::{HeaderKeys, Version};

/// What the outermost object says.
pub(super) struct Outline {
    pub(super) version: Version,
    pub(super) data: Data,
    pub(super) headers: Span,
}

impl Outline {
    pub(super) fn read(text: &str) -> Result<Self, TransportError> {
        let (mut protocol, mut data, mut headers) = (None, None, None);
        let mut scanner = Scanner::new(Layer::Transport, text);
        scanner.object(&["protocol", "data", "headers"], |key, value| {
            match key {
                "protocol" => protocol = value.text(key)?,
                "data" => data = value.text(key)?,
                _ => {
                    let is_object = value.at_object();
                    headers = Some(value.skip()?).filter(|_| is_object);
                }
            }
            Ok(())
        })?;
        scanner.finish()?;
        let protocol = protocol.ok_or_else(|| missing(Layer::Transport, "protocol"))?.decode();
        let version = Version::of_transport(&protocol)
            .ok_or_else(|| unknown_protocol(Layer::Transport, &protocol))?;
        let headers = headers.ok_or_else(|| Fault::HeadersMissing.within(Layer::Transport))?;
        let data = data.ok_or_else(|| missing(Layer::Transport, "data"))?;
        let data = Data { span: data.span(), escaped: data.is_escaped() };
        Ok(Self { version, data, headers })
    }
}

/// Where `data` stands between its quotes, and whether it is written with escapes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Data {
    pub(super) span: Span,
    pub(super) escaped: bool,
}

/// The headers that are read; the text stays in the payload where it can.
#[derive(Clone, Debug)]
pub(super) struct Headers {
    pub(super) span: Span,
    pub(super) reply_to: Option<Text>,
    pub(super) sender: Option<Text>,
    pub(super) seen_by: Option<Span>,
    pub(super) federation: Option<Federation>,
}

impl Headers {
    /// Reads the object that stands at `span` of `text`.
    pub(super) fn read(
        text: &str,
        span: Span,
        keys: &'static HeaderKeys,
    ) -> Result<Self, TransportError> {
        let mut headers =
            Self { span, reply_to: None, sender: None, seen_by: None, federation: None };
        Scanner::starting_at(Layer::Headers, text, span.start).object(keys.all, |key, value| {
            if key == keys.reply_to {
                headers.reply_to = value.text(key)?.map(Text::new);
            } else if key == keys.sender {
                headers.sender = value.text(key)?.map(Text::new);
            } else if key == keys.seen_by {
                headers.seen_by = read_hops(value, key, None)?;
            } else if value.at_object() {
                headers.federation = Some(Federation::read(value, &keys.in_federation)?);
            } else {
                headers.federation = value.null_or(key, "an object")?;
            }
            Ok(())
        })?;
        Ok(headers)
    }
}

/// A header's value.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Where it stands in the payload, free of escapes.
    Plain(Span),
    /// What it says, where it is written with escapes.
    Unescaped(Box<str>),
}

impl Text {
    fn new(raw: RawText<'_>) -> Self {
        if raw.is_escaped() {
            Self::Unescaped(raw.decode().into())
        } else {
            Self::Plain(raw.span())
        }
    }
}

/// Reads the value of `key`, a list of lists of texts, into `hops` if there is room for them.
///
/// Go reads the first three elements of a hop and skips the others, whatever their type.
pub(super) fn read_hops(
    scanner: &mut Scanner<'_>,
    key: &'static str,
    mut hops: Option<&mut Vec<Vec<String>>>,
) -> Result<Option<Span>, TransportError> {
    scanner.list(key, |element| {
        let mut hop = Vec::new();
        let mut count = 0_usize;
        element.list(key, |part| {
            count += 1;
            if count > 3 && !part.at_text() {
                return part.skip().map(drop);
            }
            let text = part.text(key)?.unwrap_or_default();
            if hops.is_some() {
                hop.push(text.into_string());
            }
            Ok(())
        })?;
        if let Some(hops) = hops.as_deref_mut() {
            hops.push(hop);
        }
        Ok(())
    })
}
