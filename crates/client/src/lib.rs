//! A Choria client: finds nodes, asks them, and shows what they answer.
//!
//! Nothing here knows of a fabric: requests go to one broker, and answers come from whoever hears them.

mod aggregate;
pub mod cli;
mod client;
pub mod config;
mod connect;
mod connection;
mod console;
pub mod ddl;
pub mod discovery;
mod environment;
mod error;
mod filter;
mod limit;
pub mod render;
mod request;
mod results;
pub mod rpc;
mod signer;
mod text;

pub use aggregate::{Summary, summarise};
pub use client::{Client, Exchange, ExchangeError, Next, Targets};
pub use connect::{ConnectError, connect, tls_options};
pub use connection::{Connection, ConnectionError};
pub use console::Console;
pub use environment::Environment;
pub use error::one_line;
pub use filter::{FactFilterError, FilterWords, literal_identities, parse_fact};
pub use limit::{Limit, LimitError, Pick};
pub use request::{Ask, RequestError, new_request_id};
pub use results::{Results, RpcReply, Stats, Status};
pub use signer::{SignError, Signer, SignerError};
