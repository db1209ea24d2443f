//! The servers' own view of who listens to what, by way of their monitoring ports.
//!
//! # What to know
//!
//! - `/subsz?subs=1` lists subscriptions in a new random order at each request (nats-server 2.15, Go's maps), so
//!   that its pages miss some and repeat others. Everything is read from `/connz?subs=1` instead, whose pages are
//!   ordered by connection; they overlap, so that connections that end meanwhile hide no others.
//! - A server lists its own clients only. Whether all servers of the cluster were read is learned from `/routez`,
//!   `/leafz` and `/gatewayz`: each server that one names must be among those that were read.
//! - `/subsz?test=` lists subscriptions that match one subject; who listens to exactly that subject counts.
//!
//! Bounds: a page of `PAGE_LEN` connections and at most `BODY_BYTES_MAX` bytes at a time, one request at a time
//! to each server.

mod documents;
mod http;
mod pages;

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use tokio::time::timeout;

pub use self::{
    documents::Connection as MonitoredConnection,
    pages::{MonitorError, MonitorPages},
};
use self::{
    documents::{Connz, Gatewayz, Leafz, Routez, Subsz, Varz},
    http::Client,
};
use crate::config::TlsOptions;

/// Connections in one page: some megabytes where nodes run dozens of agents.
const PAGE_LEN: usize = 1000;
/// Connections that two pages have in common, while none end.
const OVERLAP: usize = 50;
/// Bytes of one answer; longer ones are refused.
const BODY_BYTES_MAX: usize = 64 << 20;
/// How long one server may take for one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(20);
/// Pages of one server: fifty million connections.
const PAGES_MAX: usize = 50_000;
/// How long all servers may take to say who listens to one subject.
const ASK_TIMEOUT: Duration = Duration::from_millis(900);

/// Where a server serves its monitoring pages: `http://host:port` or `https://host:port`, maybe with a base path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorUrl(pub(crate) ::http::Uri);

/// Why a text is no [`MonitorUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("monitor URL {url:?} is not http://host:port or https://host:port")]
pub struct MonitorUrlError {
    /// The text.
    pub url: String,
}

impl MonitorUrl {
    /// Whether it asks for TLS.
    #[must_use]
    pub fn wants_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }
}

impl FromStr for MonitorUrl {
    type Err = MonitorUrlError;

    fn from_str(text: &str) -> Result<Self, MonitorUrlError> {
        let uri = text.parse::<::http::Uri>().ok();
        let good = |uri: &::http::Uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.query().is_none()
        };
        uri.filter(good).map(Self).ok_or_else(|| MonitorUrlError { url: text.to_owned() })
    }
}

impl fmt::Display for MonitorUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it was written: `http::Uri` shows a slash where there is no path.
        f.write_str(self.0.to_string().trim_end_matches('/'))
    }
}

/// The monitoring ports of a cluster.
#[derive(Clone, Debug)]
pub struct Monitors {
    servers: Vec<MonitorUrl>,
    tls: Option<TlsOptions>,
}

/// What came of asking all servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// How many answered in full.
    pub servers: u64,
    /// Why that is not every server of the cluster, for people; `None`: it is.
    pub problem: Option<String>,
}

/// Servers that were read, and those that they know of.
#[derive(Debug, Default)]
struct Cluster {
    read: BTreeSet<String>,
    named: BTreeSet<String>,
    servers_read: u64,
}

impl Monitors {
    /// Of these servers; `tls` is for those with `https`.
    #[must_use]
    pub fn new(servers: Vec<MonitorUrl>, tls: Option<TlsOptions>) -> Self {
        Self { servers, tls }
    }

    /// Reads every subscription of every client, and hands its subject to `on`: each at least once. Connections
    /// that begin or end meanwhile may be missed.
    pub async fn read(&self, mut on: impl FnMut(&str) + Send) -> Coverage {
        let mut cluster = Cluster::default();
        let mut problem = None;
        for server in &self.servers {
            let read = async {
                let mut client = Client::connect(server, self.tls.as_ref()).await?;
                cluster.look(&mut client).await?;
                let mut each = |one: &MonitoredConnection| {
                    one.subscriptions_list.iter().for_each(|subject| on(subject));
                };
                read_connections(&mut client, &mut each).await
            };
            if let Err(reason) = read.await {
                problem = problem.or(Some(format!("{}: {reason}", server.0)));
            } else {
                cluster.servers_read += 1;
            }
        }
        cluster.coverage(problem)
    }

