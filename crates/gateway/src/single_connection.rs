//! Calls over one HTTP/2 connection, for clients generated from `proto/`.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{body::Incoming, client::conn::http2};
use tonic::body::Body;

/// Makes calls on one connection and never opens another.
#[derive(Clone)]
pub(crate) struct SingleConnection(pub(crate) http2::SendRequest<Body>);

impl tower::Service<http::Request<Body>> for SingleConnection {
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
