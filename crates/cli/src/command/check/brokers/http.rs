//! One GET of a JSON document, without TLS: monitoring ports of brokers are local, or should be.

use std::time::Duration;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

/// A monitoring page takes milliseconds, thousands of connections included.
const PATIENCE: Duration = Duration::from_secs(3);
/// A page of a thousand connections with their subscriptions has some megabytes.
const DOCUMENT_BYTES_MAX: usize = 64 << 20;

/// Whether a URL names the host that it is used on.
pub(super) fn is_loopback(url: &str) -> bool {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    let host = place.rsplit_once(':').map_or(place, |(host, _)| host);
    host == "localhost" || host.starts_with("127.") || host == "[::1]"
}

/// The document at `http://host:port/path`.
pub(super) async fn get(url: String) -> anyhow::Result<Value> {
    let asked = timeout(PATIENCE, fetch(&url)).await;
    asked.unwrap_or_else(|_| bail!("no answer within {}s", PATIENCE.as_secs()))
}

async fn fetch(url: &str) -> anyhow::Result<Value> {
    let Some(rest) = url.strip_prefix("http://") else { bail!("only http:// can be asked") };
    let (place, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let stream = TcpStream::connect(place).await.with_context(|| format!("connect to {place}"))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let path = if path.is_empty() { "/" } else { path };
    let request = Request::get(path).header("host", place).body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    if !status.is_success() {
        bail!("{path}: {status}");
    }
    let body = Limited::new(answer.into_body(), DOCUMENT_BYTES_MAX).collect().await;
    driver.abort();
    let body = body.map_err(|error| anyhow::anyhow!("{path}: {error}"))?.to_bytes();
    serde_json::from_slice(&body).with_context(|| format!("{path}: is no JSON"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_on_this_host_is_told_from_others() {
        for local in ["http://localhost:8222", "http://127.0.0.1:8222", "http://[::1]:8222"] {
            assert!(is_loopback(local), "{local}");
        }
        for other in ["http://nats.example.net:8222", "http://10.0.0.1:8222"] {
            assert!(!is_loopback(other), "{other}");
        }
    }
}
