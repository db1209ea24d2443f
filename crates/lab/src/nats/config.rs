//! The configuration of one server, in the format of nats-server (2.9 and later).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::ClusterOptions;

/// What one server is to be.
pub(super) struct Config<'a> {
    pub(super) options: &'a ClusterOptions,
    /// Counted from 1.
    pub(super) number: usize,
    pub(super) ports: Ports,
    /// The route ports of all servers of the cluster, its own included.
    pub(super) routes: &'a [u16],
}

/// Where one server listens, on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) client: u16,
    pub(super) monitor: u16,
    /// For the other servers of the cluster.
    pub(super) route: u16,
}

impl Config<'_> {
    /// The server's name.
    pub(super) fn name(&self) -> String {
        server_name(&self.options.name, self.number)
    }

    /// Its configuration file.
    pub(super) fn file(&self) -> PathBuf {
        self.options.folder.join(config_name(&self.options.name, self.number))
    }

    /// The file's text.
    pub(super) fn text(&self) -> String {
        let mut text = format!(
            "server_name: {}\nlisten: \"127.0.0.1:{}\"\nhttp: \"127.0.0.1:{}\"\n",
            quoted(&self.name()),
            self.ports.client,
            self.ports.monitor,
        );
        let options = self.options;
        if let Some(tls) = &options.tls {
            text += &format!(
                "tls {{\n  cert_file: {}\n  key_file: {}\n  ca_file: {}\n  verify: true\n}}\n",
                quoted_path(&tls.certificate),
                quoted_path(&tls.key),
                quoted_path(&tls.ca),
            );
        }
        if let Some(interval) = options.ping_interval {
            text += &format!("ping_interval: \"{}ms\"\n", interval.as_millis());
        }
        if let Some(bytes) = options.max_pending {
            text += &format!("max_pending: {bytes}\n");
        }
        if self.routes.len() > 1 {
            text += &self.cluster();
        }
        text + &options.extra
    }

    /// Several servers find each other by fixed routes; clients hear of all of them, if they may.
    fn cluster(&self) -> String {
        let mut text = format!(
            "cluster {{\n  name: {}\n  listen: \"127.0.0.1:{}\"\n  routes: [\n",
            quoted(&self.options.name),
            self.ports.route,
        );
        for route in self.routes.iter().filter(|route| **route != self.ports.route) {
            writeln!(text, "    \"nats-route://127.0.0.1:{route}\"").expect("a String takes all");
        }
        let no_advertise = !self.options.advertise;
        text + &format!("  ]\n  no_advertise: {no_advertise}\n}}\n")
    }
}

/// The name of a cluster's server, counted from 1.
fn server_name(cluster: &str, number: usize) -> String {
    format!("nats-{cluster}-{number}")
}

/// The name of its configuration file.
pub(crate) fn config_name(cluster: &str, number: usize) -> String {
    format!("{}.conf", server_name(cluster, number))
}

fn quoted_path(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// A text in double quotes; escapes are those of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
