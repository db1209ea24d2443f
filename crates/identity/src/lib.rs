//! Keys, certificates, signing and verifying, trust bundle.
