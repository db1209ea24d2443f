//! Names as validated newtypes: made once where bytes enter, trusted afterwards.

/// Why a text is not a legal name of its kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {kind}: {expected}")]
pub struct IdError {
    /// What it should have been, with its article ("a collective").
    pub kind: &'static str,
    /// The refused text, cut after 64 characters.
    pub value: String,
    /// The rule it breaks.
    pub expected: &'static str,
}

impl IdError {
    /// An error about `value`, of which at most 64 characters are kept.
    pub fn new(kind: &'static str, value: &str, expected: &'static str) -> Self {
        Self { kind, value: value.chars().take(64).collect(), expected }
    }
}

/// Declares a validated, ordered, cheaply cloned text type.
///
/// `token_id!(/// docs Name, "a name", validator)`, where `validator` is `fn(&str) -> Result<(), &'static str>`
/// and its error states the rule that was broken ("1 to 63 characters of A-Z, …"). The type offers `TryFrom<String>`,
/// `TryFrom<&str>`, `FromStr`, `Display`, `as_str`, `is_legal`, `Borrow<str>` (ordered as the text is) and serde as a
/// string, validated on the way in. There is no `Deref` and no infallible constructor.
#[macro_export]
macro_rules! token_id {
    ($(#[$meta:meta])* $name:ident, $kind:literal, $validate:expr $(,)?) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(::std::sync::Arc<str>);

        impl $name {
            /// The text, as validated.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Whether `text` is one, for whoever does not keep it.
            pub fn is_legal(text: &str) -> bool {
                let validate: fn(&str) -> ::std::result::Result<(), &'static str> = $validate;
                validate(text).is_ok()
            }
        }

        impl ::std::convert::TryFrom<&str> for $name {
            type Error = $crate::IdError;

            fn try_from(text: &str) -> ::std::result::Result<Self, Self::Error> {
                let validate: fn(&str) -> ::std::result::Result<(), &'static str> = $validate;
                match validate(text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(expected) => Err($crate::IdError::new($kind, text, expected)),
                }
            }
        }

        impl ::std::convert::TryFrom<String> for $name {
            type Error = $crate::IdError;

            fn try_from(text: String) -> ::std::result::Result<Self, Self::Error> {
                Self::try_from(text.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::IdError;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                Self::try_from(text)
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad(&self.0)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(&self.0, f)
            }
        }

        impl ::std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::std::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D: $crate::__private::serde::Deserializer<'de>>(
                deserializer: D,
            ) -> ::std::result::Result<Self, D::Error> {
                let text = <String as $crate::__private::serde::Deserialize>::deserialize(deserializer)?;
                Self::try_from(text).map_err($crate::__private::serde::de::Error::custom)
            }
        }
    };
}

token_id!(
    /// A collective: the namespace of a set of nodes. One NATS token of 1 to 64 bytes.
    Collective,
    "a collective",
    token
);
token_id!(
    /// An agent, a named endpoint on nodes. One NATS token of 1 to 64 bytes.
    Agent,
    "an agent",
    token
);
token_id!(
    /// A cluster of Choria's Federation Broker, or of ours in its place. One NATS token of 1 to 64 bytes.
    Cluster,
    "a federation cluster",
    token
);
token_id!(
    /// A node's name: one or more NATS tokens joined by dots, at most 255 bytes.
    Identity,
    "an identity",
    identity
);
token_id!(
    /// The id of a request: 1 to 128 bytes without control characters.
    ///
    /// v1 makes 32 hexadecimal characters, v2 a KSUID of 27; nodes take any 32 characters (v1), or any at all (v2).
    RequestId,
    "a request id",
    |text| printable(text, 128, "1 to 128 bytes without control characters")
);
token_id!(
    /// Who calls, as the signed request says: `kind=name` in v1, often a bare name in v2. 1 to 255 bytes
    /// without control characters.
    CallerId,
    "a caller id",
    |text| printable(text, 255, "1 to 255 bytes without control characters")
);

/// One NATS token of 1 to 64 bytes.
fn token(text: &str) -> Result<(), &'static str> {
    if text.len() <= 64 && is_token(text) {
        Ok(())
    } else {
        Err("1 to 64 bytes without dots, wildcards, white space or control characters")
    }
}

fn identity(text: &str) -> Result<(), &'static str> {
    if text.len() <= 255 && text.split('.').all(is_token) {
        Ok(())
    } else {
        Err("up to 255 bytes, in dotted parts without wildcards, white space or control characters")
    }
}

fn printable(text: &str, bytes_max: usize, expected: &'static str) -> Result<(), &'static str> {
    let fits = !text.is_empty() && text.len() <= bytes_max;
    if fits && !text.contains(char::is_control) { Ok(()) } else { Err(expected) }
}

/// Whether `text` may stand between two dots of a subject that is published on, whatever its length.
pub(crate) fn is_token(text: &str) -> bool {
    // Names are ASCII nearly always, and bytes are compared many at a time.
    let plain =
        text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'.' | b'*' | b'>'));
    !text.is_empty() && (plain || !text.contains(breaks_token))
}

fn breaks_token(c: char) -> bool {
    matches!(c, '.' | '*' | '>') || c.is_whitespace() || c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collective_is_one_token() {
        assert_eq!(Collective::try_from("mcollective").unwrap().as_str(), "mcollective");
        for bad in ["", "a.b", "*", "a>", "a b", "a\tb", "a\u{a0}b", "a\u{7f}", &"x".repeat(65)] {
            assert!(Collective::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_identity_is_dotted_tokens() {
        assert!(Identity::try_from("n1.example.net").is_ok());
        for bad in ["", ".", "a..b", ".a", "a.", "a.*", &"x".repeat(256)] {
            assert!(Identity::try_from(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_are_plain_strings_in_serde_and_checked_on_the_way_in() {
        let agent: Agent = serde_json::from_str("\"rpcutil\"").unwrap();
        assert_eq!(serde_json::to_string(&agent).unwrap(), "\"rpcutil\"");
        assert!(serde_json::from_str::<Agent>("\"rpc.util\"").is_err());
    }

    #[test]
    fn an_error_names_the_kind_the_text_and_the_rule() {
        let error = Agent::try_from("a b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"a b\" is not an agent: 1 to 64 bytes without dots, wildcards, white space or control characters"
        );
    }
}
