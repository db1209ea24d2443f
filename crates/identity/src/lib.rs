//! Who we are and who they are: keys, certificates, signatures, and the trust between them.
//!
//! A gateway proves its region by a certificate of the fabric's bundle ([`Credentials`],
//! [`TrustBundle`]); a peer's certificate says which region and gateway it is ([`Names`]); both
//! meet in the TLS configurations of [`tls`] and in signed statements ([`Signer`],
//! [`StatementVerifier`]). [`vault`] has certificates signed by Vault. [`v1`] and [`v2`] are the security layers of Choria's two protocols, as
//! its nodes and clients use them.
//!
//! Every signature is made and checked by `ring`: RSA from 2048 bits (to 4096 for our own
//! keys, to 8192 for others'), ECDSA on P-256 and P-384, Ed25519. Nothing here relies on a process-wide crypto provider.

mod certificate;
mod credentials;
mod date;
mod error;
pub mod inspect;
mod names;
mod peer;
mod pem;
mod statement;
pub mod tls;
mod trust;
pub mod v1;
pub mod v2;
mod validity;
pub mod vault;

pub use certificate::{Fingerprint, Leaf, first_to_end};
pub use credentials::{CredentialFiles, Credentials, CredentialsError, KeyAccess};
pub use date::Date;
pub use error::IdentityError;
pub use names::{CommonName, Names, NamesError};
pub use peer::PeerIdentity;
pub use rustls::pki_types::{CertificateDer, UnixTime};
pub use statement::{
    Context, SignError, Signature, Signer, Statement, StatementVerifier, VerifyError,
};
pub use trust::{Authority, Purpose, Revocation, TrustBundle, TrustError};
pub use validity::Validity;
