//! One connection through a relay.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::{Bytes, Direction, Network};

/// Bytes read at once.
const CHUNK_BYTES: usize = 16 << 10;
/// How late a timer of the runtime may end.
const TICK: Duration = Duration::from_millis(2);
/// How late a sleeping thread may wake.
const LATE: Duration = Duration::from_micros(200);
/// Chunks on their way, per direction.
const CHUNKS_MAX: usize = 256;

/// Bytes and the moment at which they come out.
type Chunk = (Instant, Vec<u8>);

/// Relays until both sides have closed or one is broken.
pub(super) async fn run(
    client: TcpStream,
    target: SocketAddr,
    network: &watch::Receiver<Network>,
    bytes: &Bytes,
) {
    // Nobody listens at the target: close, as it would have.
    let Ok(server) = TcpStream::connect(target).await else { return };
    // Without it small messages wait for each other, which the network between would not do.
    client.set_nodelay(true).ok();
    server.set_nodelay(true).ok();
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    let forward = pump(client_read, server_write, Direction::Forward, network, bytes);
    let backward = pump(server_read, client_write, Direction::Backward, network, bytes);
    // An error of either ends both; the sockets close by being dropped.
    tokio::try_join!(forward, backward).ok();
}

async fn pump(
    source: impl AsyncRead + Unpin,
    sink: impl AsyncWrite + Unpin,
    direction: Direction,
    network: &watch::Receiver<Network>,
    bytes: &Bytes,
) -> std::io::Result<()> {
    let (queue, queued) = mpsc::channel(CHUNKS_MAX);
    let (mut reader, mut writer) = (network.clone(), network.clone());
    tokio::try_join!(
        read(source, queue, direction, &mut reader),
        write(sink, queued, direction, &mut writer, bytes),
    )?;
    Ok(())
}

/// Reads chunks and says when each comes out.
async fn read(
    mut source: impl AsyncRead + Unpin,
    queue: mpsc::Sender<Chunk>,
    direction: Direction,
    network: &mut watch::Receiver<Network>,
) -> std::io::Result<()> {
    loop {
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        if source.read_buf(&mut chunk).await? == 0 {
            return Ok(());
        }
        let delay = network.borrow_and_update().lane_now(direction).delay;
        if queue.send((Instant::now() + delay, chunk)).await.is_err() {
            return Ok(());
        }
    }
}

/// Writes chunks when their time has come and nothing is held; then closes.
async fn write(
    mut sink: impl AsyncWrite + Unpin,
    mut queued: mpsc::Receiver<Chunk>,
    direction: Direction,
    network: &mut watch::Receiver<Network>,
    bytes: &Bytes,
) -> std::io::Result<()> {
    while let Some((due, chunk)) = queued.recv().await {
        until(due).await;
        pass(direction, network).await;
        sink.write_all(&chunk).await?;
        let count = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        bytes.counter(direction).fetch_add(count, Ordering::Relaxed);
    }
    pass(direction, network).await;
    sink.shutdown().await
}

/// Waits until `due`, to some microseconds. The runtime's timers tick in milliseconds and end late, and
/// a thread that sleeps wakes late too: on a round trip between regions both would be seen.
async fn until(due: Instant) {
    if due > Instant::now() + TICK {
        sleep_until(due - TICK).await;
    }
    let rest = due.saturating_duration_since(Instant::now());
    if rest.is_zero() {
        return;
    }
    let due_really = std::time::Instant::now() + rest;
    let wait = move || {
        std::thread::sleep(rest.saturating_sub(LATE));
        while std::time::Instant::now() < due_really {
            std::hint::spin_loop();
        }
    };
    // An error means that the runtime ends, and this connection with it.
    tokio::task::spawn_blocking(wait).await.ok();
    // Only where a test holds the clock.
    if due > Instant::now() {
        sleep_until(due).await;
    }
}

/// Waits while the direction is held.
async fn pass(direction: Direction, network: &mut watch::Receiver<Network>) {
    // An error means that the relay is gone, and this connection with it.
    network.wait_for(|network| !network.lane_now(direction).held).await.ok();
}
