//! Subjects of Choria, by type.

mod reply;

use std::fmt;
use std::str::FromStr;

pub use reply::ReplySubject;

use crate::id::{Agent, Cluster, Collective, IdError, Identity, is_token};

/// Longer subjects are refused. A NATS server takes no line over 4096 bytes, with subject, reply subject and sizes.
pub const SUBJECT_BYTES_MAX: usize = 1024;

/// Why nobody may publish on a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// No text at all.
    #[error("a subject cannot be empty")]
    Empty,
    /// Over [`SUBJECT_BYTES_MAX`].
    #[error("a subject of {bytes} bytes is longer than {SUBJECT_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// A token is empty, or has a wildcard, white space or a control character in it.
    #[error(
        "token {index} of subject {subject:?} is empty, or holds a wildcard, white space or control character"
    )]
    BadToken {
        /// The subject.
        subject: String,
        /// Which token, from 0.
        index: usize,
    },
}

/// Checks that one may publish on `subject`: tokens joined by dots, none empty, without wildcards, white space and
/// control characters, at most [`SUBJECT_BYTES_MAX`] bytes.
///
/// # Errors
/// The first rule that is broken.
pub fn legal_publish_subject(subject: &str) -> Result<(), SubjectError> {
    if subject.is_empty() {
        return Err(SubjectError::Empty);
    }
    if subject.len() > SUBJECT_BYTES_MAX {
        return Err(SubjectError::TooLong { bytes: subject.len() });
    }
    match subject.split('.').position(|token| !is_token(token)) {
        None => Ok(()),
        Some(index) => Err(SubjectError::BadToken { subject: subject.to_owned(), index }),
    }
}

/// A subject that one may publish on, by what Choria uses it for.
///
/// `Display` writes the subject; parsing what it writes gives an equal value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// `<collective>.broadcast.agent.<agent>`: a request to all nodes of the collective with the agent.
    Broadcast {
        /// The collective.
        collective: Collective,
        /// The agent; `registration` is for local use.
        agent: Agent,
    },
    /// `<collective>.broadcast.service.<agent>`: a request to any one node with the service.
    Service {
        /// The collective.
        collective: Collective,
        /// The service agent.
        agent: Agent,
    },
    /// `<collective>.node.<identity>`: a request to one node.
    Node {
        /// The collective.
        collective: Collective,
        /// The node.
        identity: Identity,
    },
    /// `<collective>.reply.…`, in the exact shape of a client's reply subject.
    Reply(ReplySubject),
    /// `choria.federation.<cluster>.federation`: a federated client's request.
    FederationRequest {
        /// The federation cluster.
        cluster: Cluster,
    },
    /// `choria.federation.<cluster>.collective`: a node's reply on its way back.
    FederationReply {
        /// The federation cluster.
        cluster: Cluster,
    },
    /// `choria.lifecycle.event.<kind>.<component>`.
    Lifecycle {
        /// What happened: `startup`, `shutdown`, `alive`, …
        kind: String,
        /// What it happened to: `server`, …
        component: String,
    },
    /// Any other subject, or one of the above with tokens that are too long.
    Other(String),
}

impl Subject {
    /// Parses a subject.
    ///
    /// # Errors
    /// What [`legal_publish_subject`] refuses.
    pub fn parse(subject: &str) -> Result<Self, SubjectError> {
        legal_publish_subject(subject)?;
        Ok(Self::known(subject).unwrap_or_else(|| Self::Other(subject.to_owned())))
    }

    fn known(subject: &str) -> Option<Self> {
        let (first, rest) = subject.split_once('.')?;
        let (second, rest) = rest.split_once('.')?;
        match (first, second) {
            (_, "broadcast") => Self::request(first, rest),
            (_, "node") => Some(Self::Node {
                collective: first.try_into().ok()?,
                identity: rest.try_into().ok()?,
            }),
            (_, "reply") => subject.try_into().map(Self::Reply).ok(),
            ("choria", "federation") => Self::federation(rest),
            ("choria", "lifecycle") => Self::lifecycle(rest),
            _ => None,
        }
    }

    fn request(collective: &str, rest: &str) -> Option<Self> {
        let collective = collective.try_into().ok()?;
        let (kind, agent) = rest.split_once('.')?;
        let agent = agent.try_into().ok()?;
        match kind {
            "agent" => Some(Self::Broadcast { collective, agent }),
            "service" => Some(Self::Service { collective, agent }),
            _ => None,
        }
    }

