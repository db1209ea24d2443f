//! The servers of a cluster: those configured, those the cluster told us of, and whose turn it is.

mod url;

pub(crate) use url::Scheme;
pub use url::{ServerUrl, ServerUrlError};
