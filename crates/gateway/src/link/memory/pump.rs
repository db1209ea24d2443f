//! Carries bytes from one end of a wire to the other, as the paths between them allow.

use std::{collections::VecDeque, io};

use bytes::{Bytes, BytesMut};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf, split},
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{Condition, Path};

/// Bytes under way in one direction; a sender waits when there are more.
const UNDER_WAY_MAX: usize = 4 << 20;
/// Bytes taken at once.
const CHUNK_BYTES: usize = 64 << 10;

/// The path was cut.
pub(super) struct IsCut;

/// Takes as long as a connection needs to come about: there and back, and for ever through a black
/// hole.
pub(super) async fn shake_hands(
    there: watch::Receiver<Path>,
    back: watch::Receiver<Path>,
) -> Result<(), IsCut> {
    for mut path in [there, back] {
        let delay = path.borrow().delay;
        sleep_until(Instant::now() + delay).await;
        open(&mut path).await?;
    }
    Ok(())
}

/// Carries bytes both ways until an end closes or a path is cut; then both ends see the end.
pub(super) async fn pump(
    near: DuplexStream,
    far: DuplexStream,
    there: watch::Receiver<Path>,
    back: watch::Receiver<Path>,
) {
    let (near_in, near_out) = split(near);
    let (far_in, far_out) = split(far);
    // Each direction has its own life: what was sent before a close still arrives.
    let both_ways = async {
        tokio::join!(carry(near_in, far_out, there.clone()), carry(far_in, near_out, back.clone()),)
    };
    tokio::select! {
        ((), ()) = both_ways => {}
        () = cut(there.clone()) => {}
        () = cut(back.clone()) => {}
    }
}

async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut path: watch::Receiver<Path>,
) {
    if let Err(error) = carry_all(&mut from, &mut to, &mut path).await {
        tracing::trace!(%error, "a wire in memory ended");
    }
    if let Err(error) = to.shutdown().await {
        tracing::trace!(%error, "a wire in memory ended");
    }
}

async fn carry_all(
    from: &mut ReadHalf<DuplexStream>,
    to: &mut WriteHalf<DuplexStream>,
    path: &mut watch::Receiver<Path>,
) -> io::Result<()> {
    let mut under_way: VecDeque<(Instant, Bytes)> = VecDeque::new();
    let mut bytes_under_way = 0;
    let mut reading = true;
    while reading || !under_way.is_empty() {
        let due = under_way.front().map(|(due, _)| *due);
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        tokio::select! {
            biased;
            () = arrive(due, path.clone()) => {
                let Some((_, bytes)) = under_way.pop_front() else { continue };
                bytes_under_way -= bytes.len();
                to.write_all(&bytes).await?;
            }
            read = from.read_buf(&mut chunk), if reading && bytes_under_way < UNDER_WAY_MAX => {
                reading = read? > 0;
                bytes_under_way += chunk.len();
                let due = Instant::now() + path.borrow().delay;
                under_way.push_back((due, chunk.freeze()));
            }
        }
    }
    Ok(())
}

/// Waits until what is due then may arrive; for ever if nothing is under way.
async fn arrive(due: Option<Instant>, mut path: watch::Receiver<Path>) {
    let Some(due) = due else { return std::future::pending().await };
    sleep_until(due).await;
    if open(&mut path).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn open(path: &mut watch::Receiver<Path>) -> Result<(), IsCut> {
    let passable = path.wait_for(|path| path.condition != Condition::BlackHole).await;
    match passable.map(|path| path.condition) {
        Ok(Condition::Open) => Ok(()),
        Ok(Condition::Cut | Condition::BlackHole) | Err(_) => Err(IsCut),
    }
}

async fn cut(mut path: watch::Receiver<Path>) {
    if path.wait_for(|path| path.condition == Condition::Cut).await.is_err() {
        std::future::pending::<()>().await;
    }
}
