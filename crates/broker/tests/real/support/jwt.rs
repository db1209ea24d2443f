//! Operators, accounts and users of NATS: nkeys and the JWTs they sign (nats-io/jwt, version 2).

use std::time::{SystemTime, UNIX_EPOCH};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// What a key stands for; the value is the first byte of its public key.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Operator = 14 << 3,
    Account = 0,
    User = 20 << 3,
}

/// A key pair, made from one byte so that tests need no randomness.
pub(crate) struct Key {
    role: Role,
    seed: [u8; 32],
    pair: Ed25519KeyPair,
}

impl Key {
    pub(crate) fn new(role: Role, byte: u8) -> Self {
        let seed = [byte; 32];
        Self { role, seed, pair: Ed25519KeyPair::from_seed_unchecked(&seed).unwrap() }
    }

    /// `U…`, `A…`, `O…`.
    pub(crate) fn public(&self) -> String {
        encode(&[self.role as u8], self.pair.public_key().as_ref())
    }

    /// `SU…`.
    pub(crate) fn seed(&self) -> String {
        let role = self.role as u8;
        encode(&[(18 << 3) | (role >> 5), (role & 0x1f) << 3], &self.seed)
    }
}

fn encode(prefix: &[u8], key: &[u8]) -> String {
    let mut bytes = [prefix, key].concat();
    let checksum = bytes.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    bytes.extend_from_slice(&checksum.to_le_bytes());
    BASE32_NOPAD.encode(&bytes)
}

/// A JWT on `subject`, signed by `issuer`, for `lifetime` seconds.
pub(crate) fn jwt(issuer: &Key, subject: &Key, lifetime: Option<u64>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let kind = match subject.role {
        Role::Operator => "operator",
        Role::Account => "account",
        Role::User => "user",
    };
    let limits = json!({"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1});
    let mut claims = json!({"jti": "test", "iat": now, "iss": issuer.public(), "name": "test",
        "sub": subject.public(), "nats": {"type": kind, "version": 2}});
    match subject.role {
        Role::Operator => {}
        Role::Account => claims["nats"]["limits"] = limits,
        Role::User => {
            for limit in ["subs", "data", "payload"] {
                claims["nats"][limit] = json!(-1);
            }
        }
    }
    if let Some(lifetime) = lifetime {
        claims["exp"] = json!(now + lifetime);
    }
    sign(issuer, &claims)
}

fn sign(issuer: &Key, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": "ed25519-nkey"}).to_string();
    let encoded = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let signed = format!("{}.{}", encoded(&header), encoded(&claims.to_string()));
    let signature = BASE64URL_NOPAD.encode(issuer.pair.sign(signed.as_bytes()).as_ref());
    format!("{signed}.{signature}")
}

/// The text of a `.creds` file.
pub(crate) fn credentials(jwt: &str, user: &Key) -> String {
    let seed = user.seed();
    format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    )
}
