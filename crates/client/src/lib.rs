//! A Choria client: finds nodes, asks them, and shows what they answer.
//!
//! Nothing here knows of a fabric: requests go to one broker, and answers come from whoever hears them.

mod aggregate;
pub mod ddl;
mod filter;
pub mod render;
mod results;

pub use aggregate::{Summary, summarise};
pub use filter::{FactFilterError, FilterWords, literal_identities, parse_fact};
pub use results::{Results, RpcReply, Stats, Status};
