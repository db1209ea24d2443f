//! `/metrics`, `/healthz` and `/readyz` over plain HTTP/1.1, for Prometheus and for whoever watches
//! over processes.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use antiphon_core::Alarm;
use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header::CONTENT_TYPE};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    certificates::Lifetime,
    metrics::Metrics,
    shell::{BEACON_PREFIX, Report, ShellHandle},
};

/// Connections served at one time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// How long a request's head may take to arrive, and a connection may idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the shell may take to answer before it counts as stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the system could not accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Why the endpoints could not be served.
#[derive(Debug, thiserror::Error)]
#[error("http.listen: cannot listen on {address}")]
pub struct HttpError {
    /// The address.
    pub address: SocketAddr,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// What the answers are made from. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    pub(crate) shell: ShellHandle,
    pub(crate) metrics: Arc<Metrics>,
}

/// Begins to listen.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener, HttpError> {
    TcpListener::bind(address).await.map_err(|source| HttpError { address, source })
}

/// Serves until cancelled.
pub(crate) async fn serve(listener: TcpListener, pages: Pages, cancelled: CancellationToken) {
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("it is never closed");
            match listener.accept().await {
                Ok((stream, _)) => {
                    let pages = pages.clone();
                    connections.spawn(async move {
                        answer(stream, pages).await;
                        drop(slot);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "an HTTP connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
            while connections.try_join_next().is_some() {}
        }
    };
    cancelled.run_until_cancelled(accept).await.unwrap_or(());
}

async fn answer(stream: TcpStream, pages: Pages) {
    let service = service_fn(move |request: Request<Incoming>| {
        let pages = pages.clone();
        async move { Ok::<_, Infallible>(pages.page(request.method(), request.uri().path()).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an HTTP connection ended");
    }
}

impl Pages {
    async fn page(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return page(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET\n");
        }
        if !matches!(path, "/metrics" | "/healthz" | "/readyz") {
            return page(StatusCode::NOT_FOUND, TEXT, "/metrics, /healthz or /readyz\n");
        }
        let Ok(Ok(report)) = timeout(ANSWER_TIMEOUT, self.shell.report()).await else {
            return page(StatusCode::SERVICE_UNAVAILABLE, TEXT, "the gateway does not answer\n");
        };
        match path {
            "/metrics" => page(StatusCode::OK, OPEN_METRICS, self.metrics.text(&report)),
            "/readyz" => ready(&report),
            _ => page(StatusCode::OK, TEXT, "alive\n"),
        }
    }
}

/// Good exactly while the gateway is in its region's queue groups, and the broker denies none that it must be in.
/// What follows the first line is for people.
fn ready(report: &Report) -> Response<Full<Bytes>> {
    let detail = certificates(report);
    match why_not_ready(report) {
        None => page(StatusCode::OK, TEXT, format!("ready\n{detail}")),
        Some(why) => page(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{why}\n{detail}")),
    }
}

/// A line for each certificate in use: our own, why there is no newer one, then those that peers have
/// shown.
fn certificates(report: &Report) -> String {
    let own = report.daemon.certificates.iter().map(|one| {
        let refused = one.refused.as_ref().map(|why| format!("; a newer one is not used: {why}"));
        let (of, left) = (one.of.as_str(), left(one.lifetime(), report.at));
        format!("certificate {of}: {left}{}\n", refused.unwrap_or_default())
    });
    let trouble = report.daemon.enrolment.as_ref().and_then(|one| one.trouble.as_ref());
    let not_renewed = trouble.map(|one| {
        let since = report.at.saturating_sub(one.since).as_secs() / 60;
        format!("no new certificate for {since} minutes ({}): {}\n", one.kind, one.text)
    });
    let peers = report.daemon.links.iter().filter_map(|link| {
        let left = left(link.peer_certificate()?, report.at);
        Some(format!("certificate of {}: {left}\n", link.gateway))
    });
    own.chain(not_renewed).chain(peers).collect()
}

/// `23 days left`; for short ones `5 hours left`.
fn left(certificate: Lifetime, now: Duration) -> String {
    let left = certificate.left(now).as_secs();
    let (number, unit) = match left {
        0..7_200 => (left / 60, "minutes"),
        7_200..172_800 => (left / 3600, "hours"),
        172_800.. => (left / 86_400, "days"),
    };
    let near = certificate.nearness(now).map_or("", |_| "; near its end");
    format!("{number} {unit} left{near}")
}

fn why_not_ready(report: &Report) -> Option<&'static str> {
    use antiphon_core::GatewayState::{Draining, Left};
    if report.core.joined {
        is_deaf(report).then_some("the broker denies a subscription: antiphon status says which")
    } else if matches!(report.core.state, Draining | Left) {
        Some("draining: it leaves the fabric")
    } else if !report.core.broker.up {
        Some("no connection to the region's broker")
    } else if report.core.links.iter().any(|link| link.state == "up") {
        Some("no route to any other region, and a sibling has one")
    } else {
        Some("waiting for adverts of another gateway")
    }
}

/// Whether the broker denies what a member of the queue groups has to hear. Without beacons and startup events
/// a gateway only knows less, and clients of Choria Federation have its own broker or none.
fn is_deaf(report: &Report) -> bool {
    let has_to = |subject: &str| {
        let aside = [BEACON_PREFIX, "choria.lifecycle."];
        let federated =
            subject.starts_with("choria.federation.") && subject.ends_with(".federation");
        !federated && !aside.iter().any(|one| subject.starts_with(one))
    };
    report.daemon.denied.iter().any(|alarm| {
        matches!(alarm, Alarm::PermissionDenied { operation, subject }
            if operation == "subscribe" && has_to(subject))
    })
}

fn page(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let content_type = http::HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

#[cfg(test)]
mod tests;
