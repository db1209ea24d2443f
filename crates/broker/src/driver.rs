//! The task that keeps one connection alive: it dials, logs in, subscribes again, carries out orders
//! in their order, and reports.

mod handshake;
mod life;
mod offline;
mod pool;
mod reader;
mod stream;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use self::{handshake::Connected, life::End, pool::Pool};
use crate::{
    config::BrokerConfig,
    intake::Intake,
    port::{BrokerCommand, BrokerEvent, ServerInfo, SubscriptionId},
    stats::Stats,
};

/// What outlives a connection.
pub(crate) struct Driver {
    config: BrokerConfig,
    pool: Pool,
    commands: mpsc::Receiver<BrokerCommand>,
    events: mpsc::Sender<BrokerEvent>,
    /// Facts that do not fit into the channel yet.
    outgoing: VecDeque<BrokerEvent>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
    intake: Intake,
    stats: Arc<Stats>,
    shutdown: CancellationToken,
}

#[derive(Clone, Debug)]
struct Subscription {
    subject: String,
    group: Option<String>,
    /// UNSUB has been sent; its PONG ends it.
    leaving: bool,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Reconnect,
    Stop,
}

impl Driver {
    pub(crate) fn new(
        config: BrokerConfig,
        commands: mpsc::Receiver<BrokerCommand>,
        events: mpsc::Sender<BrokerEvent>,
        intake: Intake,
        stats: Arc<Stats>,
    ) -> Self {
        Self {
            pool: Pool::new(&config),
            commands,
            events,
            outgoing: VecDeque::new(),
            subscriptions: BTreeMap::new(),
            intake,
            stats,
            shutdown: CancellationToken::new(),
            config,
        }
    }

    /// Keeps a connection alive until it is told to stop.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        self.shutdown = shutdown;
        while self.live_once().await == Next::Reconnect {}
        self.outgoing.push_back(BrokerEvent::Closed);
        // A caller that no longer listens loses only this.
        let _flushed = timeout(Duration::from_secs(1), self.flush_events()).await;
    }

    /// Connects, and lives as long as the connection does.
    async fn live_once(&mut self) -> Next {
        let Some(connected) = self.dial().await else { return Next::Stop };
        self.pool.succeeded(&connected.info.connect_urls);
        match self.live(connected).await {
            End::Lost { reason, lagged } => {
                self.lost(reason, lagged);
                Next::Reconnect
            }
            End::Closed => Next::Stop,
        }
    }

    /// Dials until a server takes us; `None` when told to stop.
    async fn dial(&mut self) -> Option<Connected> {
        loop {
            let (server, pause) = self.pool.next_server();
            let server = server?; // The configuration names at least one.
            if !pause.is_zero() && self.while_offline(sleep(pause)).await.is_none() {
                return None;
            }
            let config = self.config.clone();
            let attempt = {
                let server = server.clone();
                async move {
                    match timeout(config.connect_timeout, handshake::open(&config, &server)).await {
                        Ok(result) => result.map_err(|error| error.to_string()),
                        Err(_) => Err(format!("no answer within {:?}", config.connect_timeout)),
                    }
                }
            };
            match self.while_offline(attempt).await? {
                Ok(connected) => return Some(connected),
                Err(reason) => {
                    let server = server.to_string();
                    tracing::debug!(server, reason, "broker connection failed");
                    self.outgoing.push_back(BrokerEvent::ConnectFailed { server, reason });
                }
            }
        }
    }

    /// A connection ended: what hung on it is reported.
    fn lost(&mut self, reason: String, lagged: bool) {
        if lagged {
            self.stats.lagged.add(1);
            self.outgoing.push_back(BrokerEvent::Lagged { lost: None });
        }
        self.outgoing.push_back(BrokerEvent::Disconnected { reason });
        let leaving = self.subscriptions.iter().filter(|(_, one)| one.leaving);
        let leaving: Vec<SubscriptionId> = leaving.map(|(id, _)| *id).collect();
        for id in leaving {
            self.subscriptions.remove(&id);
            self.outgoing.push_back(BrokerEvent::Unsubscribed { id });
        }
    }

    /// Hands over what waits, as far as there is room.
    async fn flush_events(&mut self) {
        while let Some(event) = self.outgoing.pop_front() {
            if self.events.send(event).await.is_err() {
                self.outgoing.clear();
            }
        }
    }
}

impl Connected {
    fn server_info(&self) -> ServerInfo {
        let info = &self.info;
        ServerInfo {
            url: self.url.clone(),
            name: info.server_name.clone(),
            id: info.server_id.clone(),
            version: info.version.clone(),
            cluster: info.cluster.clone(),
            max_payload: info.max_payload,
            headers: info.headers,
        }
    }
}
