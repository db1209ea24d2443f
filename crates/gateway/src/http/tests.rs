use antiphon_core::GatewayState;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::{
    shell::{EnrolmentFacts, EnrolmentTrouble},
    testing::{report, shell_with},
};

/// The status line and the body of one answer.
async fn get(report: Report, path: &str) -> (String, String) {
    ask(shell_with(report).0, &format!("GET {path} HTTP/1.1")).await
}

async fn ask(shell: ShellHandle, request: &str) -> (String, String) {
    let listener = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let pages = Pages { shell, metrics: Arc::new(Metrics::new()) };
    let cancelled = CancellationToken::new();
    let server = tokio::spawn(serve(listener, pages, cancelled.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{request}\r\nhost: x\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    cancelled.cancel();
    server.await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

#[tokio::test]
async fn ready_is_said_exactly_while_joined() {
    let mut joined = report();
    joined.core.joined = true;
    let denied = |subject: &str| Alarm::PermissionDenied {
        operation: "subscribe".to_owned(),
        subject: subject.to_owned(),
    };
    let mut deaf = joined.clone();
    deaf.daemon.denied = vec![denied("mcollective.broadcast.agent.*")];
    let (status, body) = get(deaf, "/readyz").await;
    assert!(status.contains("503") && body.contains("denies a subscription"), "{status} {body}");
    joined.daemon.denied = vec![denied("antiphon.beacon.acme.eu.*")];
    let (status, body) = get(joined, "/readyz").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert_eq!(body, "ready\ncertificate link: 23148 days left\n");

    let (status, why) = get(report(), "/readyz").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert!(why.starts_with("no connection to the region's broker\n"), "{why}");

    let mut alone = report();
    alone.core.broker.up = true;
    let why = get(alone, "/readyz").await.1;
    assert!(why.starts_with("waiting for adverts of another gateway\n"), "{why}");

    let mut draining = report();
    draining.core.state = GatewayState::Draining;
    let why = get(draining, "/readyz").await.1;
    assert!(why.starts_with("draining: it leaves the fabric\n"), "{why}");
}

#[tokio::test]
async fn why_there_is_no_new_certificate_is_told_to_people() {
    let mut sealed = report();
    sealed.core.joined = true;
    let since = sealed.at;
    sealed.at += Duration::from_secs(600);
    let (kind, text) = ("sealed".to_owned(), "https://vault:8200 is sealed: unseal it".to_owned());
    let trouble = Some(EnrolmentTrouble { kind, text, since });
    sealed.daemon.enrolment = Some(EnrolmentFacts { trouble, ..EnrolmentFacts::default() });
    let (status, body) = get(sealed, "/readyz").await;
    assert_eq!(status, "HTTP/1.1 200 OK", "the old one is good");
    let line =
        "no new certificate for 10 minutes (sealed): https://vault:8200 is sealed: unseal it";
    assert_eq!(body.lines().nth(2), Some(line), "{body}");
}

#[test]
fn what_is_left_of_short_certificates_is_told_in_hours() {
    let hour = Duration::from_secs(3600);
    let day = Lifetime { end: hour * 24, life: Some(hour * 24) };
    assert_eq!(left(day, Duration::ZERO), "24 hours left");
    assert_eq!(left(day, hour * 18), "6 hours left");
    assert_eq!(left(day, hour * 22 + hour / 2), "90 minutes left; near its end");
}

#[tokio::test]
async fn a_gateway_that_answers_is_alive() {
    assert_eq!(get(report(), "/healthz").await.0, "HTTP/1.1 200 OK");
    let (gone, _) = ShellHandle::new();
    let (status, why) = ask(gone, "GET /healthz HTTP/1.1").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(why, "the gateway does not answer\n");
}

#[tokio::test]
async fn metrics_are_open_metrics() {
    let (status, body) = get(report(), "/metrics").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(body.contains("antiphon_joined 0.0\n") && body.ends_with("# EOF\n"), "{body}");
}

#[tokio::test]
async fn other_pages_and_methods_do_not_exist() {
    assert_eq!(get(report(), "/").await.0, "HTTP/1.1 404 Not Found");
    let (status, _) = ask(shell_with(report()).0, "POST /metrics HTTP/1.1").await;
    assert_eq!(status, "HTTP/1.1 405 Method Not Allowed");
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let first = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = first.local_addr().unwrap();
    let error = bind(address).await.unwrap_err();
    assert_eq!(error.to_string(), format!("http.listen: cannot listen on {address}"));
}
