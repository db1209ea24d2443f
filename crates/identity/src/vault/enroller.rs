//! From a log-in to files in their places.

use std::time::Duration;

use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::{Answer, Client};
use super::config::VaultConfig;
use super::error::VaultError;
use super::request::Request;
use super::session::{Secrets, Session};
use super::store::{Issued, Staged};
use crate::certificate::parse_x509;
use crate::credentials::{CredentialFiles, Credentials};
use crate::error::IdentityError;
use crate::pem;

/// Gets certificates from Vault, one after the other, by one log-in for as long as Vault lets it live.
pub struct Enroller {
    config: VaultConfig,
    client: Client,
    secrets: Secrets,
    session: Option<Session>,
}

/// What a rehearsal has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// The role signs what is configured.
    Signed,
    /// The secret id is still wrapped; whether it is good shows when it is used.
    StillWrapped,
}

/// How long a certificate lasts that nobody uses.
const REHEARSAL_TTL: Duration = Duration::from_secs(60);

impl Enroller {
    /// Reads whom to trust; asks nobody yet.
    ///
    /// # Errors
    /// [`VaultError::Trust`].
    pub fn new(config: VaultConfig) -> Result<Self, VaultError> {
        let client = Client::new(&config)?;
        Ok(Self { config, client, secrets: Secrets::default(), session: None })
    }

    /// Makes a key, has a certificate for it signed, and puts both (and the CAs, where there is no
    /// file of CAs yet) in their places. What comes back must be usable and pass `check` before any
    /// file is replaced.
    ///
    /// # Errors
    /// [`VaultError`]; then every file is as it was.
    pub async fn enrol(
        &mut self,
        files: &CredentialFiles,
        check: impl Fn(&Credentials) -> Result<(), IdentityError>,
    ) -> Result<Credentials, VaultError> {
        let (subject, kind) = (self.config.subject.clone(), self.config.key_type);
        let made = tokio::task::spawn_blocking(move || Request::make(&subject, kind)).await;
        let made = made.map_err(|error| VaultError::Key { detail: error.to_string() })??;
        let issued = self.sign(made).await?;
        let staged = Staged::write(files, &issued)?;
        let credentials = staged.load()?;
        check(&credentials)?;
        staged.commit()?;
        Ok(credentials)
    }

