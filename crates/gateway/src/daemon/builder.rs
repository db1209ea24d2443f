//! How a daemon is put together.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use antiphon_broker::Monitors;
use antiphon_core::{Event, Gateway, GatewayState, Hello, Member, Now};
use antiphon_identity::{
    Credentials, Names,
    vault::{Enrolment, Keeper},
};
use antiphon_proto::Greeting;
use tokio::{
    net::TcpListener,
    sync::{mpsc, watch},
    task::{Id, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{Daemon, LinkWorld, SHELL, World};
use crate::{
    admin::{self, Door},
    callers::Callers,
    certificates::{OwnCertificates, Use},
    clock::Clock,
    config::{Config, with_sources},
    gossip::{Gossip, GossipEvent, Identity, gossip},
    http::{self, Pages},
    interest::{InterestOut, interest},
    link::{self, LinkCommand, LinkConfig, LinkHandle, LinkTls, Links, TlsTransport, Transport},
    metrics::Metrics,
    notary::Notary,
    policies::Policies,
    record::{Begin, Recorder},
    renewal::{Files, Found, Renewal},
    shell::{BrokerOut, Parts, Shell, ShellError, ShellHandle, vetting, work_out},
};

/// Renewed credentials that wait for the shell.
const RENEWALS_LEN_MAX: usize = 1;
/// Reports that wait to be made answers; more questions are refused.
const ANSWERS_LEN_MAX: usize = 32;

/// What a daemon is made from, step by step.
pub(super) struct Builder {
    config: Arc<Config>,
    clock: Clock,
    names: Arc<Names>,
    notary: Arc<Notary>,
    found: Found,
    member: Member,
    tasks: JoinSet<Result<(), ShellError>>,
    task_names: BTreeMap<Id, &'static str>,
    cancelled: CancellationToken,
    pub(super) http: Option<SocketAddr>,
    pub(super) admin: Option<SocketAddr>,
    pub(super) callers: Option<Callers>,
}

impl Builder {
    pub(super) fn new(config: Arc<Config>, clock: Clock, found: Found, names: Arc<Names>) -> Self {
        let member = Member {
            gateway: config.gateway.clone(),
            region: config.region.clone(),
            incarnation: clock.incarnation(),
            endpoint: config.link.advertise.clone(),
            state: GatewayState::Starting,
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        let credentials = found.credentials.clone();
        let notary = Notary::new(config.fabric.clone(), Arc::clone(&names), credentials);
        Self {
            config,
            clock,
            names,
            notary: Arc::new(notary),
            found,
            member,
            tasks: JoinSet::new(),
            task_names: BTreeMap::new(),
            cancelled: CancellationToken::new(),
            http: None,
            admin: None,
            callers: None,
        }
    }

    pub(super) fn build(
        mut self,
        World { seed, broker, monitors, links, enrolment, certificates, .. }: World,
        door: Door,
        http: Option<TcpListener>,
    ) -> Daemon {
        let metrics = Arc::new(Metrics::new());
        let (shell, queries) = ShellHandle::new();
        let (renewed, renewals) = mpsc::channel(RENEWALS_LEN_MAX);
        let (answers, work) = mpsc::channel(ANSWERS_LEN_MAX);
        let transport = self.transport(links, renewed, certificates.clone());
        let (link_handle, link_events) = link::start(self.links(transport), &self.cancelled);
        let (gossip, gossip_events) = self.gossip(link_handle.clone());
        let (vetting, verifier, verdicts) = vetting(self.callers.take());
        self.spawn_for_shell("verifier", verifier.run(self.cancelled.clone()));
        let enrolment = enrolment.map(|keeper| self.keep(keeper));
        let core = self.config.core(self.member.incarnation);
        let now = self.clock.now();
        let parts = Parts {
            recorder: self.recorder(&core, seed, now),
            core: Gateway::new(core, seed, now),
            config: Arc::clone(&self.config),
            member: self.member.clone(),
            clock: self.clock,
            notary: Arc::clone(&self.notary),
            certificates,
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
            interest: monitors.map(|monitors| self.interest(monitors)),
            queries,
            renewals,
            enrolment,
            vetting,
            verdicts,
            answers,
        };
        self.spawn_fallible(SHELL, Shell::new(parts).run());
        self.spawn_for_shell("answers", work_out(work, shell.clone(), self.cancelled.clone()));
        let (token, grace) = (self.cancelled.clone(), self.config.drain_grace);
        let policies = Policies::new(self.config.policy.clone(), shell.clone());
        let service = admin::Service::new(shell.clone(), policies.clone(), grace);
        self.spawn("admin", admin::serve(door, service, token.clone()));
        if let Some(listener) = http {
            let pages = Pages { shell: shell.clone(), metrics };
            self.spawn("http", http::serve(listener, pages, token));
        }
        Daemon {
            shell,
            policies,
            links: link_handle,
            tasks: self.tasks,
            names: self.task_names,
            _guard: self.cancelled.clone().drop_guard(),
            cancelled: self.cancelled,
            http: self.http,
            admin: self.admin,
        }
    }

    /// The recording, if one is wanted. Without room for it the gateway serves all the same.
    fn recorder(&self, core: &antiphon_core::Config, seed: u64, now: Now) -> Option<Recorder> {
        let record = self.config.record.as_ref()?;
        let begin = Begin::new(core.clone(), seed, now);
        match Recorder::begin(record, begin) {
            Ok(recorder) => {
                tracing::info!(file = %recorder.file().display(), "recording, payloads too");
                Some(recorder)
            }
            Err(error) => {
                tracing::error!(error = with_sources(&error), "nothing is recorded");
                None
            }
        }
    }

    /// The links' transport; that of sockets comes with a task that watches the certificates.
    fn transport(
        &mut self,
        links: LinkWorld,
        renewed: mpsc::Sender<Credentials>,
        own: OwnCertificates,
    ) -> Transport {
        let files = (Use::Link, self.config.link.tls.clone());
        match links {
            LinkWorld::Memory(memory) => {
                own.used(files.0, &files.1, &self.notary.credentials());
                Transport::Memory(memory)
            }
            LinkWorld::Sockets(listener) => {
                let tls = LinkTls::new(&self.notary.credentials(), &self.names);
                let (links, tls) = watch::channel(tls);
                let (region, gateway) = (&self.config.region, &self.config.gateway);
                let check =
                    Renewal::same_identity(&self.names, region.to_string(), gateway.to_string());
                let files = Files::new(files, &self.found, own, check);
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

    /// Has our certificate renewed.
    fn keep(&mut self, keeper: Keeper) -> watch::Receiver<Enrolment> {
        let state = keeper.watch();
        let token = self.cancelled.clone();
        self.spawn_for_shell("enrolment", async move {
            token.run_until_cancelled(keeper.run()).await.unwrap_or(());
        });
        state
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

    fn gossip(&mut self, links: LinkHandle) -> (Gossip, mpsc::Receiver<GossipEvent>) {
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

    fn interest(&mut self, monitors: Monitors) -> (InterestOut, mpsc::Receiver<Event>) {
        let (orders, reader, events) = interest(monitors);
        let token = self.cancelled.clone();
        self.spawn_for_shell("interest", async move {
            token.run_until_cancelled(reader.run()).await.unwrap_or(());
        });
        (orders, events)
    }

    /// A task that works for the shell, and has nothing to do once it has gone. The shell's end must be
    /// seen before this one's: a task that ends first is taken for a failure.
    fn spawn_for_shell(
        &mut self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let token = self.cancelled.clone();
        self.spawn(name, async move {
            task.await;
            token.cancelled().await;
        });
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
