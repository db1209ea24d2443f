//! `nats://host:port` and `tls://host:port`.

use std::{fmt, net::IpAddr, str::FromStr};

/// The port of a NATS server where a URL names none.
const PORT_DEFAULT: u16 = 4222;

/// The longest URL that is taken, in bytes: a DNS name has at most 253.
const URL_BYTES_MAX: usize = 300;

/// Where a server listens. Displays as `nats://host:port` or `tls://host:port`, always with the port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerUrl {
    pub(crate) scheme: Scheme,
    /// A DNS name or an address; an IPv6 address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// The scheme of a URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Scheme {
    /// TLS if configured.
    Nats,
    /// TLS, certainly.
    Tls,
}

/// Why a text is not the URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("server URL {url:?} {reason}")]
pub struct ServerUrlError {
    /// The text; shortened, and without a password.
    pub url: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl FromStr for ServerUrl {
    type Err = ServerUrlError;

    /// Takes `[nats://|tls://]host[:port]`; an IPv6 address stands in brackets.
    fn from_str(text: &str) -> Result<Self, ServerUrlError> {
        parse(text).map_err(|reason| ServerUrlError { url: presentable(text), reason })
    }
}

fn parse(text: &str) -> Result<ServerUrl, &'static str> {
    if text.len() > URL_BYTES_MAX {
        return Err("is too long");
    }
    let (scheme, rest) = match text.split_once("://") {
        None => (Scheme::Nats, text),
        Some(("nats", rest)) => (Scheme::Nats, rest),
        Some(("tls", rest)) => (Scheme::Tls, rest),
        Some(_) => return Err("has a scheme other than nats and tls"),
    };
    if rest.contains('@') {
        return Err("holds a user; configure user and password beside it");
    }
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (host, port) = split_port(rest)?;
    let port = match port {
        None => PORT_DEFAULT,
        Some(port) => port.parse().map_err(|_| "has a port that is not a number below 65536")?,
    };
    if port == 0 {
        return Err("has port 0");
    }
    Ok(ServerUrl { scheme, host: host.to_owned(), port })
}

fn split_port(rest: &str) -> Result<(&str, Option<&str>), &'static str> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or("has an unclosed bracket")?;
        if !matches!(host.parse(), Ok(IpAddr::V6(_))) {
            return Err("has brackets around what is not an IPv6 address");
        }
        return match (after, after.strip_prefix(':')) {
            ("", _) => Ok((host, None)),
            (_, Some(port)) => Ok((host, Some(port))),
            _ => Err("has text after the bracket"),
        };
    }
    let (host, port) = match rest.split_once(':') {
        None => (rest, None),
        Some((host, port)) => (host, Some(port)),
    };
    if host.is_empty() {
        return Err("has no host");
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !host.bytes().all(legal) {
        return Err("has a host that is neither a DNS name nor an address");
    }
    Ok((host, port))
}

/// The text for an error: not endless, and without what may be a password.
fn presentable(text: &str) -> String {
    let shown = match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.to_owned(),
    };
    shown.chars().take(URL_BYTES_MAX).collect()
}

impl ServerUrl {
    /// The DNS name or address.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Nats => "nats",
            Scheme::Tls => "tls",
        };
        match self.host.contains(':') {
            true => write!(f, "{scheme}://[{}]:{}", self.host, self.port),
            false => write!(f, "{scheme}://{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        text.parse::<ServerUrl>().map_or_else(|error| error.to_string(), |url| url.to_string())
    }

    #[test]
    fn a_url_is_shown_with_scheme_and_port() {
        assert_eq!(shown("nats://localhost:4333"), "nats://localhost:4333");
        assert_eq!(shown("broker.example.net"), "nats://broker.example.net:4222");
        assert_eq!(shown("10.0.0.1:4222/"), "nats://10.0.0.1:4222");
        assert_eq!(shown("tls://[::1]:9"), "tls://[::1]:9");
        assert_eq!(shown("[::1]"), "nats://[::1]:4222");
    }

    #[test]
    fn an_error_names_the_url() {
        assert_eq!(
            shown("http://x:1"),
            r#"server URL "http://x:1" has a scheme other than nats and tls"#
        );
        for bad in
            ["", "nats://", "a:b", "a:0", "a:70000", "a b:1", "[::1", "[x]:1", "[::1]x", "a:1:2"]
        {
            assert!(bad.parse::<ServerUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        let error = shown("nats://me:secret@host:4222");
        assert!(error.contains("host:4222") && !error.contains("secret"), "{error}");
    }
}
