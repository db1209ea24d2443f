//! One gateway: everything built, bound, started, and stopped again.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use antiphon_broker::Broker;
use antiphon_core::{Gateway, GatewayState, Hello, Member};
use antiphon_identity::{Credentials, CredentialsError, Names, NamesError};
use antiphon_proto::Greeting;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::{Id, JoinError, JoinSet},
    time::timeout,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    admin::{self, Door, DoorError},
    clock::Clock,
    config::Config,
    gossip::{self, Identity, gossip},
    http::{self, HttpError, Pages},
    link::{self, LinkCommand, LinkConfig, LinkHandle, LinkTls, Links, TlsTransport, Transport},
    metrics::Metrics,
    notary::Notary,
    renewal::{Files, Renewal},
    shell::{BrokerOut, Parts, Shell, ShellError, ShellHandle},
};

/// How long connections may take to close once the gateway has left.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Renewed credentials that wait for the shell.
const RENEWALS_LEN_MAX: usize = 1;

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
    /// Where links come from.
    pub links: LinkWorld,
}

/// Where links come from.
#[derive(Debug)]
pub enum LinkWorld {
    /// Sockets, with certificates from files that are watched; the listener is bound.
    Sockets(TcpListener),
    /// A network inside this process.
    Memory(link::memory::MemoryTransport),
}

