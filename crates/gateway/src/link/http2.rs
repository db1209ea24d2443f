//! One HTTP/2 connection, carrying one call.

use std::{convert::Infallible, future::Future, sync::Arc};

use antiphon_proto::v1::{link_client::LinkClient, link_server::LinkServer};
use http::Uri;
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;

use super::{
    at_once::AtOnce, door::Door, nursery::Nursery, setup_error::SetupError, stream::Watched,
};
use crate::single_connection::SingleConnection;

/// What a peer may send before the reader takes it: a full window of credit goes on without a pause
/// for the longest round trip.
const WINDOW_BYTES: u32 = 16 << 20;
/// Larger frames than the default 16 KiB: fewer headers for batches of a megabyte.
const FRAME_BYTES: u32 = 128 << 10;
/// A connection carries one call.
const STREAMS_MAX: u32 = 1;
/// Requests must name an origin; nobody looks at it.
const ORIGIN: &str = "https://link.antiphon.invalid";

/// Serves one connection until it ends.
pub(crate) async fn serve(io: Watched, door: Door) {
    let message_bytes_max = door.context.config.message_bytes_max;
    let tasks = Tasks { nursery: door.context.nursery.clone(), life: door.life.clone() };
    let link = LinkServer::from_arc(Arc::new(door)).max_decoding_message_size(message_bytes_max);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let mut link = link.clone();
        async move { Ok::<_, Infallible>(infallible(tower::Service::call(&mut link, request).await)) }
    });
    let connection = server::conn::http2::Builder::new(tasks)
        .adaptive_window(false)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .max_concurrent_streams(STREAMS_MAX)
        .serve_connection(TokioIo::new(io), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection of a link ended");
    }
}

/// The calling side of one connection.
pub(crate) async fn connect(
    io: Watched,
    message_bytes_max: usize,
    nursery: &Nursery,
    life: CancellationToken,
) -> Result<LinkClient<SingleConnection>, SetupError> {
    let tasks = Tasks { nursery: nursery.clone(), life: life.clone() };
    let (sender, connection) = client::conn::http2::Builder::new(tasks)
        .adaptive_window(false)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_frame_size(FRAME_BYTES)
        .handshake::<_, Body>(TokioIo::new(io))
        .await
        .map_err(|error| SetupError::unreachable(format!("HTTP/2: {error}")))?;
    // Ends early, with the last caller; the call itself goes on among `Tasks`.
    nursery.spawn("connection", async move {
        if let Some(Err(error)) = life.run_until_cancelled(connection).await {
            tracing::debug!(%error, "a connection of a link ended");
        }
    });
    let client = LinkClient::with_origin(SingleConnection(sender), Uri::from_static(ORIGIN));
    Ok(client.max_decoding_message_size(message_bytes_max))
}

/// Runs what the HTTP/2 library splits off a connection, until the connection's life ends: with it
/// ends the socket, whatever is still unsent.
#[derive(Clone)]
struct Tasks {
    nursery: Nursery,
    life: CancellationToken,
}

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        let life = self.life.clone();
        let task = AtOnce::new(task);
        self.nursery.spawn("connection", async move {
            life.run_until_cancelled_owned(task).await;
        });
    }
}

fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}
