//! A virtual world around gateway machines: one ordered queue of happenings, no sockets and no real
//! time. The machines are the daemon's own, made by their public constructor.

mod agenda;
mod broker;
mod chance;
mod link;
mod machine;
mod message;
mod network;
mod process;
mod run;
mod scenario;
pub mod swarm;
mod trace;
mod watch;
mod world;

pub use chance::{Chance, Concern};
pub use machine::{Machine, Make, gateway};
pub use network::{Flow, Network, Path};
pub use process::{BEGIN, Skew};
pub use run::{Asking, Outcome, Percentiles, Second, Seen, build, run, world_at};
pub use scenario::{
    Act, Between, BusySpec, DefaultSpec, DenySpec, ExpectSpec, ForgeSpec, GatewaySpec, LimitsSpec,
    LinkSpec, MoveSpec, Offset, OrderSpec, Pings, PlaceSpec, Plan, PolicySpec, RegionSpec,
    ResolveSpec, RuleSpec, Scenario, ScenarioError, SkewSpec, Span, SplitSpec, StepSpec,
    TrafficSpec, WhatIfError,
};
pub use watch::{Asked, Invariant, Question, Settled, Violation, Watch, Whom};
pub use world::{Answering, Ending, Slot, Startup, World};
