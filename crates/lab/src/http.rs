//! As much of an HTTP client as asking a server on loopback takes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(5);
/// Bytes that are read of an answer.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Asks for `path`; `None` if nobody answers sensibly within five seconds.
///
/// Speaks HTTP/1.0, so that the body is what comes until the end of the connection.
pub async fn get(address: SocketAddr, path: &str) -> Option<Answer> {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let request = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(LIMIT, exchange).await.ok()?.ok()?;
    parse(&answer)
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.get(..3)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer = parse("HTTP/1.1 503 Service Unavailable\r\na: b\r\n\r\nnot yet").unwrap();
        assert_eq!(answer, Answer { status: 503, body: "not yet".to_owned() });
        assert_eq!(parse("HTTP/1.0 200\r\n\r\n").unwrap().status, 200);
    }

    #[test]
    fn what_is_no_http_is_no_answer() {
        for text in ["", "INFO {}\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 2\r\n\r\n"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }
}
