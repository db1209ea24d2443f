//! A network between client and server that takes its time, and may be cut.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

/// Pieces under way in one direction; more make the sender wait, as a network does.
const UNDER_WAY_MAX: usize = 4096;

/// Relays connections on a port of its own.
#[derive(Debug)]
pub(crate) struct Relay {
    port: u16,
    /// Counts the cuts; each ends the connections there are.
    cuts: watch::Sender<u32>,
    /// Whether the network swallows everything.
    mute: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// Relays to a port of 127.0.0.1, each direction later by `delay`.
    pub(crate) async fn start(target: u16, delay: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cuts, cut) = watch::channel(0);
        let (mute, muted) = watch::channel(false);
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", target)).await;
                let Ok(server) = server else { continue };
                tokio::spawn(connection(client, server, delay, cut.clone(), muted.clone()));
            }
        });
        Self { port, cuts, mute, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Swallows everything from here on, and keeps the connections.
    pub(crate) fn mute(&self) {
        self.mute.send_replace(true);
    }

    /// Ends every connection; the next ones are heard.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
        self.mute.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(
    client: TcpStream,
    server: TcpStream,
    delay: Duration,
    mut cut: watch::Receiver<u32>,
    muted: watch::Receiver<bool>,
) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let ((client_in, client_out), (server_in, server_out)) =
        (client.into_split(), server.into_split());
    cut.mark_unchanged();
    tokio::select! {
        _ = cut.changed() => {}
        () = direction(client_in, server_out, delay, muted.clone()) => {}
        () = direction(server_in, client_out, delay, muted.clone()) => {}
    }
}

async fn direction(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    delay: Duration,
    muted: watch::Receiver<bool>,
) {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY_MAX);
    let reading = async move {
        let mut buffer = vec![0; 16 * 1024];
        while let Ok(count) = from.read(&mut buffer).await {
            let piece = (Instant::now() + delay, buffer[..count].to_vec());
            if count == 0 || sender.send(piece).await.is_err() {
                return;
            }
        }
    };
    let writing = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            if !*muted.borrow() && to.write_all(&piece).await.is_err() {
                return;
            }
        }
    };
    tokio::join!(reading, writing);
}
