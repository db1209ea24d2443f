//! One gateway: everything built, bound, started, and stopped again.

mod builder;

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use antiphon_broker::{Broker, Monitors};
use antiphon_identity::{CredentialsError, NamesError, vault::Keeper};
use tokio::{
    net::TcpListener,
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::builder::Builder;
use crate::{
    admin::{Door, DoorError},
    callers::{Callers, CallersError},
    certificates::OwnCertificates,
    clock::Clock,
    config::Config,
    http::{self, HttpError},
    link::{LinkHandle, memory::MemoryTransport},
    policies::Policies,
    renewal::Found,
    shell::{ShellError, ShellHandle},
};

/// How long connections may take to close once the gateway has left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// What a gateway is put into: the real world, or one inside a test.
#[derive(Debug)]
pub struct World {
    /// Time.
    pub clock: Clock,
    /// Feeds the core's use of chance.
    pub seed: u64,
    /// The adapter of the region's broker. Its order channel must hold more than the core's publish
    /// window ([`antiphon_core::Limits::publish_messages_max`]), so that no order is ever refused.
    pub broker: Broker,
    /// Its servers' monitoring ports, for interest; `None`: nobody knows who listens.
    pub monitors: Option<Monitors>,
    /// Where links come from.
    pub links: LinkWorld,
    /// Who keeps our certificate fresh; `None`: others do.
    pub enrolment: Option<Keeper>,
    /// What our certificates are, as far as whoever made this world watches them.
    pub certificates: OwnCertificates,
}

/// Where links come from.
#[derive(Debug)]
pub enum LinkWorld {
    /// Sockets, with certificates from files that are watched; the listener is bound.
    Sockets(TcpListener),
    /// A network inside this process.
    Memory(MemoryTransport),
}

/// A running gateway. Dropping it ends it at once, without a goodbye.
#[derive(Debug)]
pub struct Daemon {
    shell: ShellHandle,
    policies: Policies,
    links: LinkHandle,
    tasks: JoinSet<Result<(), ShellError>>,
    names: BTreeMap<Id, &'static str>,
    cancelled: CancellationToken,
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
    /// Ends the links with the daemon.
    _guard: DropGuard,
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Our certificate is no good.
    #[error("link.tls")]
    Credentials(#[from] CredentialsError),
    /// `[identity] names` contradict each other.
    #[error("identity.names")]
    Names(#[from] NamesError),
    /// Those who may call cannot be verified.
    #[error("policy.callers")]
    Callers(#[from] CallersError),
    /// The admin service has no place.
    #[error(transparent)]
    Admin(#[from] DoorError),
    /// The HTTP endpoints have no place.
    #[error(transparent)]
    Http(#[from] HttpError),
}

/// Why a gateway ended without being asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// The shell lost an adapter.
    #[error("the gateway's loop failed")]
    Shell(#[from] ShellError),
    /// A task ended that should have gone on.
    #[error("the task {name} ended unasked")]
    TaskEnded {
        /// Which.
        name: &'static str,
    },
    /// A task panicked: a defect of ours.
    #[error("the task {name} failed")]
    TaskFailed {
        /// Which.
        name: &'static str,
        /// How.
        #[source]
        source: JoinError,
    },
}

const SHELL: &str = "shell";

impl Daemon {
    /// Builds everything, binds what is still to be bound, and starts. Must be called in a runtime.
    ///
    /// # Errors
    /// [`StartError`]; then nothing goes on.
    pub async fn start(config: Config, world: World) -> Result<Self, StartError> {
        let config = Arc::new(config);
        let found = Found::load(&config.link.tls)?;
        let names = config.naming.to_names(&config.fabric)?;
        if config.naming.common_name {
            tracing::warn!(
                "identity.common_name is on: a Common Name may stand for a region; certificates with URI or DNS names make it unnecessary"
            );
        }
        let callers = config.policy.callers.as_ref().map(Callers::load).transpose()?;
        let door = Door::open(&config.admin, &world.certificates).await?;
        let http = match config.http {
            Some(address) => Some(http::bind(address).await?),
            None => None,
        };
        let mut builder = Builder::new(config, world.clock, found, names);
        builder.http = http.as_ref().and_then(|listener| listener.local_addr().ok());
        builder.admin = door.address();
        builder.callers = callers;
        Ok(builder.build(world, door, http))
    }

    /// Asks the gateway.
    #[must_use]
    pub fn shell(&self) -> &ShellHandle {
        &self.shell
    }

    /// Gives the gateway another policy.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.policies
    }

    /// Where the HTTP endpoints are; the system may have chosen the port.
    #[must_use]
    pub fn http_address(&self) -> Option<SocketAddr> {
        self.http
    }

    /// Where the admin service is, if on TCP.
    #[must_use]
    pub fn admin_address(&self) -> Option<SocketAddr> {
        self.admin
    }

    /// Waits until the gateway has left the fabric, after [`ShellHandle::drain`], and closes what
    /// is open.
    ///
    /// # Errors
    /// It ended in another way.
    pub async fn wait(mut self) -> Result<(), DaemonError> {
        self.left().await?;
        self.cancelled.cancel();
        let closed = async {
            self.links.ended().await;
            while self.tasks.join_next().await.is_some() {}
        };
        if timeout(CLOSE_TIMEOUT, closed).await.is_err() {
            tracing::warn!(timeout = ?CLOSE_TIMEOUT, "not everything closed in time");
        }
        Ok(())
    }

    /// Waits for the first task to end. Only the shell may, and only after a drain.
    async fn left(&mut self) -> Result<(), DaemonError> {
        let ended = self.tasks.join_next_with_id().await;
        let name_of = |id: &Id| self.names.get(id).copied().unwrap_or("unnamed");
        match ended {
            None => Err(DaemonError::TaskEnded { name: SHELL }),
            Some(Err(source)) => {
                Err(DaemonError::TaskFailed { name: name_of(&source.id()), source })
            }
            Some(Ok((_, Err(error)))) => Err(error.into()),
            Some(Ok((id, Ok(())))) if name_of(&id) == SHELL => Ok(()),
            Some(Ok((id, Ok(())))) => Err(DaemonError::TaskEnded { name: name_of(&id) }),
        }
    }
}

#[cfg(test)]
mod tests;
