//! A peer that keeps to no rule: the calls of a link, made by hand.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use antiphon_core::Endpoint;
use antiphon_identity::{Credentials, Names, tls::link_client_config};
use antiphon_proto::v1::{
    ControlMessage, DataHello, DataMessage, Hello, control_message, data_message,
    link_client::LinkClient,
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::{Streaming, body::Body};

/// One connection.
pub(crate) struct RawPeer(LinkClient<Caller>);

impl RawPeer {
    pub(crate) async fn connect(to: &Endpoint, credentials: &Credentials, names: &Names) -> Self {
        let tcp = TcpStream::connect((to.host(), to.port())).await.unwrap();
        let config = link_client_config(credentials, &Arc::new(names.clone()));
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(config).connect(name, tcp).await.unwrap();
        let builder = http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake(TokioIo::new(tls)).await.unwrap();
        tokio::spawn(connection);
        Self(LinkClient::with_origin(Caller(sender), "https://raw.invalid".parse().unwrap()))
    }

    /// Says hello and stays; returns the answer, and the stream that keeps the call alive.
    pub(crate) async fn hello(
        &mut self,
        hello: Hello,
    ) -> (control_message::Body, Streaming<ControlMessage>) {
        self.hellos([hello]).await
    }

    /// As [`hello`](Self::hello), as often as told.
    pub(crate) async fn hellos<const N: usize>(
        &mut self,
        hellos: [Hello; N],
    ) -> (control_message::Body, Streaming<ControlMessage>) {
        let messages =
            hellos.map(|hello| ControlMessage { body: Some(control_message::Body::Hello(hello)) });
        let stays = stream::iter(messages).chain(stream::pending());
        let mut answers = self.0.control(stays).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        (answer.body.unwrap(), answers)
    }

    /// Shows a token and stays; returns the answer, and the stream that keeps the call alive.
    pub(crate) async fn data(
        &mut self,
        token: Bytes,
    ) -> (data_message::Body, Streaming<DataMessage>) {
        self.data_then(token, []).await
    }

    /// Shows a token and stays until the connection breaks, whatever is answered.
    pub(crate) async fn join_quietly(&mut self, token: Bytes) {
        let message = DataMessage { body: Some(data_message::Body::Hello(DataHello { token })) };
        let stays = stream::iter([message]).chain(stream::pending());
        if let Ok(answers) = self.0.data(stays).await {
            let mut answers = answers.into_inner();
            while let Ok(Some(_)) = answers.message().await {}
        }
    }

    /// As [`data`](Self::data), and says more.
    pub(crate) async fn data_then<const N: usize>(
        &mut self,
        token: Bytes,
        more: [data_message::Body; N],
    ) -> (data_message::Body, Streaming<DataMessage>) {
        let hello = data_message::Body::Hello(DataHello { token });
        let messages: Vec<_> =
            [hello].into_iter().chain(more).map(|body| DataMessage { body: Some(body) }).collect();
        let stays = stream::iter(messages).chain(stream::pending());
        let mut answers = self.0.data(stays).await.unwrap().into_inner();
        let answer = answers.message().await.unwrap().unwrap();
        (answer.body.unwrap(), answers)
    }
}

pub(crate) struct Caller(http2::SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Caller {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
