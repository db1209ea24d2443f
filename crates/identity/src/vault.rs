//! Certificates from Vault or OpenBao: a role of its PKI signs what we ask for, by AppRole.

pub use config::{KeyType, SecretId, Subject, VaultConfig, VaultUrl, VaultUrlError};

mod config;
