//! What a server's -ERR means for us.
//!
//! Source: nats-server `server/errors.go` and the places in `server/client.go` that send them.

use crate::port::Operation;

/// What an error of the server means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Denial {
    /// An operation was denied; the connection stays.
    Permission { operation: Operation, subject: String },
    /// We read too slowly; the server cuts us.
    SlowConsumer,
    /// Anything else. Most are followed by the server's close (log-in, expiry, stale connection, payload,
    /// connection limits). After the rest (subscription limit, odd subject) some order was not carried
    /// out and nothing says which, so that the connection cannot be relied on either.
    Fatal,
}

impl Denial {
    /// Reads the text of -ERR, without its quotes.
    pub(crate) fn of(text: &str) -> Self {
        if text.eq_ignore_ascii_case("Slow Consumer") {
            return Self::SlowConsumer;
        }
        let operations =
            [("publish to \"", Operation::Publish), ("subscription to \"", Operation::Subscribe)];
        for (phrase, operation) in operations {
            if let Some(subject) =
                quoted_after(text, &format!("permissions violation for {phrase}"))
            {
                return Self::Permission { operation, subject: subject.to_owned() };
            }
        }
        Self::Fatal
    }
}

/// What stands between the end of `prefix`, taken without regard to case, and the next quote.
fn quoted_after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    let (_, rest) = text.split_at(prefix.len());
    head.eq_ignore_ascii_case(prefix).then_some(rest)?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(operation: Operation, subject: &str) -> Denial {
        Denial::Permission { operation, subject: subject.to_owned() }
    }

    #[test]
    fn a_violation_names_operation_and_subject() {
        let of = Denial::of;
        let publish = of(r#"Permissions Violation for Publish to "a.b""#);
        assert_eq!(publish, denied(Operation::Publish, "a.b"));
        let subscribe = of(r#"Permissions Violation for Subscription to "a.>""#);
        assert_eq!(subscribe, denied(Operation::Subscribe, "a.>"));
        let group = of(r#"permissions violation for subscription to "a" using queue "g""#);
        assert_eq!(group, denied(Operation::Subscribe, "a"));
    }

    #[test]
    fn other_errors_end_the_connection() {
        assert_eq!(Denial::of("Slow Consumer"), Denial::SlowConsumer);
        for text in
            ["Authorization Violation", "Stale Connection", "", "Permissions Violation", "é"]
        {
            assert_eq!(Denial::of(text), Denial::Fatal, "{text}");
        }
    }
}
