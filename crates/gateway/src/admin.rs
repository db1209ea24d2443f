//! What operators ask: the `antiphon.admin.v1` service on a Unix socket that only our user may
//! open, or on TCP with certificates on both sides.

mod client;
mod door;
mod socket;

use std::{convert::Infallible, sync::Arc, time::Duration};

use antiphon_core::{AskFailure, OrderError, OrderGiven};
use antiphon_proto::admin_v1::{
    ApplyPolicyReply, ApplyPolicyRequest, AskReply, AskRequest, DrainReply, DrainRequest,
    ExplainReply, ExplainRequest, LogReply, LogRequest, OrderReply, OrderRequest, RequestsReply,
    RequestsRequest, SnapshotReply, SnapshotRequest, UndrainReply, UndrainRequest,
    admin_server::{Admin, AdminServer},
};
use bytes::Bytes;
use hyper::{body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use crate::{
    audit, log,
    policies::{Policies, Purpose},
    shell::{Question, ShellGone, ShellHandle},
};

pub use client::{Address, AddressError, AdminError, Client};
pub use door::{Door, DoorError};

/// Connections served at one time; more wait to be accepted.
const CONNECTIONS_MAX: usize = 64;
/// Calls at one time on one connection.
const CALLS_MAX: u32 = 32;
/// Largest request, in bytes: a policy of a thousand rules.
const REQUEST_BYTES_MAX: usize = 1 << 20;
/// Longest name of an operator that is logged, in characters.
const WHO_MAX: usize = 256;
/// An operator's connection that has gone is noticed in this time.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// Serves until cancelled.
pub(crate) async fn serve(mut door: Door, service: Service, cancelled: CancellationToken) {
    let service =
        AdminServer::from_arc(Arc::new(service)).max_decoding_message_size(REQUEST_BYTES_MAX);
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let accept = async {
        loop {
            let slot = Arc::clone(&slots).acquire_owned().await.expect("it is never closed");
            let knock = door.accept().await;
            let service = service.clone();
            connections.spawn(async move {
                if let Some((stream, operator)) = knock.open().await {
                    answer(stream, operator, service).await;
                }
                drop(slot);
            });
            while connections.try_join_next().is_some() {}
        }
    };
    cancelled.run_until_cancelled(accept).await.unwrap_or(());
}

async fn answer(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    operator: Operator,
    service: AdminServer<Service>,
) {
    let calls = service_fn(move |mut request: http::Request<Incoming>| {
        let mut service = service.clone();
        request.extensions_mut().insert(operator.clone());
        async move { Ok::<_, Infallible>(infallible(tower::Service::call(&mut service, request).await)) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE)
        .max_concurrent_streams(CALLS_MAX)
        .serve_connection(TokioIo::new(stream), calls);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "an operator's connection ended");
    }
}

fn infallible<T>(result: Result<T, Infallible>) -> T {
    match result {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// What operators are answered by.
pub(crate) struct Service {
    shell: ShellHandle,
    policies: Policies,
    drain_grace: Duration,
}

impl Service {
    pub(crate) fn new(shell: ShellHandle, policies: Policies, drain_grace: Duration) -> Self {
        Self { shell, policies, drain_grace }
    }
}

/// Who asks: whom the system or the certificate names.
#[derive(Clone, Debug)]
pub(crate) struct Operator(pub(crate) String);

/// Who made a call, and who that says to be.
fn operator<T>(request: &Request<T>, claimed: &str) -> String {
    let operator = request.extensions().get::<Operator>();
    let known = operator.map_or("somebody", |Operator(who)| who);
    let claimed: String = claimed.chars().filter(|one| !one.is_control()).take(WHO_MAX).collect();
    if claimed.is_empty() { known.to_owned() } else { format!("{known}, as {claimed}") }
}

#[tonic::async_trait]
impl Admin for Service {
    async fn snapshot(
        &self,
        _: Request<SnapshotRequest>,
    ) -> Result<Response<SnapshotReply>, Status> {
        let report = self.shell.report().await.map_err(gone)?;
        Ok(Response::new(SnapshotReply { json: written(&*report)? }))
    }

    async fn requests(
        &self,
        request: Request<RequestsRequest>,
    ) -> Result<Response<RequestsReply>, Status> {
        let wanted = read(&request.into_inner().json)?;
        let said = self.shell.requests(wanted).await.map_err(gone)?;
        Ok(Response::new(RequestsReply { json: written(&said)? }))
    }

    async fn explain(
        &self,
        request: Request<ExplainRequest>,
    ) -> Result<Response<ExplainReply>, Status> {
        let asked = read(&request.into_inner().json)?;
        let explained = self.shell.explain(asked).await.map_err(gone)?;
        let said = explained.map_err(|error| Status::invalid_argument(error.to_string()))?;
        Ok(Response::new(ExplainReply { json: written(&said)? }))
    }

    async fn drain(&self, request: Request<DrainRequest>) -> Result<Response<DrainReply>, Status> {
        let who = operator(&request, &request.get_ref().who);
        let grace_ms = request.into_inner().grace_ms;
        let grace = grace_ms.map_or(self.drain_grace, Duration::from_millis);
        audit::note(&who, "drain", &format!("within {} ms", grace.as_millis()));
        self.shell.drain(Some(grace)).await.map_err(gone)?;
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        Ok(Response::new(DrainReply { grace_ms }))
    }

    async fn order(&self, request: Request<OrderRequest>) -> Result<Response<OrderReply>, Status> {
        let mut order: OrderGiven = read(&request.get_ref().json)?;
        order.by = operator(&request, &order.by);
        let (by, verb, detail) = (order.by.clone(), verb(&order), detail(&order));
        let known = self.shell.order(order).await.map_err(gone)?.map_err(not_taken)?;
        audit::note(&by, verb, &detail);
        Ok(Response::new(OrderReply { json: written(&known)? }))
    }

    async fn undrain(
        &self,
        request: Request<UndrainRequest>,
    ) -> Result<Response<UndrainReply>, Status> {
        audit::note(&operator(&request, &request.get_ref().who), "undrain", "");
        match self.shell.undrain().await.map_err(gone)? {
            true => Ok(Response::new(UndrainReply {})),
            false => Err(Status::failed_precondition("it does not drain, or has gone too far")),
        }
    }

    async fn log(&self, request: Request<LogRequest>) -> Result<Response<LogReply>, Status> {
        let who = operator(&request, &request.get_ref().who);
        let filter = request.into_inner().filter;
        let before = log::filter().ok_or_else(|| Status::unavailable("this log is another's"))?;
        if filter.is_empty() {
            return Ok(Response::new(LogReply { filter: before.clone(), before }));
        }
        log::set_filter(&filter).map_err(|error| Status::invalid_argument(error.to_string()))?;
        audit::note(&who, "log-level", &format!("from {before} to {filter}"));
        Ok(Response::new(LogReply { filter, before }))
    }

    async fn ask(&self, request: Request<AskRequest>) -> Result<Response<AskReply>, Status> {
        let AskRequest { gateway, topic, body, timeout_ms } = request.into_inner();
        let to = gateway.parse().map_err(|error| Status::invalid_argument(format!("{error}")))?;
        let patience = Duration::from_millis(timeout_ms);
        let question = Question { to, topic, body, patience };
        let json = self.shell.ask(question).await.map_err(gone)?.map_err(unanswered)?;
        Ok(Response::new(AskReply { json: json.into() }))
    }

    async fn apply_policy(
        &self,
        request: Request<ApplyPolicyRequest>,
    ) -> Result<Response<ApplyPolicyReply>, Status> {
        let who = operator(&request, "");
        let ApplyPolicyRequest { text, name, dry_run } = request.into_inner();
        let purpose = if dry_run { Purpose::Try } else { Purpose::Apply };
        let outcome = match text {
            None => self.policies.reload(purpose, &who).await,
            Some(text) => self.policies.apply((name, text), purpose, &who).await,
        };
        Ok(Response::new(ApplyPolicyReply { json: written(&outcome.map_err(gone)?)? }))
    }
}

/// The words of an order for the audit line: the command that gives it.
fn verb(order: &OrderGiven) -> &'static str {
    match (order.stop.is_halt(), order.stands) {
        (true, true) => "halt",
        (true, false) => "resume",
        (false, true) => "link-down",
        (false, false) => "link-up",
    }
}

fn detail(order: &OrderGiven) -> String {
    let lasts = order.lasts.map(|lasts| format!(" for {} s", lasts.as_secs()));
    let reason: String = order.reason.chars().filter(|one| !one.is_control()).collect();
    let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    format!("{}{}{why}", order.stop, lasts.unwrap_or_default())
}

fn not_taken(error: OrderError) -> Status {
    match error {
        OrderError::SameRegion(_) => Status::invalid_argument(error.to_string()),
        OrderError::Full(_) | OrderError::NothingHolds(_) | OrderError::TheirsToLift(..) => {
            Status::failed_precondition(error.to_string())
        }
    }
}

fn unanswered(failure: AskFailure) -> Status {
    match failure {
        AskFailure::NoRoute | AskFailure::Late | AskFailure::Busy => {
            Status::unavailable(failure.to_string())
        }
        AskFailure::Refused(reason) => Status::failed_precondition(reason),
    }
}

fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Status> {
    serde_json::from_slice(json).map_err(|error| Status::invalid_argument(error.to_string()))
}

fn written(said: &impl Serialize) -> Result<Bytes, Status> {
    let json = serde_json::to_vec(said).map_err(|error| {
        tracing::error!(%error, "an answer is no JSON");
        Status::internal("the answer could not be written")
    })?;
    Ok(json.into())
}

fn gone(gone: ShellGone) -> Status {
    Status::unavailable(gone.to_string())
}

#[cfg(test)]
mod tests;
