//! Dialling: two connections to one gateway, or the reason why not.

use std::{future::Future, sync::Arc};

use antiphon_core::{DialTarget, Endpoint};
use antiphon_proto::{
    Greeting, Token,
    v1::{self, ControlMessage, DataMessage, control_message, data_message},
};
use bytes::Bytes;
use tokio::{sync::mpsc, time::timeout};
use tonic::{Response, Status, Streaming};

use super::{
    compress::Compression,
    context::LinkContext,
    greet::{accept_answer, accept_hello},
    http2,
    outbox::{ControlOutbox, DataItem, DataOutbox},
    port::LinkEvent,
    running::{ControlSide, DataSide, Pair},
    setup_error::SetupError,
    shown::Shown,
    stats::Meter,
    stream::Wire,
    transport::{Authenticated, Dialer},
};

/// One order to dial.
#[derive(Debug)]
pub(crate) struct Dial {
    pub(crate) target: DialTarget,
    pub(crate) endpoint: Endpoint,
}

/// A control connection on which both have said hello.
struct Greeted {
    peer: Greeting,
    token: Bytes,
    identity: antiphon_identity::PeerIdentity,
    shown: Shown,
    wire: Arc<Wire>,
    control: ControlSide,
}

impl Dial {
    /// Dials, and runs the link if one comes of it.
    pub(crate) async fn run(self, context: Arc<LinkContext>, dialer: Dialer) {
        let limit = context.config.setup_timeout;
        // Its room is given back before the link lives in ours.
        let setup = Box::pin(timeout(limit, self.link(&context, &dialer)));
        let outcome = match setup.await {
            Ok(outcome) => outcome,
            Err(_) => Err(SetupError::unreachable("no link in time")),
        };
        match outcome {
            Ok(pair) => pair.run(context).await,
            Err(error) => {
                context.report(&error, &self.endpoint.to_string()).await;
                let failure = error.dial_failure();
                let event = LinkEvent::DialFailed { target: self.target, failure };
                context.events.control(event).await;
            }
        }
    }

    async fn link(&self, context: &LinkContext, dialer: &Dialer) -> Result<Pair, SetupError> {
        let greeted = self.control(context, dialer.dial(&self.endpoint).await?).await?;
        let (data_queue, queue) = mpsc::channel(context.config.data_queue_max);
        let advertised = &greeted.peer.hello.endpoint;
        let endpoint = context.config.dial.get(&greeted.peer.hello.gateway).unwrap_or(advertised);
        let connection = dialer.dial(endpoint).await?;
        if connection.peer != greeted.identity {
            let detail = format!("{endpoint} is {}, not {}", connection.peer, greeted.identity);
            return Err(SetupError::refused("data-elsewhere", detail));
        }
        let data = data(context, connection, &greeted, queue).await?;
        let (peer, control) = (greeted.peer.hello, greeted.control);
        Ok(Pair { peer, dialed: Some(self.target.clone()), control, data, data_queue })
    }

    async fn control(
        &self,
        context: &LinkContext,
        connection: Authenticated,
    ) -> Result<Greeted, SetupError> {
        let Authenticated { io, wire, peer: identity, shown, .. } = connection;
        let life = context.nursery.life();
        let guard = life.clone().drop_guard();
        let bytes_max = context.config.message_bytes_max;
        let mut client = http2::connect(io, bytes_max, &context.nursery, life).await?;
        let (queue, waiting) = mpsc::channel(context.config.control_queue_max);
        let hello = control_message::Body::Hello((&context.own).into());
        let call = client.control(ControlOutbox::new(hello, waiting));
        let (answer, inbound) = first(call, &wire).await?;
        let welcome = match answer {
            ControlMessage { body: Some(control_message::Body::Welcome(welcome)) } => welcome,
            ControlMessage { body: Some(control_message::Body::Refusal(refusal)) } => {
                return Err(SetupError::from_peer(&refusal));
            }
            ControlMessage { .. } => {
                return Err(SetupError::refused("malformed-hello", "no welcome"));
            }
        };
        let hello = welcome.hello.unwrap_or_default();
        let peer = accept_hello(&context.own, hello, &identity)?;
        accept_answer(&self.target, &peer)?;
        Token::try_from(&welcome.token)
            .map_err(|error| SetupError::refused("malformed-hello", error.to_string()))?;
        let control = ControlSide { inbound, queue, life: guard };
        Ok(Greeted { peer, token: welcome.token, identity, shown, wire, control })
    }
}

async fn data(
    context: &LinkContext,
    connection: Authenticated,
    greeted: &Greeted,
    queue: mpsc::Receiver<DataItem>,
) -> Result<DataSide, SetupError> {
    let Authenticated { io, wire, shown, .. } = connection;
    let life = context.nursery.life();
    let guard = life.clone().drop_guard();
    let bytes_max = context.config.message_bytes_max;
    let mut client = http2::connect(io, bytes_max, &context.nursery, life).await?;
    let meter = Arc::new(Meter::new(Arc::clone(&greeted.wire), Arc::clone(&wire)));
    let compression = Compression::between(&context.own, &greeted.peer);
    let hello = data_message::Body::Hello(v1::DataHello { token: greeted.token.clone() });
    let outbox = DataOutbox::new(hello, queue, &context.config, compression, Arc::clone(&meter));
    let (answer, inbound) = first(client.data(outbox), &wire).await?;
    match answer {
        DataMessage { body: Some(data_message::Body::Welcome(v1::DataWelcome {})) } => {
            let shown = greeted.shown.clone().join(shown);
            Ok(DataSide { inbound, meter, compression, shown, life: guard })
        }
        DataMessage { body: Some(data_message::Body::Refusal(refusal)) } => {
            Err(SetupError::from_peer(&refusal))
        }
        DataMessage { .. } => Err(SetupError::refused("malformed-hello", "no welcome")),
    }
}

/// Makes a call and reads the first message of its answer.
async fn first<M>(
    call: impl Future<Output = Result<Response<Streaming<M>>, Status>>,
    wire: &Wire,
) -> Result<(M, Streaming<M>), SetupError> {
    let broken = |status: &Status| {
        wire.failure().unwrap_or_else(|| SetupError::unreachable(wire.reason(status)))
    };
    let mut inbound = call.await.map_err(|status| broken(&status))?.into_inner();
    match inbound.message().await {
        Ok(Some(message)) => Ok((message, inbound)),
        Ok(None) => Err(SetupError::unreachable("closed before the hello")),
        Err(status) => Err(broken(&status)),
    }
}
