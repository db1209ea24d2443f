//! TLS handshakes between two ends in memory.

use std::sync::Arc;

use antiphon_identity::IdentityError;
use rustls::{ClientConfig, ClientConnection, ConnectionCommon, ServerConfig, ServerConnection};

/// Both ends after a handshake, and the error that each met.
pub(crate) struct Handshake {
    pub(crate) client: ClientConnection,
    pub(crate) server: ServerConnection,
    pub(crate) client_error: Option<rustls::Error>,
    pub(crate) server_error: Option<rustls::Error>,
}

/// Carries bytes between a client that dials `host` and a server until neither has more to say.
pub(crate) fn handshake(
    client: Arc<ClientConfig>,
    server: Arc<ServerConfig>,
    host: &str,
) -> Handshake {
    let host = host.to_owned().try_into().unwrap();
    let mut ends = Handshake {
        client: ClientConnection::new(client, host).unwrap(),
        server: ServerConnection::new(server).unwrap(),
        client_error: None,
        server_error: None,
    };
    while ends.client.wants_write() || ends.server.wants_write() {
        let error = carry(&mut ends.client, &mut ends.server);
        ends.server_error = ends.server_error.or(error);
        let error = carry(&mut ends.server, &mut ends.client);
        ends.client_error = ends.client_error.or(error);
    }
    ends
}

impl Handshake {
    pub(crate) fn succeeded(&self) -> bool {
        let errors = self.client_error.is_some() || self.server_error.is_some();
        !errors && !self.client.is_handshaking() && !self.server.is_handshaking()
    }

    /// Why the server refused the client's certificate, found the way a daemon finds it: in the
    /// I/O error of the socket.
    pub(crate) fn server_refusal(&self) -> &'static str {
        kind(self.server_error.as_ref())
    }

    /// Why the client refused the server's certificate.
    pub(crate) fn client_refusal(&self) -> &'static str {
        kind(self.client_error.as_ref())
    }
}

fn kind(error: Option<&rustls::Error>) -> &'static str {
    let error = std::io::Error::other(error.expect("a refusal").clone());
    IdentityError::in_error(&error).expect("a refusal of a certificate").kind()
}

fn carry<A, B>(
    from: &mut ConnectionCommon<A>,
    to: &mut ConnectionCommon<B>,
) -> Option<rustls::Error> {
    let mut bytes = Vec::new();
    while from.wants_write() {
        from.write_tls(&mut bytes).unwrap();
    }
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        to.read_tls(&mut rest).unwrap();
        if let Err(error) = to.process_new_packets() {
            return Some(error);
        }
    }
    None
}
