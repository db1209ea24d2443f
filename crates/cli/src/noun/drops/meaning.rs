//! Drop reasons in a few words, for people who meet them for the first time.

use antiphon_core::DropReason;

/// What a reason means.
#[must_use]
pub const fn meaning(reason: DropReason) -> &'static str {
    match reason {
        DropReason::NotTransport => "not a Choria message",
        DropReason::UnknownProtocol => "a protocol version that we do not know",
        DropReason::HeadersMissing => "a message without headers, which would end a node",
        DropReason::AmbiguousJson => "a key twice or misspelt: receivers would disagree",
        DropReason::TooDeep => "nested deeper than any Choria message",
        DropReason::RequestUnreadable => "the signed request cannot be read",
        DropReason::SubjectMismatch => "subject and signed request disagree",
        DropReason::AlreadyFederated => "belongs to Choria's own Federation Broker",
        DropReason::Registration => "registration data stays in its region",
        DropReason::ReplyToMissing => "nobody could be answered",
        DropReason::NotExported => "this region does not export the collective",
        DropReason::ServiceLocal => "a service of our own region took it",
        DropReason::ServiceStays => "service requests are configured to stay",
        DropReason::ServiceNowhere => "no region in reach is known to have the service",
        DropReason::LocalNode => "for a node of our own region; no other has it",
        DropReason::ServiceInterestUnknown => "a local service may have taken it",
        DropReason::NoRegion => "no other region holds the collective",
        DropReason::FederationIncomplete => {
            "federated without targets, request id or reply subject"
        }
        DropReason::TargetRefused => "a federated target that is not exported",
        DropReason::ReturnAddressInvalid => "a reply with a broken return address",
        DropReason::OriginUnknown => "a reply to a region that nobody has advertised",
        DropReason::FrameTooLarge => "larger than a link carries",
        DropReason::NativelyJoined => "the brokers are joined: it was heard there already",
        DropReason::ReplySubjectRefused => "replies may not be published on this subject",
        DropReason::NoRoute => "no path to the region",
        DropReason::QueueFull => "the region's queue was full",
        DropReason::Expired => "its time to live ended on the way",
        DropReason::HopLimit => "too many gateways on the way",
        DropReason::Visited => "every way on leads back",
        DropReason::TransitRefused => "the region carries no traffic of others",
        DropReason::BrokerAway => "the last gateway had no broker",
        DropReason::PayloadTooLarge => "larger than the region's broker takes",
        DropReason::PublishDenied => "the broker's permissions forbid it",
        DropReason::Malformed => "a frame that makes no sense",
        DropReason::TokenInvalid => "a name that can be no part of a subject",
        DropReason::NotAccepted => "the region does not accept the collective",
        DropReason::PolicyExport => "the client's region does not let it out",
        DropReason::PolicyAccept => "the nodes' region does not let it in",
        DropReason::PolicyTransit => "a region on the way does not let it through",
        DropReason::CallerUnproved => "a rule names callers, and the signature proves none",
        DropReason::VerifierBusy => "too many signatures wait to be verified",
        DropReason::Halted => "an operator has halted it",
        DropReason::RateLimited => "the caller or its region asks too much",
        DropReason::AccountFull => "too many messages under way",
        DropReason::Unknown => "a reason that only a newer gateway knows",
        DropReason::Internal => "a defect of ours: please report it",
    }
}
