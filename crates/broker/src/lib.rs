//! NATS adapter: subscribe, publish, barrier, lossless leave.

pub mod auth;
mod broker;
pub mod config;
mod connection;
mod driver;
mod front;
pub mod intake;
mod ledger;
pub mod memory;
pub mod port;
pub mod protocol;
pub mod servers;
pub mod stats;
mod subscriptions;

pub use auth::{Auth, AuthError, Secret};
pub use broker::{Broker, connect};
pub use config::{BrokerConfig, ConfigError, TlsOptions};
pub use intake::{Hold, Intake};
pub use memory::MemoryBroker;
pub use port::{
    BarrierId, BrokerCommand, BrokerEvent, Delivery, Operation, Publication, RefusedPublish,
    ServerInfo, SubscriptionId,
};
pub use servers::{ServerUrl, ServerUrlError};
pub use stats::Stats;
