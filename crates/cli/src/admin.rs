//! Which gateway is asked, and how.

mod address;
mod tls;

use std::{path::Path, path::PathBuf, time::Duration};

use antiphon_gateway::{
    admin::{Address, AdminError, Client},
    config::ADMIN_FOLDER_DEFAULT,
    shell::Report,
};
use anyhow::anyhow;
use tokio::time::{sleep, timeout};

use crate::Failure;

pub use address::{ChoiceError, LabError};

/// A gateway answers at once, or something is wrong with it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Says which gateway, where the command line does not.
const ADMIN_VARIABLE: &str = "ANTIPHON_ADMIN";

/// How often a gateway that is to end is asked whether it is there.
const POLL: Duration = Duration::from_millis(200);

/// Which gateway to ask.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Which gateway")]
pub struct AdminArgs {
    /// Its admin address, unix:PATH or host:port [default: $ANTIPHON_ADMIN, or the only socket in
    /// /run/antiphon]
    #[arg(long, value_name = "ADDR")]
    admin: Option<Address>,
    /// The first gateway of the lab in this folder
    #[arg(long, value_name = "DIR", conflicts_with = "admin")]
    lab: Option<PathBuf>,
    /// The lab's gateway of this name
    #[arg(long, value_name = "NAME", requires = "lab")]
    gateway: Option<String>,
    /// Our certificate, key and CA for host:port.
    #[command(flatten)]
    tls: tls::TlsArgs,
}

/// A gateway that answers.
pub struct Asked {
    client: Client,
    address: Address,
}

impl AdminArgs {
    /// Where the gateway is: what the command line says outranks the environment.
    ///
    /// # Errors
    /// None was named, and there is not exactly one; or the lab has none of that name.
    pub fn address(&self) -> Result<Address, Failure> {
        match (&self.admin, &self.lab) {
            (Some(address), _) => Ok(address.clone()),
            (None, Some(dir)) => {
                address::of_lab(dir, self.gateway.as_deref()).map_err(Failure::usage)
            }
            (None, None) => match std::env::var(ADMIN_VARIABLE) {
                Ok(text) if !text.is_empty() => address::of_variable(ADMIN_VARIABLE, &text),
                _ => address::only_socket(ADMIN_FOLDER_DEFAULT).map_err(ChoiceError::into_failure),
            },
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`address`](Self::address), or nobody answers there.
    pub async fn connect(&self) -> Result<Asked, Failure> {
        self.connect_to(&self.address()?).await
    }

    /// The lab, if gateways of one are asked.
    #[must_use]
    pub fn lab(&self) -> Option<&Path> {
        self.lab.as_deref()
    }

    /// Connects to a gateway at an address of the caller's choice.
    ///
    /// # Errors
    /// Nobody answers there.
    pub async fn connect_to(&self, address: &Address) -> Result<Asked, Failure> {
        let tls = self.tls.files();
        let connecting = Box::pin(Client::connect(address, tls.as_ref()));
        let client = in_time(address, connecting).await?;
        Ok(Asked { client, address: address.clone() })
    }

    /// What the gateway knows.
    ///
    /// # Errors
    /// As [`connect`](Self::connect), or its answer cannot be read.
    pub async fn report(&self) -> Result<Report, Failure> {
        self.connect().await?.report().await
    }
}

impl Asked {
    /// Who answers.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What it knows.
    ///
    /// # Errors
    /// It went away, or its answer cannot be read.
    pub async fn report(&mut self) -> Result<Report, Failure> {
        in_time(&self.address, self.client.snapshot()).await
    }

    /// Begins to drain it, within this time or the configured one; returns which.
    ///
    /// # Errors
    /// It went away.
    pub async fn drain(&mut self, grace: Option<Duration>) -> Result<Duration, Failure> {
        in_time(&self.address, self.client.drain(grace)).await
    }

    /// Waits until it answers no more: its admin service ends with the process.
    pub async fn gone(&mut self) {
        while self.client.snapshot_json().await.is_ok() {
            sleep(POLL).await;
        }
    }
}

async fn in_time<T>(
    address: &Address,
    answer: impl Future<Output = Result<T, AdminError>>,
) -> Result<T, Failure> {
    let late = |_| anyhow!("{address}: no answer within {}s", ANSWER_TIMEOUT.as_secs());
    let answer =
        timeout(ANSWER_TIMEOUT, answer).await.map_err(late).map_err(Failure::unanswered)?;
    answer.map_err(|error| failure(address, error))
}

/// Bad certificates are for the caller to mend, an answer that makes no sense is a problem; else
/// nobody answered.
fn failure(address: &Address, error: AdminError) -> Failure {
    use AdminError::{Answer, Credentials, NoCertificate, Protocol};
    if matches!(error, NoCertificate { .. } | Credentials(_)) {
        Failure::usage(error)
    } else if matches!(error, Answer(_)) {
        Failure::problem(anyhow::Error::from(error).context(address.to_string()))
    } else if matches!(error, Protocol { .. }) {
        Failure::problem(error)
    } else {
        Failure::unanswered(error)
    }
}