    fn federation(rest: &str) -> Option<Self> {
        let (cluster, side) = rest.split_once('.')?;
        let cluster = cluster.try_into().ok()?;
        match side {
            "federation" => Some(Self::FederationRequest { cluster }),
            "collective" => Some(Self::FederationReply { cluster }),
            _ => None,
        }
    }

    fn lifecycle(rest: &str) -> Option<Self> {
        let (kind, component) = rest.strip_prefix("event.")?.split_once('.')?;
        let (kind, component) = (kind.to_owned(), component.to_owned());
        (!component.contains('.')).then_some(Self::Lifecycle { kind, component })
    }
}

/// The subjects of one collective's nodes, written without a value for each.
#[derive(Clone, Debug)]
pub struct NodeSubjects {
    prefix: String,
}

impl NodeSubjects {
    /// Those of this collective.
    pub fn of(collective: &Collective) -> Self {
        Self { prefix: format!("{collective}.node.") }
    }

    /// The subject of one node: what [`Subject::Node`] displays.
    ///
    /// # Errors
    /// The name is not that of a node.
    pub fn node(&self, identity: &str) -> Result<String, IdError> {
        if !Identity::is_legal(identity) {
            Identity::try_from(identity)?;
        }
        Ok([self.prefix.as_str(), identity].concat())
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(subject: &str) -> Result<Self, Self::Err> {
        Self::parse(subject)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broadcast { collective, agent } => {
                write!(f, "{collective}.broadcast.agent.{agent}")
            }
            Self::Service { collective, agent } => {
                write!(f, "{collective}.broadcast.service.{agent}")
            }
            Self::Node { collective, identity } => write!(f, "{collective}.node.{identity}"),
            Self::Reply(reply) => reply.fmt(f),
            Self::FederationRequest { cluster } => {
                write!(f, "choria.federation.{cluster}.federation")
            }
            Self::FederationReply { cluster } => {
                write!(f, "choria.federation.{cluster}.collective")
            }
            Self::Lifecycle { kind, component } => {
                write!(f, "choria.lifecycle.event.{kind}.{component}")
            }
            Self::Other(subject) => f.write_str(subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_known_by_their_shape() {
        let kinds = [
            ("mcollective.broadcast.agent.discovery", "Broadcast"),
            ("mcollective.broadcast.service.aaa_signer", "Service"),
            ("mcollective.node.n1.example.net", "Node"),
            ("choria.node.n1", "Node"),
            ("choria.federation.london.federation", "FederationRequest"),
            ("choria.federation.london.collective", "FederationReply"),
            ("choria.lifecycle.event.startup.server", "Lifecycle"),
            ("mcollective.broadcast.agent", "Other"),
            ("mcollective.broadcast.agent.a.b", "Other"),
            ("mcollective.node", "Other"),
            ("mcollective.reply.x.y", "Other"),
            ("choria.federation.london", "Other"),
            ("choria.federation.a.b.collective", "Other"),
            ("acme.federation.london.federation", "Other"),
            ("choria.lifecycle.event.startup.server.x", "Other"),
            ("dev.null", "Other"),
        ];
        for (text, kind) in kinds {
            let subject = Subject::parse(text).unwrap();
            assert!(format!("{subject:?}").starts_with(kind), "{text}: {subject:?}");
            assert_eq!(subject.to_string(), text);
        }
    }

    #[test]
    fn subjects_that_nobody_may_publish_on_are_refused() {
        for bad in [
            ".",
            "a.",
            ".a",
            "a..b",
            "a.*",
            "a.>",
            "a b",
            "a\r\nPUB x",
            "a\t",
            "a.\u{0}",
            "a\u{2003}b",
        ] {
            assert!(matches!(Subject::parse(bad), Err(SubjectError::BadToken { .. })), "{bad:?}");
        }
        assert_eq!(Subject::parse(""), Err(SubjectError::Empty));
        assert_eq!(legal_publish_subject(&"x".repeat(1024)), Ok(()));
        assert_eq!(
            legal_publish_subject(&"x".repeat(1025)),
            Err(SubjectError::TooLong { bytes: 1025 })
        );
    }
}
