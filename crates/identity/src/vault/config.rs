//! Where Vault is, who we are to it, and what it is to sign.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How certificates are had from Vault or OpenBao.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// Where it is.
    pub address: VaultUrl,
    /// Its namespace, where it has any.
    pub namespace: Option<String>,
    /// Whom we trust to be it: CAs in PEM; needed with `https`.
    pub ca: Option<PathBuf>,
    /// Where its AppRole method is mounted, without slashes around: `approle`.
    pub auth_mount: String,
    /// The role that we log in as. No secret.
    pub role_id: String,
    /// The secret that goes with it; `None` for roles that ask for none.
    pub secret_id: Option<SecretId>,
    /// Where its PKI is mounted, without slashes around: `pki`.
    pub mount: String,
    /// The PKI's role that signs.
    pub role: String,
    /// What the certificate is to say.
    pub subject: Subject,
    /// How long it is to last; `None`: as the role says.
    pub ttl: Option<Duration>,
    /// The kind of key that is made.
    pub key_type: KeyType,
}

impl VaultConfig {
    /// Where certificates are signed: `pki/sign/gateway`.
    pub(super) fn sign_path(&self) -> String {
        format!("{}/sign/{}", self.mount, self.role)
    }

    /// Who signs them, for people: `pki/sign/gateway at https://vault.example.net:8200`.
    #[must_use]
    pub fn signer(&self) -> String {
        format!("{} at {}", self.sign_path(), self.address)
    }
}

/// A secret id in a file, read at each log-in, so that it may be replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretId {
    /// The file.
    pub file: PathBuf,
    /// Whether the file holds a wrapping token, good for one unwrapping, instead of the secret id.
    /// What was unwrapped is kept in memory only, until the process ends.
    pub wrapped: bool,
}

/// What a certificate is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// The Common Name: for Choria's policies, and for roles that insist on one.
    pub common_name: Option<String>,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// URIs.
    pub uris: Vec<String>,
}

/// A kind of key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyType {
    /// ECDSA on P-256. The role has to allow it (`key_type` `ec` or `any`).
    #[default]
    EcdsaP256,
    /// RSA of 2048 bits: what roles allow by default, and Choria's protocol v1 signs with.
    Rsa2048,
}

/// `https://host:port`, or `http://` on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultUrl {
    /// Whether TLS is spoken.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// The port; 8200 unless given.
    pub port: u16,
}

/// Why an address is none of Vault's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultUrlError {
    /// Not of the form.
    #[error("is not https://host:port")]
    Malformed,
    /// Secrets would cross a network in the clear.
    #[error(
        "http is for this machine only (localhost, 127.0.0.1, [::1]): secrets would be readable"
    )]
    Plain,
}

impl FromStr for VaultUrl {
    type Err = VaultUrlError;

    fn from_str(text: &str) -> Result<Self, VaultUrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(VaultUrlError::Malformed)?;
        let tls = match scheme {
            "https" => true,
            "http" => false,
            _ => return Err(VaultUrlError::Malformed),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| VaultUrlError::Malformed)?)
            }
            Some(_) | None => (authority, 8200),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '_');
        if host.is_empty() || !host.chars().all(good) {
            return Err(VaultUrlError::Malformed);
        }
        if !tls && !matches!(host, "localhost" | "127.0.0.1" | "::1") {
            return Err(VaultUrlError::Plain);
        }
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

impl fmt::Display for VaultUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl VaultUrl {
    /// `host:port`, with brackets where they belong.
    #[must_use]
    pub fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_print_as_they_are_written() {
        for text in ["https://vault.example.net:8200", "http://127.0.0.1:1", "https://[::1]:8200"] {
            assert_eq!(text.parse::<VaultUrl>().unwrap().to_string(), text);
        }
        let url: VaultUrl = "https://vault/".parse().unwrap();
        assert_eq!(url.to_string(), "https://vault:8200");
    }

    #[test]
    fn secrets_do_not_cross_a_network_in_the_clear() {
        assert_eq!("http://vault:8200".parse::<VaultUrl>(), Err(VaultUrlError::Plain));
        for bad in ["vault:8200", "ftp://vault", "https://", "https://a/b", "https://a:x"] {
            assert_eq!(bad.parse::<VaultUrl>(), Err(VaultUrlError::Malformed), "{bad}");
        }
    }
}
