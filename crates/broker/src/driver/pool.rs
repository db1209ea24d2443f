//! Which server to try next, and how long to pause before.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    time::Duration,
};

use crate::{config::BrokerConfig, servers::ServerUrl};

/// Most servers that are remembered, configured ones included unless they are more.
const SERVERS_MAX: usize = 64;

/// The configured servers, those that the cluster named, and whose turn it is.
#[derive(Debug)]
pub(super) struct Pool {
    servers: Vec<ServerUrl>,
    configured: usize,
    discover: bool,
    turn: usize,
    /// Failures since the last success.
    failures: usize,
    backoff: Duration,
    min: Duration,
    max: Duration,
}

impl Pool {
    pub(super) fn new(config: &BrokerConfig) -> Self {
        Self {
            servers: config.servers.clone(),
            configured: config.servers.len(),
            discover: config.discover,
            turn: 0,
            failures: 0,
            backoff: Duration::ZERO,
            min: config.reconnect_min,
            max: config.reconnect_max,
        }
    }

    /// The next server; the pause is for when every server has had its turn.
    pub(super) fn next_server(&mut self) -> (Option<ServerUrl>, Duration) {
        let count = self.servers.len().max(1);
        let pause = if self.failures > 0 && self.failures.is_multiple_of(count) {
            self.backoff = (self.backoff * 2).clamp(self.min, self.max);
            jitter(self.backoff)
        } else {
            Duration::ZERO
        };
        self.failures += 1;
        let server = self.servers.get(self.turn % count).cloned();
        self.turn += 1;
        (server, pause)
    }

    /// A connection stands; the cluster named these servers.
    pub(super) fn succeeded(&mut self, named: &[String]) {
        self.failures = 1; // The next one is tried after a pause only if all fail.
        self.backoff = Duration::ZERO;
        self.learn(named);
    }

    /// Takes servers that the cluster names, in place of those it named before.
    pub(super) fn learn(&mut self, named: &[String]) {
        if !self.discover || named.is_empty() {
            return;
        }
        self.servers.truncate(self.configured);
        for url in named.iter().filter_map(|url| url.parse::<ServerUrl>().ok()) {
            if self.servers.len() < SERVERS_MAX && !self.servers.contains(&url) {
                self.servers.push(url);
            }
        }
    }
}

/// Between half the pause and all of it, so that gateways do not come back in step.
fn jitter(pause: Duration) -> Duration {
    let share = u32::try_from(RandomState::new().build_hasher().finish() % 512).unwrap_or(0);
    pause * (512 + share) / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(servers: &[&str]) -> Pool {
        let servers = servers.iter().map(|one| one.parse().unwrap()).collect();
        Pool::new(&BrokerConfig::new(servers, "test"))
    }

    #[test]
    fn each_server_has_its_turn_before_there_is_a_pause() {
        let mut pool = pool(&["a", "b"]);
        assert!(pool.next_server().1.is_zero());
        assert!(pool.next_server().1.is_zero());
        let (server, pause) = pool.next_server();
        assert_eq!(server.unwrap().host(), "a");
        assert!(!pause.is_zero());
    }

    #[test]
    fn servers_of_the_cluster_come_and_go_and_configured_ones_stay() {
        let mut pool = pool(&["a"]);
        pool.learn(&["b:1".to_owned(), "a:4222".to_owned()]);
        assert_eq!(pool.servers.len(), 2);
        pool.learn(&["c:1".to_owned()]);
        assert_eq!(pool.servers.iter().map(ServerUrl::host).collect::<Vec<_>>(), ["a", "c"]);
    }
}
