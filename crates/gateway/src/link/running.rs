//! A link that stands: from up to down.

use std::{pin::pin, sync::Arc};

use antiphon_core::{DialTarget, Hello};
use antiphon_proto::v1::{ControlMessage, DataMessage};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::DropGuard;
use tonic::Streaming;

use super::{
    compress::Compression,
    context::LinkContext,
    expand::Expander,
    outbox::{ControlItem, DataItem},
    port::LinkEvent,
    reader::Reader,
    registry::{CloseWish, Entry},
    shown::Shown,
    stats::Meter,
};

/// One side of a link of which both connections stand.
pub(crate) struct Pair {
    pub(crate) peer: Hello,
    pub(crate) dialed: Option<DialTarget>,
    pub(crate) control: ControlSide,
    pub(crate) data: DataSide,
    pub(crate) data_queue: mpsc::Sender<DataItem>,
}

/// The control connection of a link to be.
pub(crate) struct ControlSide {
    pub(crate) inbound: Streaming<ControlMessage>,
    pub(crate) queue: mpsc::Sender<ControlItem>,
    /// Ends the connection when dropped.
    pub(crate) life: DropGuard,
}

/// The data connection of a link to be.
pub(crate) struct DataSide {
    pub(crate) inbound: Streaming<DataMessage>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) compression: Compression,
    /// The peer's certificates, and when they or ours end.
    pub(crate) shown: Shown,
    /// Ends the connection when dropped.
    pub(crate) life: DropGuard,
}

impl Pair {
    /// Runs the link until either connection ends or somebody closes it.
    pub(crate) async fn run(self, context: Arc<LinkContext>) {
        let Self { peer, dialed, control, data, data_queue } = self;
        let (close, wish) = oneshot::channel();
        let registered = context.registry.register(Entry {
            gateway: peer.gateway.clone(),
            region: peer.region.clone(),
            control: control.queue,
            data: data_queue,
            close: Some(close),
            meter: Arc::clone(&data.meter),
        });
        let link = registered.link;
        tracing::info!(%link, gateway = %peer.gateway, region = %peer.region, "link up");
        let shown = data.shown;
        context.events.control(LinkEvent::Up { link, peer, dialed, shown }).await;

        let reader = Reader { link, context: &context, meter: &data.meter };
        let expander = Expander::new(data.compression, context.config.message_bytes_max);
        let mut ended = pin!(reader.read(control.inbound, data.inbound, expander));
        let reason = tokio::select! {
            reason = &mut ended => reason,
            Ok(wish) = wish => match wish {
                CloseWish::AtOnce { reason } => reason,
                CloseWish::Orderly { reason } => {
                    // The peer closes too when it has read all that we wrote.
                    if timeout(context.config.close_grace, &mut ended).await.is_err() {
                        tracing::debug!(%link, "the peer did not close in time");
                    }
                    reason
                }
            },
        };
        drop((registered, control.life, data.life));
        tracing::info!(%link, reason, "link down");
        context.events.down(link, reason).await;
    }
}
