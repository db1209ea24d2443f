//! One life of chitchat.

use std::{net::SocketAddr, time::Duration};

use antiphon_core::GatewayId;
use bytes::Bytes;
use chitchat::{ChitchatConfig, ChitchatHandle, ChitchatId, FailureDetectorConfig, spawn_chitchat};
use tokio::sync::{Mutex, mpsc};

use super::{GOSSIP_PERIOD, STATES_MAX, address::literal, record::RECORD, socket::LinkTransport};

/// Messages that wait for chitchat; more are thrown away, as a full socket buffer would.
const INBOX_LEN_MAX: usize = 256;
/// How much longer than usual a member may be silent before it counts as dead: chitchat's phi is
/// silence divided by the mean interval.
const PHI_THRESHOLD: f64 = 8.0;
/// Intervals between heartbeats that the mean is taken over.
const SAMPLES: usize = 120;
/// Longest interval that enters the mean: a pause must not make later ones look usual.
const INTERVAL_MAX: Duration = Duration::from_secs(5);
/// How long a dead member is remembered; for half of it, chitchat still tells others of it.
const DEAD_GRACE: Duration = Duration::from_secs(60);
/// A version that no honest member reaches: it counts changes of its keys.
const VERSION_MAX: u64 = 1 << 32;

pub(super) struct Engine {
    handle: ChitchatHandle,
    inbox: mpsc::Sender<(SocketAddr, Bytes)>,
}

/// Why an engine has to be replaced: what it holds cannot come from honest members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Spoiled {
    /// More states than a fabric has members.
    #[error("more than {STATES_MAX} states: somebody makes members up")]
    TooManyStates,
    /// Our own state has been pushed to an absurd version.
    #[error("somebody pushed our own state to an absurd version")]
    OwnVersion,
}

impl Engine {
    pub(super) async fn start(
        fabric: &str,
        gateway: &GatewayId,
        generation: u64,
        keys: Vec<(String, String)>,
        mut transport: LinkTransport,
    ) -> anyhow::Result<Self> {
        let (inbox, receiver) = mpsc::channel(INBOX_LEN_MAX);
        transport.inbox = Mutex::new(Some(receiver));
        let address = literal(gateway.as_str());
        let config = ChitchatConfig {
            chitchat_id: ChitchatId::new(gateway.as_str(), generation, address),
            cluster_id: fabric.to_owned(),
            gossip_interval: GOSSIP_PERIOD,
            listen_addr: address,
            // chitchat would resolve these by itself; the core dials ours.
            seed_nodes: Vec::new(),
            failure_detector_config: FailureDetectorConfig {
                phi_threshold: PHI_THRESHOLD,
                sampling_window_size: SAMPLES,
                max_interval: INTERVAL_MAX,
                initial_interval: 2 * GOSSIP_PERIOD,
                dead_node_grace_period: DEAD_GRACE,
            },
            marked_for_deletion_grace_period: DEAD_GRACE,
            catchup_callback: None,
            extra_liveness_predicate: None,
        };
        let handle = spawn_chitchat(config, keys, &transport).await?;
        Ok(Self { handle, inbox })
    }

    /// Hands a message over; `false` if too many wait.
    pub(super) fn receive(&self, from: SocketAddr, message: Bytes) -> bool {
        self.inbox.try_send((from, message)).is_ok()
    }

    /// Begins an exchange with a gateway. Without this, chitchat would speak to nobody.
    pub(super) fn exchange_with(&self, address: SocketAddr) {
        // Fails only once chitchat has ended, which is noticed apart.
        self.handle.gossip(address).unwrap_or_default();
    }

    /// Publishes our keys; those that somebody else changed in our name are set again.
    ///
    /// # Errors
    /// The engine has to be replaced.
    pub(super) async fn publish(&self, keys: &[(String, String)]) -> Result<(), Spoiled> {
        let mutate = |chitchat: &mut chitchat::Chitchat| {
            if chitchat.node_states().len() > STATES_MAX {
                return Err(Spoiled::TooManyStates);
            }
            let ourselves = chitchat.self_node_state();
            if ourselves.max_version() > VERSION_MAX {
                return Err(Spoiled::OwnVersion);
            }
            keys.iter().for_each(|(key, value)| ourselves.set(key, value));
            Ok(())
        };
        self.handle.with_chitchat(mutate).await
    }

    /// The live members and their records, as chitchat has them.
    pub(super) async fn live(&self) -> Vec<(ChitchatId, String)> {
        let read = |chitchat: &mut chitchat::Chitchat| {
            let live = chitchat.live_nodes();
            live.filter_map(|id| {
                let record = chitchat.node_state(id)?.get(RECORD)?;
                Some((id.clone(), record.to_owned()))
            })
            .collect()
        };
        self.handle.with_chitchat(read).await
    }

    /// Resolves when chitchat has ended; says why.
    pub(super) fn ended(&self) -> impl Future<Output = String> + use<> {
        let watcher = self.handle.termination_watcher();
        async move {
            match watcher.await {
                Ok(()) => "it stopped".to_owned(),
                Err(error) => error.to_string(),
            }
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.handle.abort();
    }
}
