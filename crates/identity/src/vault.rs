//! Certificates from Vault or OpenBao: a role of its PKI signs what we ask for, by AppRole.
//!
//! The key is made here and never sent. [`Enroller::enrol`] makes one, has a request for it signed,
//! checks what came back and puts it where [`CredentialFiles`](crate::CredentialFiles) says, so that
//! whoever watches those files needs to know nothing of Vault. A [`Keeper`] does so again and again,
//! for as long as a process runs.

pub use config::{KeyType, SecretId, Subject, VaultConfig, VaultUrl, VaultUrlError};
pub use enroller::{Enroller, Rehearsal};
pub use error::VaultError;
pub use keeper::{Keeper, is_due};
pub use schedule::{backoff, renewal_due, renewal_due_of};
pub use state::{Enrolment, Trouble};

mod client;
mod config;
mod enroller;
mod error;
mod keeper;
mod request;
mod schedule;
mod session;
mod state;
mod store;
