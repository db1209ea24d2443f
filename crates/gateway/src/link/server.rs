//! Accepting: every connection has its own task, and a bounded time to become part of a link.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{
    context::LinkContext,
    door::Door,
    http2,
    setup_error::SetupError,
    transport::{Authenticated, Knock, Listener},
};

/// A pause after the system refused to accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts connections for ever. Those in setup are bounded; more wait in the kernel.
pub(crate) async fn accept(context: Arc<LinkContext>, mut listener: Listener) {
    let slots = Arc::new(Semaphore::new(context.config.setups_max));
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
        match listener.accept().await {
            Ok(knock) => {
                let task = answer(Arc::clone(&context), knock, slot);
                context.nursery.spawn("connection", task);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// One connection, from the knock to its end.
async fn answer(context: Arc<LinkContext>, knock: Knock, slot: OwnedSemaphorePermit) {
    let address = knock.address();
    let setup_timeout = context.config.setup_timeout;
    // Its room is given back before the connection lives in ours.
    let handshake = Box::pin(timeout(setup_timeout, knock.authenticate()));
    match handshake.await {
        Ok(Ok(authenticated)) => serve(&context, authenticated, slot).await,
        Ok(Err(error)) => context.report(&error, &address).await,
        Err(_) => context.report(&too_slow("handshake-timeout"), &address).await,
    }
}

async fn serve(
    context: &Arc<LinkContext>,
    authenticated: Authenticated,
    slot: OwnedSemaphorePermit,
) {
    let Authenticated { io, wire, peer, address, shown } = authenticated;
    let life = context.nursery.life();
    let (greeted, admitted) = (CancellationToken::new(), CancellationToken::new());
    let door = Door {
        context: Arc::clone(context),
        peer,
        address: address.clone(),
        wire,
        shown,
        life: life.clone(),
        greeted: greeted.clone(),
        admitted: admitted.clone(),
        used: AtomicBool::new(false),
    };
    // Whoever waits for this connection learns of its end, whatever ends it.
    let ended = life.clone().drop_guard();
    tokio::select! {
        () = http2::serve(io, door) => {}
        () = life.cancelled() => {}
        () = too_late(&greeted, &admitted, context.config.setup_timeout, slot) => {
            context.report(&too_slow("setup-timeout"), &address).await;
        }
    }
    drop(ended);
}

/// Ends when the connection has not become part of a link in time.
///
/// Its slot is free as soon as it has said who it is: control connections that wait for their data
/// connection must not keep it out.
async fn too_late(
    greeted: &CancellationToken,
    admitted: &CancellationToken,
    limit: Duration,
    slot: OwnedSemaphorePermit,
) {
    let admission = async {
        greeted.cancelled().await;
        drop(slot);
        admitted.cancelled().await;
    };
    if timeout(limit, admission).await.is_ok() {
        std::future::pending::<()>().await;
    }
}

fn too_slow(kind: &'static str) -> SetupError {
    SetupError::refused(kind, "not part of a link in time")
}
