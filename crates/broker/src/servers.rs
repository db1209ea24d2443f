//! The servers of a cluster: those configured, those the cluster told us of, and whose turn it is.

mod url;

pub(crate) use url::Scheme;
pub use url::{ServerUrl, ServerUrlError};

/// The most servers that are remembered beside those configured.
const DISCOVERED_MAX: usize = 64;

/// One server, and the name that its certificate must bear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) url: ServerUrl,
    /// The host of the URL; for an address that a cluster told us of, the host of the server that told us,
    /// since certificates name hosts. That server had proved its name before we listened to it.
    pub(crate) certified_name: String,
}

impl Server {
    fn configured(url: ServerUrl) -> Self {
        Self { certified_name: url.host.clone(), url }
    }
}

/// Which servers there are, and which is next.
#[derive(Debug)]
pub(crate) struct Servers {
    configured: Vec<Server>,
    discovered: Vec<Server>,
    discover: bool,
    /// The last one that was tried.
    last: Option<ServerUrl>,
}

impl Servers {
    /// No server, and nothing to learn from, if `configured` is empty.
    pub(crate) fn new(configured: Vec<ServerUrl>, discover: bool) -> Self {
        let configured = configured.into_iter().map(Server::configured).collect();
        Self { configured, discovered: Vec::new(), discover, last: None }
    }

    /// Takes what DNS says in place of what was configured. What clusters told stays known.
    pub(crate) fn configure(&mut self, configured: Vec<ServerUrl>) {
        self.configured = configured.into_iter().map(Server::configured).collect();
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.configured.len() + self.discovered.len()
    }

    /// The one after the last, round and round; none without servers.
    pub(crate) fn take_turn(&mut self) -> Option<Server> {
        let is_last = |server: &Server| Some(&server.url) == self.last.as_ref();
        let after = self.all().position(is_last).map_or(0, |at| at + 1);
        let next = self.all().nth(after).or_else(|| self.all().next()).cloned()?;
        self.last = Some(next.url.clone());
        Some(next)
    }

    /// Takes what a server says of its cluster (`host:port`), in place of what was said before.
    ///
    /// An empty list says nothing: a server without a cluster sends none.
    pub(crate) fn learn(&mut self, teller: &Server, urls: &[String]) {
        if !self.discover || urls.is_empty() {
            return;
        }
        let mut discovered = Vec::new();
        for server in urls.iter().filter_map(|url| told(teller, url)) {
            let is_known = |known: &Server| {
                known.url.host == server.url.host && known.url.port == server.url.port
            };
            let known = self.configured.iter().chain(&discovered).any(is_known);
            if !known && discovered.len() < DISCOVERED_MAX {
                discovered.push(server);
            }
        }
        self.discovered = discovered;
    }

    fn all(&self) -> impl Iterator<Item = &Server> {
        self.configured.iter().chain(&self.discovered)
    }
}

fn told(teller: &Server, url: &str) -> Option<Server> {
    let Ok(mut url) = url.parse::<ServerUrl>() else {
        tracing::debug!(url, "the cluster names a server that is none");
        return None;
    };
    url.scheme = teller.url.scheme;
    let is_address = url.host.parse::<std::net::IpAddr>().is_ok();
    let certified_name = if is_address { teller.certified_name.clone() } else { url.host.clone() };
    Some(Server { url, certified_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(urls: &[&str]) -> Servers {
        Servers::new(urls.iter().map(|url| url.parse().unwrap()).collect(), true)
    }

    fn turns(servers: &mut Servers, count: usize) -> Vec<String> {
        (0..count).map(|_| servers.take_turn().unwrap().url.to_string()).collect()
    }

    #[test]
    fn every_server_has_its_turn() {
        let mut servers = servers(&["a:1", "b:2"]);
        assert_eq!(turns(&mut servers, 3), ["nats://a:1", "nats://b:2", "nats://a:1"]);
    }

    #[test]
    fn the_cluster_adds_servers_and_takes_them_away_but_not_those_configured() {
        let mut servers = servers(&["tls://a:1"]);
        let teller = servers.take_turn().unwrap();
        servers.learn(&teller, &["10.0.0.2:2".to_owned(), "a:1".to_owned(), "x:".to_owned()]);
        assert_eq!(turns(&mut servers, 2), ["tls://10.0.0.2:2", "tls://a:1"]);
        servers.learn(&teller, &["b:3".to_owned()]);
        servers.learn(&teller, &[]);
        assert_eq!(turns(&mut servers, 3), ["tls://b:3", "tls://a:1", "tls://b:3"]);
    }

    #[test]
    fn an_address_must_prove_the_name_of_the_server_that_told_of_it() {
        let teller = Server::configured("tls://broker.example.net".parse().unwrap());
        assert_eq!(told(&teller, "10.0.0.2:4222").unwrap().certified_name, "broker.example.net");
        assert_eq!(told(&teller, "b2.example.net:4222").unwrap().certified_name, "b2.example.net");
    }

    #[test]
    fn what_a_cluster_tells_is_bounded() {
        let mut servers = servers(&["a:1"]);
        let teller = servers.take_turn().unwrap();
        let many: Vec<String> = (1..1000).map(|port| format!("b:{port}")).collect();
        servers.learn(&teller, &many);
        assert_eq!(servers.count(), 1 + DISCOVERED_MAX);
    }
}