/// A running gateway. Dropping it ends it at once, without a goodbye.
#[derive(Debug)]
pub struct Daemon {
    shell: ShellHandle,
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
        let tls = &config.link.tls;
        let credentials = Credentials::from_files(&tls.certificate, &tls.key, &tls.ca)?;
        let names = config.naming.to_names(&config.fabric)?;
        let door = Door::open(&config.admin).await?;
        let http = match config.http {
            Some(address) => Some(http::bind(address).await?),
            None => None,
        };
        let mut builder = Builder::new(config, world.clock, credentials, names);
        builder.http = http.as_ref().and_then(|listener| listener.local_addr().ok());
        builder.admin = door.address();
        Ok(builder.build(world.seed, world.broker, world.links, door, http))
    }

    /// Asks the gateway.
    #[must_use]
    pub fn shell(&self) -> &ShellHandle {
        &self.shell
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

/// What a daemon is made from, step by step.
struct Builder {
    config: Arc<Config>,
    clock: Clock,
    names: Arc<Names>,
    notary: Arc<Notary>,
    member: Member,
    tasks: JoinSet<Result<(), ShellError>>,
    task_names: BTreeMap<Id, &'static str>,
    cancelled: CancellationToken,
    http: Option<SocketAddr>,
    admin: Option<SocketAddr>,
}

impl Builder {
    fn new(config: Arc<Config>, clock: Clock, credentials: Credentials, names: Arc<Names>) -> Self {
        let member = Member {
            gateway: config.gateway.clone(),
            region: config.region.clone(),
            incarnation: clock.incarnation(),
            endpoint: config.link.advertise.clone(),
            state: GatewayState::Starting,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let notary = Notary::new(config.fabric.clone(), Arc::clone(&names), credentials);
        Self {
            config,
            clock,
            names,
            notary: Arc::new(notary),
            member,
            tasks: JoinSet::new(),
            task_names: BTreeMap::new(),
            cancelled: CancellationToken::new(),
            http: None,
            admin: None,
        }
    }

    fn build(
        mut self,
        seed: u64,
        broker: Broker,
        links: LinkWorld,
        door: Door,
        http: Option<TcpListener>,
    ) -> Daemon {
        let metrics = Arc::new(Metrics::new());
        let (shell, queries) = ShellHandle::new();
        let (renewed, renewals) = mpsc::channel(RENEWALS_LEN_MAX);
        let transport = self.transport(links, renewed);
        let (link_handle, link_events) = link::start(self.links(transport), &self.cancelled);
        let (gossip, gossip_events) = self.gossip(link_handle.clone());
        let core = self.config.core(self.member.incarnation);
        let parts = Parts {
            core: Gateway::new(core, seed, self.clock.now()),
            config: Arc::clone(&self.config),
            member: self.member.clone(),
            clock: self.clock,
            notary: Arc::clone(&self.notary),
            broker: BrokerOut::new(
                broker.commands,
                broker.intake,
                broker.stats,
                metrics.barrier.clone(),
            ),
            broker_events: broker.events,
            links: link_handle.clone(),
            link_events,
            gossip,
            gossip_events,
            queries,
            renewals,
        };
        self.spawn_fallible(SHELL, Shell::new(parts).run());
        let (token, grace) = (self.cancelled.clone(), self.config.drain_grace);
        self.spawn("admin", admin::serve(door, shell.clone(), grace, token.clone()));
        if let Some(listener) = http {
            let pages = Pages { shell: shell.clone(), metrics };
            self.spawn("http", http::serve(listener, pages, token));
        }
        Daemon {
            shell,
            links: link_handle,
            tasks: self.tasks,
            names: self.task_names,
            _guard: self.cancelled.clone().drop_guard(),
            cancelled: self.cancelled,
            http: self.http,
            admin: self.admin,
        }
    }

    /// The links' transport; that of sockets comes with a task that watches the certificates.
    fn transport(&mut self, links: LinkWorld, renewed: mpsc::Sender<Credentials>) -> Transport {
        match links {
            LinkWorld::Memory(memory) => Transport::Memory(memory),
            LinkWorld::Sockets(listener) => {
                let tls = LinkTls::new(&self.notary.credentials(), &self.names);
                let (links, tls) = watch::channel(tls);
                let (region, gateway) = (&self.config.region, &self.config.gateway);
                let check =
                    Renewal::same_identity(&self.names, region.to_string(), gateway.to_string());
                let files = Files::new(self.config.link.tls.clone(), check);
                let names = Arc::clone(&self.names);
                let renewal = Renewal { files, names, links, shell: renewed };
                let token = self.cancelled.clone();
                self.spawn("renewal", async move {
                    token.run_until_cancelled(renewal.run()).await.unwrap_or(());
                });
                Transport::Tls(TlsTransport { listener, tls })
            }
        }
    }

    fn links(&self, transport: Transport) -> Links {
        let mut config = LinkConfig::new(&self.config.limits, &self.config.periods);
        config.dial = self.config.link.dial.clone();
        let hello = Hello {
            region: self.member.region.clone(),
            gateway: self.member.gateway.clone(),
            incarnation: self.member.incarnation,
            version: self.member.version.clone(),
            endpoint: self.member.endpoint.clone(),
        };
        let own = Greeting::own(self.config.fabric.clone(), hello);
        let notary = Arc::clone(&self.notary) as Arc<dyn link::Notary>;
        Links { config, transport, own, notary }
    }

    fn gossip(
        &mut self,
        links: LinkHandle,
    ) -> (gossip::Gossip, mpsc::Receiver<gossip::GossipEvent>) {
        let identity = Identity {
            fabric: self.config.fabric.clone(),
            gateway: self.config.gateway.clone(),
            incarnation: self.member.incarnation,
        };
        let carry = Arc::new(move |gateway, message| {
            links.submit(LinkCommand::Gossip { gateway, message });
        });
        let (gossip, driver, events) = gossip(identity, Arc::clone(&self.notary), carry);
        self.spawn("gossip", driver.run(self.cancelled.clone()));
        (gossip, events)
    }

    fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_fallible(name, async move {
            task.await;
            Ok(())
        });
    }

    fn spawn_fallible(
        &mut self,
        name: &'static str,
        task: impl Future<Output = Result<(), ShellError>> + Send + 'static,
    ) {
        let id = self.tasks.spawn(task).id();
        self.task_names.insert(id, name);
    }
}

#[cfg(test)]
mod tests;
