//! Why a message was refused or lost: a closed list, each also a metric label.

use serde::{Deserialize, Serialize};

macro_rules! drop_reasons {
    ($($(#[$doc:meta])* $name:ident = $label:literal,)*) => {
        /// Why a message went no further. Closed; the label is stable.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        pub enum DropReason {
            $($(#[$doc])* #[serde(rename = $label)] $name,)*
        }

        impl DropReason {
            /// Every reason, in the order of declaration.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The label that metrics, receipts and the command line use.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }

            /// The reason with this label; `None` for one that a newer gateway may know.
            #[must_use]
            pub fn from_label(label: &str) -> Option<Self> {
                match label { $($label => Some(Self::$name),)* _ => None }
            }
        }
    };
}

drop_reasons! {
    // What is no Choria message.
    /// Not JSON, not UTF-8, or a field of the wrong type.
    NotTransport = "not-transport",
    /// A `protocol` that we do not know.
    UnknownProtocol = "unknown-protocol",
    /// A transport without an object in `headers`: one such message ends a real node.
    HeadersMissing = "headers-missing",
    /// A known key twice, escaped, or in another case: receivers would disagree about it.
    AmbiguousJson = "ambiguous-json",
    /// Nested deeper than any Choria message.
    TooDeep = "too-deep",
    /// The transport is fine, the signed request inside cannot be read.
    RequestUnreadable = "request-unreadable",
    // What is one, but not ours to carry.
    /// Subject and signed envelope name different collectives or agents.
    SubjectMismatch = "subject-mismatch",
    /// Carries Choria Federation's header and came on an ordinary subject.
    AlreadyFederated = "already-federated",
    /// Registration data stays in its region.
    Registration = "registration",
    /// No reply subject: nobody could be answered.
    ReplyToMissing = "reply-to-missing",
    /// The collective is not exported by this region.
    NotExported = "not-exported",
    /// A service request, and nothing shows that no local service took it.
    ServiceInterestUnknown = "service-interest-unknown",
    /// A service request that a service of our own region took.
    ServiceLocal = "service-local",
    /// A service request that stays in its region because that is configured.
    ServiceStays = "service-stays",
    /// A service request, and no region in reach is known to have the service.
    ServiceNowhere = "service-nowhere",
    /// A node of our own region, or of one that hears our broker; by complete hints no other has it.
    LocalNode = "local-node",
    /// No other region holds the collective.
    NoRegion = "no-region",
    /// A federated request without targets, request id or reply subject.
    FederationIncomplete = "federation-incomplete",
    /// A federated request with a target that is no request subject of an exported collective.
    TargetRefused = "target-refused",
    /// The return address in a reply is ours in form and wrong in content.
    ReturnAddressInvalid = "return-address-invalid",
    /// The reply names an origin region that nobody has advertised.
    OriginUnknown = "origin-unknown",
    /// The payload is larger than a frame may be.
    FrameTooLarge = "frame-too-large",
    /// The origin and the destination hear each other's brokers natively; a copy would be a second.
    NativelyJoined = "natively-joined",
    // What was routed and went no further.
    /// The reply subject is not one on which a region lets replies out.
    ReplySubjectRefused = "reply-subject-refused",
    /// No path to the destination region.
    NoRoute = "no-route",
    /// The destination's queue was full.
    QueueFull = "queue-full",
    /// Its time to live ended inside the fabric.
    Expired = "expired",
    /// Too many hops.
    HopLimit = "hop-limit",
    /// Every way on leads to a gateway that has seen it.
    Visited = "visited",
    /// The region does not carry traffic of others.
    TransitRefused = "transit-refused",
    /// The egress gateway has no broker.
    BrokerAway = "broker-away",
    /// The edited message is larger than the region's broker takes.
    PayloadTooLarge = "payload-too-large",
    /// The broker's permissions do not let us publish there.
    PublishDenied = "publish-denied",
    /// A frame whose content makes no sense.
    Malformed = "malformed",
    /// A token in a frame that can be no part of a subject.
    TokenInvalid = "token-invalid",
    /// The destination region does not accept the collective.
    NotAccepted = "not-accepted",
    /// The policy of the client's region does not let the request out.
    PolicyExport = "policy-export",
    /// The policy of the nodes' region does not let the request in.
    PolicyAccept = "policy-accept",
    /// The policy of a region in between does not let the request through.
    PolicyTransit = "policy-transit",
    /// A rule names callers, and the request's signature does not prove its caller.
    CallerUnproved = "caller-unproved",
    /// More requests wait for their signatures to be verified than may, or one waited too long.
    VerifierBusy = "verifier-busy",
    /// The caller, or the region of origin, asks more than its rate allows.
    RateLimited = "rate-limited",
    /// An operator has halted the collective, the caller, or requests between the two regions.
    Halted = "halted",
    /// More units under way than this gateway keeps accounts of.
    AccountFull = "account-full",
    /// A reason in a receipt that only a newer gateway knows.
    Unknown = "unknown",
    /// A defect of ours; loud in debug builds.
    Internal = "internal",
}

impl std::fmt::Display for DropReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_label_leads_back_to_its_reason() {
        for reason in DropReason::ALL {
            assert_eq!(DropReason::from_label(reason.label()), Some(*reason));
        }
        assert_eq!(DropReason::from_label("no-such"), None);
    }
}
