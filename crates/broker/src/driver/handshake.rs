//! From a dialled socket to a connection that the server has accepted.

use std::io;

use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::stream::Stream;
use crate::{
    auth::AuthError,
    config::BrokerConfig,
    servers::{Scheme, ServerUrl},
    protocol::{Info, Parser, ProtocolError, ServerOp, Writer},
};

/// A connection that the server has accepted.
#[derive(Debug)]
pub(super) struct Connected {
    pub(super) stream: Stream,
    /// Holds what has been read and not looked at.
    pub(super) parser: Parser,
    pub(super) info: Info,
    pub(super) url: String,
}

/// Why a server did not take us.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[error("connect: {0}")]
    Connect(io::Error),
    #[error("TLS: {0}")]
    Tls(io::Error),
    #[error("the connection broke: {0}")]
    Broken(#[from] io::Error),
    #[error("log in: {0}")]
    Auth(#[from] AuthError),
    #[error("the server closed the connection")]
    Closed,
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("the server says: {0}")]
    Refused(String),
    #[error("the server requires TLS and none is configured")]
    TlsRequired,
    #[error("TLS is configured and the server offers none")]
    TlsMissing,
    #[error("the server did not begin with INFO")]
    NoInfo,
}

/// Dials, negotiates TLS, logs in, and waits until the server has answered a PING.
pub(super) async fn open(
    config: &BrokerConfig,
    server: &ServerUrl,
) -> Result<Connected, HandshakeError> {
    let mut stream = Stream::dial(server).await.map_err(HandshakeError::Connect)?;
    if let Some(tls) = config.tls.as_ref().filter(|tls| tls.is_first()) {
        stream = stream.secure(server, tls).await.map_err(HandshakeError::Tls)?;
    }
    let mut parser = Parser::default();
    let ServerOp::Info(info) = read_op(&mut stream, &mut parser).await? else {
        return Err(HandshakeError::NoInfo);
    };
    let offered = info.tls_required || info.tls_available;
    if info.tls_required && config.tls.is_none() {
        return Err(HandshakeError::TlsRequired);
    }
    if let Some(tls) = &config.tls {
        if !offered && !tls.is_first() {
            return Err(HandshakeError::TlsMissing);
        }
        stream = stream.secure(server, tls).await.map_err(HandshakeError::Tls)?;
    } else if server.scheme == Scheme::Tls {
        return Err(HandshakeError::TlsRequired);
    }
    let mut writer = Writer::default();
    writer.connect(&connect_options(config, &info)?.to_string());
    writer.ping();
    stream.write_all(&writer.buffer).await?;
    stream.flush().await?;
    let info = await_pong(&mut stream, &mut parser, *info).await?;
    Ok(Connected { stream, parser, info, url: server.to_string() })
}

/// The server answers CONNECT only where something is wrong; the PING tells that nothing is.
async fn await_pong(
    stream: &mut Stream,
    parser: &mut Parser,
    mut info: Info,
) -> Result<Info, HandshakeError> {
    loop {
        match read_op(stream, parser).await? {
            ServerOp::Pong => return Ok(info),
            ServerOp::Error(text) => return Err(HandshakeError::Refused(text)),
            // The server tells again what it offers, now to who has logged in.
            ServerOp::Info(newer) => info = *newer,
            ServerOp::Ping | ServerOp::Ok | ServerOp::Message(_) => {}
        }
    }
}

async fn read_op(stream: &mut Stream, parser: &mut Parser) -> Result<ServerOp, HandshakeError> {
    loop {
        if let Some(op) = parser.next_op()? {
            return Ok(op);
        }
        if stream.read_buf(&mut parser.buffer).await? == 0 {
            return Err(HandshakeError::Closed);
        }
    }
}

fn connect_options(config: &BrokerConfig, info: &Info) -> Result<Value, AuthError> {
    let login = config.auth.load()?;
    let mut options = Map::new();
    for (key, value) in [
        ("verbose", json!(false)),
        ("pedantic", json!(false)),
        ("tls_required", json!(config.tls.is_some())),
        ("lang", json!("rust")),
        ("version", json!(env!("CARGO_PKG_VERSION"))),
        ("name", json!(config.name)),
        ("protocol", json!(1)),
        ("headers", json!(true)),
        ("no_responders", json!(false)),
        ("echo", json!(true)),
    ] {
        options.insert(key.to_owned(), value);
    }
    let secrets = [
        ("sig", login.sign(info.nonce.as_deref())),
        ("user", login.user),
        ("pass", login.pass),
        ("auth_token", login.auth_token),
        ("jwt", login.jwt),
        ("nkey", login.nkey),
    ];
    for (key, value) in secrets {
        options.extend(value.map(|value| (key.to_owned(), json!(value))));
    }
    Ok(Value::Object(options))
}