    /// Who listens to exactly this subject: the queue groups and accounts of the subscriptions.
    pub async fn listeners(&self, subject: &str) -> (Vec<Listener>, Coverage) {
        let mut cluster = Cluster::default();
        let mut found = Vec::new();
        let mut problem = None;
        for server in &self.servers {
            let asked = async {
                let mut client = Client::connect(server, self.tls.as_ref()).await?;
                let query = format!("/subsz?subs=1&test={}", escaped(subject));
                let subsz: Subsz = client.get(&query).await?;
                cluster.look(&mut client).await?;
                Ok::<_, String>(subsz.subscriptions_list)
            };
            match timeout(ASK_TIMEOUT, asked).await {
                Ok(Ok(list)) => {
                    cluster.servers_read += 1;
                    let exact = list.into_iter().filter(|one| one.subject == subject);
                    found.extend(
                        exact.map(|one| Listener { account: one.account, group: one.qgroup }),
                    );
                }
                Ok(Err(reason)) => problem = problem.or(Some(format!("{}: {reason}", server.0))),
                Err(_) => problem = problem.or(Some(format!("{}: took too long", server.0))),
            }
        }
        (found, cluster.coverage(problem))
    }
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The account that it is in.
    pub account: String,
    /// Its queue group; empty: none.
    pub group: String,
}

impl Cluster {
    /// Notes who a server is and which others it knows.
    async fn look(&mut self, client: &mut Client) -> Result<(), String> {
        let varz: Varz = client.get("/varz").await?;
        let routez: Routez = client.get("/routez").await?;
        self.named.extend(routez.routes.into_iter().map(|route| route.remote_id));
        if varz.leafnodes > 0 {
            let leafz: Leafz = client.get("/leafz").await?;
            self.named.extend(leafz.leafs.into_iter().map(|leaf| leaf.name));
        }
        if !varz.gateway.name.is_empty() {
            let gatewayz: Gatewayz = client.get("/gatewayz").await?;
            let clusters = gatewayz.outbound_gateways.into_keys();
            self.named.extend(clusters.map(|name| format!("cluster {name}")));
        }
        self.read.extend([varz.server_id, varz.server_name]);
        Ok(())
    }

    fn coverage(self, problem: Option<String>) -> Coverage {
        let unread = self.named.iter().find(|one| !self.read.contains(*one));
        let unread = || unread.map(|one| format!("no monitor is configured for server {one}"));
        Coverage { servers: self.servers_read, problem: problem.or_else(unread) }
    }
}

/// Reads the pages of one server's connections.
async fn read_connections(
    client: &mut Client,
    on: &mut (impl FnMut(&MonitoredConnection) + Send),
) -> Result<(), String> {
    let mut offset = 0_usize;
    let mut last = 0_u64;
    for _ in 0..PAGES_MAX {
        let query = format!("/connz?subs=1&sort=cid&limit={PAGE_LEN}&offset={offset}");
        let page: Connz = client.get(&query).await?;
        let first = page.connections.first().map_or(u64::MAX, |one| one.cid);
        if offset > 0 && first > last {
            // So many connections ended that this page may begin behind the end of the last one.
            offset = offset.saturating_sub(PAGE_LEN);
            continue;
        }
        page.connections.iter().filter(|one| one.cid > last).for_each(&mut *on);
        last = page.connections.last().map_or(last, |one| last.max(one.cid));
        let read = offset + page.connections.len();
        if read >= page.total {
            return Ok(());
        }
        offset = read.saturating_sub(OVERLAP).max(offset + 1);
    }
    Err("its connections come and go too fast".to_owned())
}

/// A subject as part of a query.
fn escaped(subject: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let mut text = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_monitor_is_named_by_a_url() {
        for good in
            ["http://localhost:8222", "https://broker.example.net", "http://[::1]:8222/base/"]
        {
            assert!(good.parse::<MonitorUrl>().is_ok(), "{good}");
            let shown = good.parse::<MonitorUrl>().unwrap().to_string();
            assert_eq!(shown, good.trim_end_matches('/'));
        }
        for bad in ["localhost:8222", "nats://localhost", "http://", "", "http://x/?y=1"] {
            assert!(bad.parse::<MonitorUrl>().is_err(), "{bad}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_does_not_answer_is_given_up() {
        // The system accepts; nobody answers.
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let coverage = Monitors::new(vec![url.parse().unwrap()], None).read(|_| {}).await;
        let problem = coverage.problem.unwrap();
        assert!(problem.contains("/varz: took too long"), "{problem}");
    }

    #[test]
    fn a_subject_is_escaped_for_a_query() {
        assert_eq!(escaped("c.node.n1.example-net"), "c.node.n1.example-net");
        assert_eq!(escaped("a b&c#ü"), "a%20b%26c%23%C3%BC");
    }

    #[test]
    fn a_server_that_another_one_names_must_have_been_read() {
        let names = |names: &[&str]| names.iter().map(|one| (*one).to_owned()).collect();
        let cluster = |named: &[&str]| Cluster {
            read: names(&["id-a", "a", "id-b", "b"]),
            named: names(named),
            servers_read: 2,
        };
        assert_eq!(cluster(&["id-b", "a"]).coverage(None).problem, None);
        let problem = cluster(&["id-b", "id-c"]).coverage(None).problem.unwrap();
        assert!(problem.contains("id-c"), "{problem}");
    }
}