    /// Tries all of it without a trace here: a key is made and thrown away, with a certificate for
    /// it that lasts a minute. A wrapped secret id stays wrapped, and is only looked at.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn rehearse(mut self) -> Result<Rehearsal, VaultError> {
        if let Some(source) = self.config.secret_id.as_ref().filter(|source| source.wrapped) {
            Secrets::look_at_wrapping(&self.client, source).await?;
            return Ok(Rehearsal::StillWrapped);
        }
        self.config.ttl = Some(REHEARSAL_TTL);
        let made = Request::make(&self.config.subject, self.config.key_type)?;
        self.sign(made).await?;
        self.leave().await;
        Ok(Rehearsal::Signed)
    }

    /// Logs out. Whether that is heard matters little: log-ins end by themselves.
    pub async fn leave(mut self) {
        if let Some(session) = self.session.take() {
            session.end(&self.client).await;
        }
    }

    /// Whether the secret id has to be unwrapped to log in.
    pub(super) fn unwraps(&self) -> bool {
        self.config.secret_id.as_ref().is_some_and(|source| source.wrapped)
    }

    /// When [`keep`](Self::keep) should be called next; `None`: there is nothing to keep.
    #[must_use]
    pub fn keep_due(&self) -> Option<Instant> {
        self.session.as_ref().and_then(Session::renewal_due)
    }

    /// Lengthens the life of the log-in, so that a secret id that is good once is enough.
    ///
    /// # Errors
    /// [`VaultError`]. A log-in that Vault ends is none: the next certificate begins with a new one.
    pub async fn keep(&mut self) -> Result<(), VaultError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        match session.renew(&self.client).await {
            Ok(renewed) => {
                self.session = renewed;
                Ok(())
            }
            Err(error) => {
                self.session = session.is_good().then_some(session);
                Err(error)
            }
        }
    }

    async fn sign(&mut self, made: Request) -> Result<Issued, VaultError> {
        let path = self.config.sign_path();
        let ask = self.ask(&made);
        let kept = self.session.as_ref().is_some_and(Session::is_good);
        let mut answer = self.post_logged_in(&path, &ask).await?;
        if answer.status == hyper::StatusCode::FORBIDDEN && kept {
            // The token may have been revoked, or its policy changed: once more with a new one.
            self.session = None;
            answer = self.post_logged_in(&path, &ask).await?;
        }
        if answer.status.is_success() {
            return self.issued(&answer, made.key);
        }
        let (address, detail) = (self.client.address(), answer.errors());
        let unknown = detail.contains("unknown role") || detail.contains("no handler for route");
        Err(match answer.status {
            hyper::StatusCode::FORBIDDEN => VaultError::Denied { address, path },
            hyper::StatusCode::NOT_FOUND => VaultError::WrongRole { address, path, detail },
            _ if unknown => VaultError::WrongRole { address, path, detail },
            _ => VaultError::Refused { address, detail },
        })
    }

    async fn post_logged_in(&mut self, path: &str, ask: &Value) -> Result<Answer, VaultError> {
        let good = self.session.take().filter(Session::is_good);
        let session = match good {
            Some(session) => session,
            None => Session::login(&self.client, &self.config, &mut self.secrets).await?,
        };
        let session = self.session.insert(session);
        self.client.post(path, Some(&session.token.0), ask).await
    }

    /// Roles take names from the request or from here, as they are set.
    fn ask(&self, made: &Request) -> Value {
        let subject = &self.config.subject;
        let mut ask = json!({
            "csr": made.request,
            "format": "pem",
            "alt_names": subject.dns_names.join(","),
            "uri_sans": subject.uris.join(","),
        });
        let more = [
            ("common_name", subject.common_name.clone()),
            ("ttl", self.config.ttl.map(|ttl| format!("{}s", ttl.as_secs()))),
        ];
        if let Some(ask) = ask.as_object_mut() {
            let more = more.into_iter().filter_map(|(name, value)| Some((name, value?)));
            ask.extend(more.map(|(name, value)| (name.to_owned(), Value::String(value))));
        }
        ask
    }

    fn issued(&self, answer: &Answer, key: String) -> Result<Issued, VaultError> {
        let odd = |detail: &str| VaultError::Odd {
            address: self.client.address(),
            detail: detail.to_owned(),
        };
        let leaf = answer.text("/data/certificate").ok_or_else(|| odd("no certificate"))?;
        let chain = answer.body.pointer("/data/ca_chain").and_then(Value::as_array);
        let mut chain: Vec<&str> = chain.into_iter().flatten().filter_map(Value::as_str).collect();
        if chain.is_empty() {
            chain.extend(answer.text("/data/issuing_ca"));
        }
        let presented = chain.iter().filter(|one| !is_root(one)).copied();
        Ok(Issued {
            certificate: lines(std::iter::once(leaf).chain(presented)),
            key,
            authorities: lines(chain.iter().copied()),
        })
    }
}

/// Texts one after the other, each ended by a line feed.
fn lines<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    texts.map(|text| format!("{}\n", text.trim_end())).collect()
}

/// Whether the only certificate of a text signed itself: such are trusted or not, never presented.
fn is_root(text: &str) -> bool {
    let certificates = pem::certificates(text.as_bytes()).unwrap_or_default();
    let own = |one: &CertificateDer<'_>| {
        parse_x509(one).is_ok_and(|x509| x509.subject() == x509.issuer())
    };
    certificates.first().is_some_and(own)
}
