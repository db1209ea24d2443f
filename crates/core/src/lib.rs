//! The gateway machine: what a gateway decides, and nothing of how it talks.
//!
//! [`Gateway::handle`] takes one [`Event`] and returns [`Action`]s. There is no clock, socket,
//! randomness or unordered iteration in here: the daemon, the simulator and a replay drive the same
//! machine and see the same decisions.

mod account;
mod action;
mod advert;
mod coalesce;
mod config;
mod control;
mod damping;
mod database;
mod decision;
mod dialer;
mod drop_reason;
mod event;
mod explanation;
mod frame;
mod gateway;
mod hash;
mod hints;
mod id;
mod membership;
mod now;
mod order;
pub mod policy;
mod probe;
mod question;
mod queue;
mod records;
mod return_address;
mod roll_call;
mod routes;
mod session;
mod snapshot;
mod subject_pattern;
#[cfg(test)]
mod testing;

pub use account::{Tally, TallyKey, UnitKind};
pub use action::{Action, Alarm, Connection, DialTarget, Dropped};
pub use advert::{
    Advert, AdvertContent, AdvertDraft, AdvertKey, AdvertKind, GatewayState, Offer, Stamp, Topology,
};
pub use config::{Config, HintsConfig, Limits, Periods, REPLY_TEMPLATE_DEFAULT, ServicePolicy};
pub use control::{Accept, Ack, Control, Open, Outcome, Receipt, Receipts};
pub use decision::{Candidate, Rejection, Verdict};
pub use drop_reason::DropReason;
pub use event::{Beacon, BrokerInfo, DialFailure, Event, FromBroker, Malformed, Member};
pub use explanation::{
    CandidateView, Check, CheckResult, ExplainAsked, ExplainError, Explanation, HintSaid, Leg,
    MessageKind, NextStep, Supposition, WayThere,
};
pub use frame::{Body, Creator, EndToEnd, Frame, Hello, Hop, ReplyBody, RequestBody, Target};
pub use gateway::Gateway;
pub use hints::{
    CollectiveHints, CollectiveInterest, Filter, Hint, Hints, HintsPart, Holding, IdentityHash,
    Interest, InterestAnswer, InterestRead, NameList, Slice,
};
pub use id::{
    BarrierId, Endpoint, EndpointError, Epoch, GatewayId, Incarnation, LinkId, QuestionId,
    RegionId, SubscriptionId, TicketId, UnitId,
};
pub use now::Now;
pub use order::{
    ORDER_LASTS_MAX, ORDER_TEXT_MAX, ORDERS_MAX, Order, OrderError, OrderGiven, OrderView, Orders,
    Stop,
};
pub use probe::{PROBE_HOPS_MAX, Probe, ProbeEnd, ProbeHop, Trace};
pub use question::{
    Answer, AnswerPart, AskFailure, Asked, PART_BYTES_MAX, PARTS_MAX, QUESTION_BYTES_MAX, Question,
    TOPIC_BYTES_MAX,
};
pub use records::{
    KeptFrom, PublishedView, QuestionView, Refusals, RequestView, RequestsAsked, RequestsView,
    ReturnedView, WayView,
};
pub use roll_call::{Called, NODE_NAME_BYTES_MAX, ROLL_CALL_MAX, RollCall};
pub use routes::{RegionWays, Route, Way, WayUse};
pub use snapshot::{
    AlarmView, BrokerView, DropExample, DropView, HintView, HitView, InterestView, LinkView,
    MemberView, PolicyTrial, PolicyView, QueueView, RegionView, Snapshot, TallyView,
};

/// The NATS header that marks what came out of the fabric; its value is `<region>.<gateway>` of the
/// gateway where it entered.
pub const MARK: &str = "Antiphon-Origin";
/// Where nodes say that they have started (go-choria `lifecycle/`).
pub const STARTUP_SUBJECT: &str = "choria.lifecycle.event.startup.server";
/// Most identities in one frame.
pub const IDENTITIES_MAX: usize = 4096;
/// Most adverts in one control message.
pub const ADVERTS_MAX: usize = 64;
/// Most signatures that are being verified at a time.
pub const VERIFYING_MAX: usize = 1024;
/// Most adverts of filters that one gateway's hints have: some four million identities.
pub const HINT_PARTS_MAX: u16 = 512;
/// Most receipts in one control message.
pub const RECEIPTS_MAX: usize = 4096;
