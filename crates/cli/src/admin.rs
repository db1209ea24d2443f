//! Which gateway is asked, and how.

mod address;
mod tls;

use std::{path::Path, path::PathBuf, time::Duration};

use antiphon_core::{
    ExplainAsked, Explanation, GatewayId, OrderGiven, OrderView, RegionId, RequestsAsked,
    RequestsView, Trace,
};
use antiphon_gateway::{
    admin::{Address, AdminError, Client},
    config::ADMIN_FOLDER_DEFAULT,
    policies::{PolicyOutcome, Purpose},
    shell::{Report, Said, TraceAsked, topic},
};
use anyhow::anyhow;
use serde::de::DeserializeOwned;
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
#[derive(Clone)]
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

    /// What another gateway says, asked by way of this one; within, why it does not.
    ///
    /// # Errors
    /// This one went away, or what the other says cannot be read.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        gateway: &GatewayId,
        topic: &str,
        patience: Duration,
    ) -> Result<Result<T, String>, Failure> {
        self.ask_about(gateway, (topic, Vec::new()), patience).await
    }

    async fn ask_about<T: DeserializeOwned>(
        &self,
        gateway: &GatewayId,
        (topic, body): (&str, Vec<u8>),
        patience: Duration,
    ) -> Result<Result<T, String>, Failure> {
        let mut client = self.client.clone();
        let asking = client.ask(gateway, topic, body, patience);
        let limit = patience.saturating_add(ANSWER_TIMEOUT);
        let late = |_| anyhow!("{}: no answer within {}s", self.address, limit.as_secs());
        let answer = timeout(limit, asking).await.map_err(late).map_err(Failure::unanswered)?;
        let json = match answer {
            Ok(json) => json,
            Err(AdminError::NoAnswer(why)) => return Ok(Err(why)),
            Err(error) => return Err(failure(&self.address, error)),
        };
        let unreadable = |error| anyhow::Error::from(error).context(format!("what {gateway} says"));
        serde_json::from_slice(&json).map(Ok).map_err(unreadable).map_err(Failure::problem)
    }

    /// Traces the way from a gateway, this one too, to a region; within, why not.
    ///
    /// # Errors
    /// This one went away, or the answer cannot be read.
    pub async fn trace(
        &self,
        gateway: &GatewayId,
        to: RegionId,
        timeout: Duration,
    ) -> Result<Result<Trace, String>, Failure> {
        let body = serde_json::to_vec(&TraceAsked { to, timeout }).map_err(Failure::problem)?;
        self.ask_about(gateway, (topic::TRACE, body), timeout + ANSWER_TIMEOUT).await
    }

    /// What it remembers of requests.
    ///
    /// # Errors
    /// As [`report`](Self::report).
    pub async fn requests(
        &mut self,
        wanted: &RequestsAsked,
    ) -> Result<Said<RequestsView>, Failure> {
        in_time(&self.address, self.client.requests(wanted)).await
    }

    /// What another gateway remembers of requests; within, why it does not say.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn requests_of(
        &self,
        gateway: &GatewayId,
        wanted: &RequestsAsked,
        patience: Duration,
    ) -> Result<Result<Said<RequestsView>, String>, Failure> {
        let body = serde_json::to_vec(wanted).map_err(Failure::problem)?;
        self.ask_about(gateway, (topic::REQUESTS, body), patience).await
    }

    /// What another gateway says would become of a message; within, why it does not say.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub async fn explain_of(
        &self,
        gateway: &GatewayId,
        wanted: &ExplainAsked,
        patience: Duration,
    ) -> Result<Result<Said<Explanation>, String>, Failure> {
        let body = serde_json::to_vec(wanted).map_err(Failure::problem)?;
        self.ask_about(gateway, (topic::EXPLAIN, body), patience).await
    }

    /// What would become of a message.
    ///
    /// # Errors
    /// As [`report`](Self::report), or a name that nobody has advertised.
    pub async fn explain(&mut self, asked: &ExplainAsked) -> Result<Said<Explanation>, Failure> {
        in_time(&self.address, self.client.explain(asked)).await
    }

    /// Begins to drain it, within this time or the configured one; returns which.
    ///
    /// # Errors
    /// It went away.
    pub async fn drain(&mut self, grace: Option<Duration>) -> Result<Duration, Failure> {
        in_time(&self.address, self.client.drain(grace, who())).await
    }

    /// Gives an order in the name of its region; every order that it knows then.
    ///
    /// # Errors
    /// The order makes no sense or cannot be taken, or the gateway went away.
    pub async fn order(&mut self, order: OrderGiven) -> Result<Vec<OrderView>, Failure> {
        let order = OrderGiven { by: who(), ..order };
        Ok(in_time(&self.address, self.client.order(&order)).await?.said)
    }

    /// Ends its drain before it has left.
    ///
    /// # Errors
    /// It does not drain, has gone too far, or went away.
    pub async fn undrain(&mut self) -> Result<(), Failure> {
        in_time(&self.address, self.client.undrain(who())).await
    }

    /// Changes what it logs until it ends; the filters that are and were in force.
    ///
    /// # Errors
    /// The filter makes no sense, or it went away.
    pub async fn log(&mut self, filter: Option<String>) -> Result<(String, String), Failure> {
        in_time(&self.address, self.client.log(filter, who())).await
    }

    /// Puts a policy in force, or tries it: this text with its name, else the configured file.
    ///
    /// # Errors
    /// It went away.
    pub async fn apply_policy(
        &mut self,
        text: Option<(String, String)>,
        purpose: Purpose,
    ) -> Result<PolicyOutcome, Failure> {
        in_time(&self.address, self.client.apply_policy(text, purpose)).await
    }

    /// Waits until it answers no more: its admin service ends with the process.
    pub async fn gone(&mut self) {
        while self.client.snapshot_json().await.is_ok() {
            sleep(POLL).await;
        }
    }
}

/// Who gives an order, for the gateway's log: what our own machine says of us.
fn who() -> String {
    let user = ["SUDO_USER", "USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", user.unwrap_or_else(|| "unknown".to_owned()), host.trim())
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
    use AdminError::{Answer, Asked, Credentials, NoAnswer, NoCertificate, Protocol};
    if matches!(error, NoCertificate { .. } | Credentials(_) | Asked(_)) {
        Failure::usage(error)
    } else if matches!(error, Answer(_)) {
        Failure::problem(anyhow::Error::from(error).context(address.to_string()))
    } else if matches!(error, Protocol { .. } | NoAnswer(_)) {
        Failure::problem(error)
    } else {
        Failure::unanswered(error)
    }
}
