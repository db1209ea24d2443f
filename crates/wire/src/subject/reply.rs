//! The subjects that clients take their replies on.

use md5::{Digest as _, Md5};

use crate::id::{CallerId, Collective, IdError, RequestId};
use crate::token_id;

token_id!(
    /// A client's reply subject: `<collective>.reply.<caller hash>.<id>`, and nothing else.
    ///
    /// The caller hash is 32 or 64 lower-case hexadecimal characters (MD5, or SHA-256 in FIPS mode). The id is the
    /// request id of a Go client (32 lower-case hexadecimal characters in v1, a KSUID of 27 base62 in v2), or a Ruby
    /// client's `<pid>.<sequence>` in decimal. The collective is the client's main one, not always the request's.
    ReplySubject,
    "a reply subject",
    check
);

impl ReplySubject {
    /// The subject on which a Go client that calls as `caller` expects the answers to `request`.
    ///
    /// # Errors
    /// A request id that is of neither version's usual shape.
    pub fn for_caller(
        collective: &Collective,
        caller: &CallerId,
        request: &RequestId,
    ) -> Result<Self, IdError> {
        let hash = Md5::digest(caller.as_str());
        Self::try_from(format!("{collective}.reply.{hash:x}.{request}"))
    }

    /// The collective: the client's main one.
    pub fn collective(&self) -> &str {
        self.token(0)
    }

    /// The hash of the caller id.
    pub fn caller_hash(&self) -> &str {
        self.token(2)
    }

    /// What follows the hash: a request id, or `<pid>.<sequence>`.
    pub fn id(&self) -> &str {
        self.token(3)
    }

    /// The token at `index`; the fourth is all of the rest.
    fn token(&self, index: usize) -> &str {
        self.as_str().splitn(4, '.').nth(index).unwrap_or_default()
    }
}

fn check(subject: &str) -> Result<(), &'static str> {
    if is_reply_subject(subject) {
        Ok(())
    } else {
        Err("<collective>.reply.<32 or 64 lower-case hex>.<32 hex, 27 base62 or pid.sequence>")
    }
}

fn is_reply_subject(subject: &str) -> bool {
    let mut tokens = subject.splitn(4, '.');
    let mut next = || tokens.next().unwrap_or_default();
    Collective::is_legal(next()) && next() == "reply" && is_hash(next()) && is_id(next())
}

fn is_hash(text: &str) -> bool {
    matches!(text.len(), 32 | 64) && text.bytes().all(is_lower_hex)
}

fn is_id(text: &str) -> bool {
    match text.split_once('.') {
        Some((pid, sequence)) => is_decimal(pid) && is_decimal(sequence),
        None if text.len() == 32 => text.bytes().all(is_lower_hex),
        None => text.len() == 27 && text.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

fn is_lower_hex(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

/// Up to 20 digits, as many as a 64 bit counter has.
fn is_decimal(text: &str) -> bool {
    matches!(text.len(), 1..=20) && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "74ce5a833e16d4afa24ecbc90fff8506";

    #[test]
    fn the_three_kinds_of_id_are_accepted_with_either_hash() {
        for id in ["4cfb6f9893c94b78bb869e7c9026da94", "3MXB6MywF3TaXxLFKmJyUU98H5W", "123.7"] {
            for hash in [HASH.to_owned(), HASH.repeat(2)] {
                let subject =
                    ReplySubject::try_from(format!("mcollective.reply.{hash}.{id}")).unwrap();
                assert_eq!(subject.collective(), "mcollective");
                assert_eq!(subject.caller_hash(), hash);
                assert_eq!(subject.id(), id);
            }
        }
    }

    #[test]
    fn other_shapes_are_refused() {
        let id = "4cfb6f9893c94b78bb869e7c9026da94";
        for bad in [
            String::new(),
            format!("mcollective.reply.{HASH}"),
            format!("mcollective.reply.{}.{id}", HASH.to_uppercase()),
            format!("mcollective.reply.{HASH}.{}", id.to_uppercase()),
            format!("mcollective.reply.{HASH}.{id}.x"),
            format!("mcollective.reply.{HASH}.{id}0"),
            format!("mcollective.reply.{HASH}.1.2.3"),
            format!("mcollective.reply.{HASH}.1."),
            format!("mcollective.reply.{HASH}.a.1"),
            format!("mcollective.reply.{HASH}.{}.1", "1".repeat(21)),
            format!("*.reply.{HASH}.{id}"),
            format!("a.b.reply.{HASH}.{id}"),
            format!("mcollective.node.{HASH}.{id}"),
            format!("mcollective.reply.{HASH}.{}", &id[..31]),
            format!("$JS.API.reply.{HASH}.{id}"),
        ] {
            assert!(ReplySubject::try_from(bad.as_str()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_caller_is_hashed_with_md5() {
        let subject = ReplySubject::for_caller(
            &Collective::try_from("mcollective").unwrap(),
            &CallerId::try_from("choria=alice.mcollective").unwrap(),
            &RequestId::try_from("4cfb6f9893c94b78bb869e7c9026da94").unwrap(),
        );
        assert_eq!(
            subject.unwrap().as_str(),
            "mcollective.reply.74ce5a833e16d4afa24ecbc90fff8506.4cfb6f9893c94b78bb869e7c9026da94"
        );
    }
}
