//! Which gateway is asked, and how.

mod address;
mod tls;

use std::{path::PathBuf, time::Duration};

use antiphon_gateway::{
    admin::{Address, Client},
    shell::Report,
};
use anyhow::anyhow;
use tokio::time::timeout;

use crate::Failure;

pub use address::{ChoiceError, LabError};

/// A gateway answers at once, or something is wrong with it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Which gateway to ask.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct AdminArgs {
    /// Its admin address, unix:PATH or host:port [default: the only socket in /run/antiphon]
    #[arg(long, env = "ANTIPHON_ADMIN", value_name = "ADDR")]
    admin: Option<Address>,
    /// A gateway of the lab in this folder [default: its first]
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
    /// Where the gateway is.
    ///
    /// # Errors
    /// None was named, and there is not exactly one; or the lab has none of that name.
    pub fn address(&self) -> Result<Address, Failure> {
        match (&self.admin, &self.lab) {
            (Some(address), _) => Ok(address.clone()),
            (None, Some(dir)) => {
                address::of_lab(dir, self.gateway.as_deref()).map_err(Failure::usage)
            }
            (None, None) => address::only_socket(antiphon_gateway::config::ADMIN_FOLDER_DEFAULT)
                .map_err(ChoiceError::into_failure),
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// As [`address`](Self::address), or nobody answers there.
    pub async fn connect(&self) -> Result<Asked, Failure> {
        let address = self.address()?;
        let tls = self.tls.files();
        let connecting = Box::pin(Client::connect(&address, tls.as_ref()));
        let client = in_time(&address, connecting).await?;
        Ok(Asked { client, address })
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
}

async fn in_time<T, E: Into<anyhow::Error>>(
    address: &Address,
    answer: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    let late = |_| anyhow!("{address}: no answer within {}s", ANSWER_TIMEOUT.as_secs());
    let answer =
        timeout(ANSWER_TIMEOUT, answer).await.map_err(late).map_err(Failure::unanswered)?;
    answer.map_err(Failure::unanswered)
}
