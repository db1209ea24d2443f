//! What was decided about a region that a request might go to, and why.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{DropReason, RegionId};

/// A region that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Which.
    pub region: RegionId,
    /// Whether it gets the request.
    pub verdict: Verdict,
}

impl Candidate {
    /// Whether it gets the request.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.verdict == Verdict::Accepted
    }
}

/// Whether a region gets a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does.
    Accepted,
    /// It does not.
    Rejected(Rejection),
}

impl Verdict {
    /// Whether our policy had its say.
    pub(crate) const fn is_policys(&self) -> bool {
        match self {
            Self::Accepted => true,
            Self::Rejected(rejection) => rejection.depth() >= 2,
        }
    }
}

/// Why a region does not get a request, or nobody does. Closed; the labels are stable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "kebab-case")]
pub enum Rejection {
    /// It is the region where the request was published: its nodes have it already.
    OwnRegion,
    /// None of its gateways offers the collective.
    CollectiveNotHeld,
    /// Its broker is joined natively with ours: its nodes have heard the request already.
    NativelyJoined,
    /// Its broker is joined natively with that of another region that is asked.
    HeardThrough {
        /// Which.
        through: RegionId,
    },
    /// Its hints are complete and do not hold the node, and another region may have it.
    NotThere {
        /// When its brokers were last read, since 1970-01-01 UTC, to the second.
        read: Duration,
    },
    /// A service request, and nothing shows that no local service took it.
    ServiceInterestUnknown,
    /// Our policy does not let it go there.
    PolicyExport {
        /// The rule that says so; `None`: no rule matches, and then nothing may go.
        rule: Option<String>,
    },
    /// A rule of our policy depends on the action, which is not known. (A real request's is read.)
    ActionUnknown,
    /// A rule of our policy names callers, and the signature does not prove this one.
    CallerUnproved,
    /// The caller has asked more than its rate allows.
    RateLimited,
    /// An operator has halted the collective, the caller, or requests between the two regions.
    Halted {
        /// The region whose operator it was.
        region: RegionId,
        /// Who, and at which gateway.
        by: String,
        /// Why.
        reason: String,
    },
    /// A service request that a service of our own region took.
    ServiceLocal,
    /// Service requests are not to leave our region.
    ServiceStays,
    /// It is not known to have the service, or out of reach.
    ServiceNotOffered,
    /// A nearer region has the service.
    ServiceElsewhere {
        /// Which.
        region: RegionId,
    },
}

impl Rejection {
    /// The word in tables and documents.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::OwnRegion => "own-region",
            Self::CollectiveNotHeld => "collective-not-held",
            Self::NativelyJoined => "natively-joined",
            Self::HeardThrough { .. } => "heard-through",
            Self::NotThere { .. } => "not-there",
            Self::ServiceInterestUnknown => "service-interest-unknown",
            Self::PolicyExport { .. } => "policy-export",
            Self::ActionUnknown => "action-unknown",
            Self::CallerUnproved => "caller-unproved",
            Self::RateLimited => "rate-limited",
            Self::Halted { .. } => "halted",
            Self::ServiceLocal => "service-local",
            Self::ServiceStays => "service-stays",
            Self::ServiceNotOffered => "service-not-offered",
            Self::ServiceElsewhere { .. } => "service-elsewhere",
        }
    }

    /// What a request that goes nowhere for this reason is counted under.
    #[must_use]
    pub const fn reason(&self) -> DropReason {
        match self {
            Self::OwnRegion | Self::CollectiveNotHeld => DropReason::NoRegion,
            Self::NativelyJoined | Self::HeardThrough { .. } => DropReason::NativelyJoined,
            Self::NotThere { .. } => DropReason::LocalNode,
            Self::ServiceInterestUnknown => DropReason::ServiceInterestUnknown,
            Self::PolicyExport { .. } | Self::ActionUnknown => DropReason::PolicyExport,
            Self::CallerUnproved => DropReason::CallerUnproved,
            Self::RateLimited => DropReason::RateLimited,
            Self::Halted { .. } => DropReason::Halted,
            Self::ServiceLocal => DropReason::ServiceLocal,
            Self::ServiceStays => DropReason::ServiceStays,
            Self::ServiceNotOffered | Self::ServiceElsewhere { .. } => DropReason::ServiceNowhere,
        }
    }

    /// How far the region came: of several that were rejected, the one that came farthest says best
    /// why a request goes nowhere.
    pub(crate) const fn depth(&self) -> u8 {
        match self {
            Self::OwnRegion | Self::CollectiveNotHeld => 0,
            Self::NativelyJoined | Self::Halted { .. } => 1,
            Self::PolicyExport { .. } | Self::ActionUnknown | Self::CallerUnproved => 2,
            Self::HeardThrough { .. } | Self::RateLimited => 3,
            Self::NotThere { .. }
            | Self::ServiceInterestUnknown
            | Self::ServiceLocal
            | Self::ServiceStays
            | Self::ServiceNotOffered
            | Self::ServiceElsewhere { .. } => 4,
        }
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OwnRegion => f.write_str("the request was published there: its nodes have it"),
            Self::CollectiveNotHeld => f.write_str("it does not hold the collective"),
            Self::NativelyJoined => {
                f.write_str("its broker is joined with ours natively: its nodes have heard it")
            }
            Self::HeardThrough { through } => {
                write!(f, "its broker is joined natively with that of {through}, which is asked")
            }
            Self::ServiceInterestUnknown => {
                f.write_str("nothing shows that no local service took the request")
            }
            Self::PolicyExport { rule: Some(rule) } => {
                write!(f, "our export rule {rule} does not let it go there")
            }
            Self::PolicyExport { rule: None } => {
                f.write_str("no export rule of ours matches, and what none matches stays here")
            }
            Self::ActionUnknown => f.write_str("an export rule of ours depends on the action"),
            Self::CallerUnproved => {
                f.write_str("an export rule of ours names callers, and this one is not proved")
            }
            Self::Halted { region, by, reason } if reason.is_empty() => {
                write!(f, "halted in region {region} by {by}")
            }
            Self::Halted { region, by, reason } => {
                write!(f, "halted in region {region} by {by}: {reason}")
            }
            Self::RateLimited => f.write_str("the caller asks more than its rate allows"),
            // How long ago they were read depends on when it is told.
            Self::NotThere { .. } => f.write_str("its hints are complete and do not hold the node"),
            Self::ServiceLocal => f.write_str("a service of our own region took the request"),
            Self::ServiceStays => f.write_str("service requests are not to leave our region"),
            Self::ServiceNotOffered => {
                f.write_str("it is not known to have the service, or out of reach")
            }
            Self::ServiceElsewhere { region } => {
                write!(f, "{region}, which is nearer, has the service")
            }
        }
    }
}
