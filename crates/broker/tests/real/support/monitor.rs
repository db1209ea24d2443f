//! The server's own view, by way of its monitoring port.

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::NatsServer;

/// What the server holds back for all its clients, in bytes.
pub(crate) async fn pending_bytes(server: &NatsServer) -> u64 {
    let address = server.address("monitoring");
    let authority = address.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let request = format!("GET /connz HTTP/1.0\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let connz: Value = serde_json::from_str(body).unwrap();
    let connections = connz["connections"].as_array().unwrap();
    connections.iter().map(|one| one["pending_bytes"].as_u64().unwrap_or_default()).sum()
}
