//! Being logged in: a token, kept alive while Vault lets us, and the secret that got it.

use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Answer, Client};
use super::config::{SecretId, VaultConfig};
use super::error::VaultError;

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(pub(super) String);

/// A token, and how long it is good for.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) token: Secret,
    renewable: bool,
    /// `None`: for ever.
    end: Option<Instant>,
    since: Instant,
}

/// Gets secret ids: from the file, or once out of what wraps it.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    /// The wrapping token as it was in the file, and what was in it.
    unwrapped: Option<(Secret, Secret)>,
}

impl Session {
    /// Logs in.
    pub(super) async fn login(
        client: &Client,
        config: &VaultConfig,
        secrets: &mut Secrets,
    ) -> Result<Self, VaultError> {
        let mut ask = json!({ "role_id": config.role_id });
        if let (Some(source), Some(ask)) = (&config.secret_id, ask.as_object_mut()) {
            let Secret(secret) = secrets.secret(client, source).await?;
            ask.insert("secret_id".to_owned(), Value::String(secret));
        }
        let path = format!("auth/{}/login", config.auth_mount);
        let answer = client.post(&path, None, &ask).await?;
        if !answer.status.is_success() {
            let (address, detail) = (client.address(), answer.errors());
            return Err(VaultError::LoginRefused { address, detail });
        }
        Self::of(client, &answer)
    }

    /// When the token should be renewed: at two thirds of its life; `None`: it cannot be, or never ends.
    pub(super) fn renewal_due(&self) -> Option<Instant> {
        let life = self.end?.saturating_duration_since(self.since);
        self.renewable.then(|| self.since + life * 2 / 3)
    }

    /// Whether it will be good for a call.
    pub(super) fn is_good(&self) -> bool {
        self.end.is_none_or(|end| end > Instant::now() + Duration::from_secs(1))
    }

    /// Lengthens the token's life; `None` if Vault does not want that any more.
    pub(super) async fn renew(&self, client: &Client) -> Result<Option<Self>, VaultError> {
        let answer = client.post("auth/token/renew-self", Some(&self.token.0), &json!({})).await?;
        if !answer.status.is_success() {
            return Ok(None);
        }
        let renewed = Self::of(client, &answer)?;
        // At its longest life Vault answers with what is left: that is no renewal.
        let longer = match (renewed.end, self.end) {
            (Some(renewed), Some(before)) => renewed > before,
            (None, _) | (Some(_), None) => true,
        };
        Ok(longer.then_some(renewed))
    }

    /// Gives the token back.
    pub(super) async fn end(self, client: &Client) {
        let ended = client.post("auth/token/revoke-self", Some(&self.token.0), &json!({})).await;
        if let Err(error) = ended {
            tracing::debug!(reason = error.told(), "a log-in was not ended");
        }
    }

    fn of(client: &Client, answer: &Answer) -> Result<Self, VaultError> {
        let odd = |what: &str| VaultError::Odd {
            address: client.address(),
            detail: format!("a log-in without {what}"),
        };
        let token = answer.text("/auth/client_token").ok_or_else(|| odd("a token"))?;
        let seconds = answer.body.pointer("/auth/lease_duration").and_then(Value::as_u64);
        let seconds = seconds.ok_or_else(|| odd("a lease"))?;
        let since = Instant::now();
        Ok(Self {
            token: Secret(token.to_owned()),
            renewable: answer.body.pointer("/auth/renewable") == Some(&Value::Bool(true)),
            end: (seconds > 0).then(|| since + Duration::from_secs(seconds)),
            since,
        })
    }
}

impl Secrets {
    /// Whether what the file holds can still be unwrapped.
    pub(super) async fn look_at_wrapping(
        client: &Client,
        source: &SecretId,
    ) -> Result<(), VaultError> {
        let Secret(token) = read(&source.file)?;
        let ask = json!({ "token": token });
        let answer = client.post("sys/wrapping/lookup", None, &ask).await?;
        if answer.status.is_success() { Ok(()) } else { Err(spent(source, &answer)) }
    }

    async fn secret(&mut self, client: &Client, source: &SecretId) -> Result<Secret, VaultError> {
        let text = read(&source.file)?;
        if !source.wrapped {
            return Ok(text);
        }
        if let Some((wrapping, secret)) = &self.unwrapped
            && *wrapping == text
        {
            return Ok(secret.clone());
        }
        let answer = client.post("sys/wrapping/unwrap", Some(&text.0), &json!({})).await?;
        let Some(secret) = answer.text("/data/secret_id").filter(|_| answer.status.is_success())
        else {
            return Err(spent(source, &answer));
        };
        let secret = Secret(secret.to_owned());
        self.unwrapped = Some((text, secret.clone()));
        Ok(secret)
    }
}

fn spent(source: &SecretId, answer: &Answer) -> VaultError {
    VaultError::WrappingSpent { path: source.file.clone(), detail: answer.errors() }
}

fn read(path: &Path) -> Result<Secret, VaultError> {
    let wrong = |detail: String| VaultError::SecretFile { path: path.to_owned(), detail };
    let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong("is empty".to_owned()));
    }
    Ok(Secret(text.to_owned()))
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}
