//! The security of Choria's protocol v2: Ed25519 signatures, and tokens (JWT) that say whose key it
//! is and what its holder may do.
//!
//! What go-choria's `choria` security provider does (`providers/security/choria/`,
//! `protocol/v2/secure_request.go`) and the token formats of `choria-io/tokens`.

pub use claims::{
    ClientClaims, ClientPermissions, ServerClaims, ServerPermissions, StandardClaims,
};
pub use issuer::{ClientToken, IssueError, Issuer, ServerToken};
pub use keys::{KeyError, PublicKey, Seed};
pub use token::{Claims, Token, TokenError};
pub use verifier::{Caller, Issuers, Refusal, SecureRequest, Verifier};

mod chain;
mod claims;
mod issuer;
mod keys;
mod ksuid;
mod token;
mod verifier;
