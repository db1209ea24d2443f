//! The answering side of one connection: whoever knocks says what for, and is let in or not.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use antiphon_identity::PeerIdentity;
use antiphon_proto::{
    Greeting, Token,
    v1::{self, ControlMessage, DataMessage, control_message, data_message, link_server::Link},
};
use futures_util::{Stream, StreamExt as _, stream};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::{
    compress::Compression,
    context::LinkContext,
    greet::accept_hello,
    outbox::{ControlOutbox, DataItem, DataOutbox},
    pending::Pending,
    running::{ControlSide, DataSide, Pair},
    setup_error::SetupError,
    shown::Shown,
    stats::Meter,
    stream::Wire,
};

/// The answering side of one connection whose other end is known.
pub(crate) struct Door {
    pub(crate) context: Arc<LinkContext>,
    pub(crate) peer: PeerIdentity,
    pub(crate) address: String,
    pub(crate) wire: Arc<Wire>,
    /// Its certificates, and when they or ours end.
    pub(crate) shown: Shown,
    /// Ends the connection when cancelled.
    pub(crate) life: CancellationToken,
    /// Told once the hello was acceptable.
    pub(crate) greeted: CancellationToken,
    /// Told once the connection is part of a link that stands.
    pub(crate) admitted: CancellationToken,
    /// Whether it has had its call: a connection carries one.
    pub(crate) used: AtomicBool,
}

type Answer<M> = Pin<Box<dyn Stream<Item = Result<M, Status>> + Send>>;

#[tonic::async_trait]
impl Link for Door {
    type ControlStream = Answer<ControlMessage>;
    type DataStream = Answer<DataMessage>;

    async fn control(
        &self,
        request: Request<Streaming<ControlMessage>>,
    ) -> Result<Response<Self::ControlStream>, Status> {
        self.take()?;
        let mut inbound = request.into_inner();
        let Some(ControlMessage { body: Some(control_message::Body::Hello(hello)) }) =
            inbound.message().await?
        else {
            return Err(Status::invalid_argument("the first message must be a hello"));
        };
        match self.begin(hello, inbound) {
            Ok(outbox) => Ok(Response::new(Box::pin(outbox.map(Ok)))),
            Err(error) => {
                self.context.report(&error, &self.address).await;
                let body = Some(control_message::Body::Refusal(error.to_peer()));
                Ok(Response::new(only(ControlMessage { body })))
            }
        }
    }

    async fn data(
        &self,
        request: Request<Streaming<DataMessage>>,
    ) -> Result<Response<Self::DataStream>, Status> {
        self.take()?;
        let mut inbound = request.into_inner();
        let Some(DataMessage { body: Some(data_message::Body::Hello(hello)) }) =
            inbound.message().await?
        else {
            return Err(Status::invalid_argument("the first message must be a data hello"));
        };
        match self.join(&hello, inbound) {
            Ok(outbox) => Ok(Response::new(Box::pin(outbox.map(Ok)))),
            Err(error) => {
                self.context.report(&error, &self.address).await;
                let body = Some(data_message::Body::Refusal(error.to_peer()));
                Ok(Response::new(only(DataMessage { body })))
            }
        }
    }
}

impl Door {
    fn take(&self) -> Result<(), Status> {
        if self.used.swap(true, Ordering::Relaxed) {
            return Err(Status::failed_precondition("a connection carries one call"));
        }
        Ok(())
    }

    /// A control connection: judges the hello, and waits for the data connection meanwhile.
    fn begin(
        &self,
        hello: v1::Hello,
        inbound: Streaming<ControlMessage>,
    ) -> Result<ControlOutbox, SetupError> {
        let context = &self.context;
        let peer = accept_hello(&context.own, hello, &self.peer)?;
        let (queue, control_queue) = mpsc::channel(context.config.control_queue_max);
        let (data, data_queue) = mpsc::channel(context.config.data_queue_max);
        let (joined, join) = oneshot::channel();
        let token = context.pending.insert(Pending {
            identity: self.peer.clone(),
            joined,
            queue: data_queue,
            compression: Compression::between(&context.own, &peer),
            control: Arc::clone(&self.wire),
        })?;
        let life = self.life.clone().drop_guard();
        let control = ControlSide { inbound, queue, life };
        let waiting = Waiting {
            peer,
            token,
            control,
            data,
            admitted: self.admitted.clone(),
            ended: self.life.clone(),
            shown: self.shown.clone(),
        };
        self.greeted.cancel();
        context.nursery.spawn("link", waiting.run(Arc::clone(context), join));
        let hello = Some((&context.own).into());
        let welcome = v1::Welcome { hello, token: token.into() };
        Ok(ControlOutbox::new(control_message::Body::Welcome(welcome), control_queue))
    }

    /// A data connection: joins the control connection that waits for it.
    fn join(
        &self,
        hello: &v1::DataHello,
        inbound: Streaming<DataMessage>,
    ) -> Result<DataOutbox, SetupError> {
        let token = Token::try_from(&hello.token)
            .map_err(|error| SetupError::refused("unknown-token", error.to_string()))?;
        let Pending { joined, queue, compression, control, .. } =
            self.context.pending.take(token, &self.peer)?;
        let meter = Arc::new(Meter::new(control, Arc::clone(&self.wire)));
        let welcome = data_message::Body::Welcome(v1::DataWelcome {});
        let outbox =
            DataOutbox::new(welcome, queue, &self.context.config, compression, Arc::clone(&meter));
        let life = self.life.clone().drop_guard();
        joined
            .send(DataSide { inbound, meter, compression, shown: self.shown.clone(), life })
            .map_err(|_| SetupError::unreachable("the control connection has ended"))?;
        self.greeted.cancel();
        self.admitted.cancel();
        Ok(outbox)
    }
}

/// A control connection that waits for its data connection.
struct Waiting {
    peer: Greeting,
    token: Token,
    control: ControlSide,
    data: mpsc::Sender<DataItem>,
    admitted: CancellationToken,
    ended: CancellationToken,
    shown: Shown,
}

impl Waiting {
    async fn run(self, context: Arc<LinkContext>, join: oneshot::Receiver<DataSide>) {
        // The deadline of the whole setup ends the connection, and with it this wait.
        let joined = tokio::select! {
            biased;
            joined = join => joined.ok(),
            () = self.ended.cancelled() => None,
        };
        let Some(mut data) = joined else {
            context.pending.forget(self.token);
            return;
        };
        data.shown = self.shown.join(data.shown);
        self.admitted.cancel();
        let pair = Pair {
            peer: self.peer.hello,
            dialed: None,
            control: self.control,
            data,
            data_queue: self.data,
        };
        pair.run(context).await;
    }
}

/// A single message, and the end.
fn only<M: Send + 'static>(message: M) -> Answer<M> {
    Box::pin(stream::iter([Ok(message)]))
}
