//! Changing headers in place: every other byte stays, so that what was signed and what we do not know survive.

use bytes::Bytes;

use super::Transport;
use crate::fault::Layer;
use crate::federation::Federation;
use crate::json::{Member, ObjectWriter, Scanner, Span, array, string};

/// Changes to the headers of a [`Transport`], applied in one pass by [`finish`](Edit::finish).
///
/// A member that exists is replaced or removed where it stands, a new one is added after the last; unknown members,
/// white space and order stay. Strings are written as Go writes them, so an edit and the edit that undoes it give the
/// original bytes, if the original had its strings in that spelling too.
#[derive(Clone, Debug)]
pub struct Edit<'a> {
    transport: &'a Transport,
    reply_to: Change<&'a str>,
    federation: Change<&'a Federation>,
    hops: Vec<[&'a str; 3]>,
}

/// What happens to a header.
#[derive(Clone, Copy, Debug)]
enum Change<T> {
    Keep,
    Set(T),
    Remove,
}

impl<T> Change<T> {
    fn to(value: Option<T>) -> Self {
        value.map_or(Self::Remove, Self::Set)
    }
}

impl<'a> Edit<'a> {
    pub(super) fn new(transport: &'a Transport) -> Self {
        Self { transport, reply_to: Change::Keep, federation: Change::Keep, hops: Vec::new() }
    }

    /// Sets the subject for replies, or removes it.
    pub fn reply_to(mut self, subject: Option<&'a str>) -> Self {
        self.reply_to = Change::to(subject);
        self
    }

    /// Sets the whole `federation` header, or removes it. Unknown members of an old one are lost, as they are in nodes.
    pub fn federation(mut self, federation: Option<&'a Federation>) -> Self {
        self.federation = Change::to(federation);
        self
    }

    /// Appends `[broker in, processor, broker out]` to the hops seen.
    pub fn append_seen_by(mut self, hop: [&'a str; 3]) -> Self {
        self.hops.push(hop);
        self
    }

    /// The payload with the changes made.
    pub fn finish(self) -> Bytes {
        let members = self.members();
        let mut splices = Splices::default();
        let mut any_kept = false;
        for (index, member) in members.iter().enumerate() {
            let before = index.checked_sub(1).and_then(|index| members.get(index));
            if self.removes(member.key) {
                // Takes the comma before it along, if something stands there that is kept.
                if let Some(before) = before.filter(|_| any_kept) {
                    splices.remove(Span { start: before.whole.end, end: member.whole.end });
                }
                continue;
            }
            if let Some(first) = members.first().filter(|_| !any_kept) {
                splices.remove(Span { start: first.whole.start, end: member.whole.start });
            }
            any_kept = true;
            self.change(member, &mut splices);
        }
        self.append_new(&members, any_kept, &mut splices);
        splices.apply(&self.transport.payload)
    }

    /// The members of the headers, at their offsets in the payload.
    fn members(&self) -> Vec<Member<'a>> {
        let base = self.transport.headers.span.start;
        let text = self.transport.slice(self.transport.headers.span);
        let members = Scanner::new(Layer::Headers, text).list_members();
        debug_assert!(members.is_ok(), "the headers were checked when the transport was decoded");
        members.unwrap_or_default().into_iter().map(|member| member.moved_by(base)).collect()
    }

    fn removes(&self, key: &str) -> bool {
        let keys = self.transport.keys();
        key == keys.reply_to && matches!(self.reply_to, Change::Remove)
            || key == keys.federation && matches!(self.federation, Change::Remove)
    }

    /// Changes a member that stays.
    fn change(&self, member: &Member<'_>, splices: &mut Splices) {
        let keys = self.transport.keys();
        if member.key == keys.reply_to {
            if let Change::Set(subject) = self.reply_to {
                splices.replace(member.value, |out| string(subject, out));
            }
        } else if member.key == keys.federation {
            if let Change::Set(federation) = self.federation {
                splices.replace(member.value, |out| federation.write(&keys.in_federation, out));
            }
        } else if member.key == keys.seen_by && !self.hops.is_empty() {
            self.extend_hops(member.value, splices);
        }
    }

    /// Adds the hops to the list that stands at `value`, or writes one in the place of a null.
    fn extend_hops(&self, value: Span, splices: &mut Splices) {
        let text = self.transport.slice(value);
        let mut last_end = None;
        let mut scanner = Scanner::new(Layer::Headers, text);
        let listed = scanner.list(self.transport.keys().seen_by, |hop| {
            last_end = Some(hop.skip()?.end);
            Ok(())
        });
        match (listed, last_end) {
            (Ok(Some(_)), Some(end)) => splices.insert(value.start + end, |out| {
                for hop in &self.hops {
                    out.push(b',');
                    write_hop(hop, out);
                }
            }),
            _ => splices.replace(value, |out| array(&self.hops, out, write_hop)),
        }
    }

    /// Adds the members that were not there after the last, or in the place of all if none is kept.
    fn append_new(&self, members: &[Member<'_>], any_kept: bool, splices: &mut Splices) {
        let keys = self.transport.keys();
        let is_new = |key| members.iter().all(|member| member.key != key);
        let inside = self.transport.headers.span.start + 1;
        let end = members.last().map_or(inside, |last| last.whole.end);
        let start = members.first().filter(|_| !any_kept).map_or(end, |first| first.whole.start);
        splices.replace(Span { start, end }, |out| {
            let mut object = ObjectWriter::resume(out, any_kept);
            if let Change::Set(subject) = self.reply_to
                && is_new(keys.reply_to)
            {
                object.text(keys.reply_to, subject);
            }
            if !self.hops.is_empty() && is_new(keys.seen_by) {
                object.list(keys.seen_by, &self.hops, write_hop);
            }
            if let Change::Set(federation) = self.federation
                && is_new(keys.federation)
            {
                object.member(keys.federation, |out| federation.write(&keys.in_federation, out));
            }
        });
    }
}

fn write_hop(hop: &[&str; 3], out: &mut Vec<u8>) {
    array(hop, out, |part, out| string(part, out));
}

/// Replacements of parts of a text, in the order of the text.
#[derive(Default)]
struct Splices {
    /// All new text, one piece after the other.
    new: Vec<u8>,
    /// What is replaced, and by how much of the new text.
    cuts: Vec<(Span, usize)>,
}

impl Splices {
    fn remove(&mut self, old: Span) {
        self.replace(old, |_| {});
    }

    fn insert(&mut self, at: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.replace(Span { start: at, end: at }, write);
    }

    fn replace(&mut self, old: Span, write: impl FnOnce(&mut Vec<u8>)) {
        let before = self.new.len();
        write(&mut self.new);
        let written = self.new.len() - before;
        if written > 0 || old.start < old.end {
            self.cuts.push((old, written));
        }
    }

    fn apply(&self, text: &Bytes) -> Bytes {
        if self.cuts.is_empty() {
            return text.clone();
        }
        let removed: usize = self.cuts.iter().map(|(old, _)| old.end - old.start).sum();
        let mut out = Vec::with_capacity(text.len() + self.new.len() - removed);
        let mut new = self.new.as_slice();
        let mut at = 0;
        for (old, written) in &self.cuts {
            out.extend_from_slice(text.get(at..old.start).unwrap_or_default());
            let (piece, rest) = new.split_at_checked(*written).unwrap_or((new, &[]));
            out.extend_from_slice(piece);
            new = rest;
            at = old.end;
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Bytes::from(out)
    }
}
