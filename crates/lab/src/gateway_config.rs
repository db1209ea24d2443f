//! The configuration of a lab's gateway: `gateway.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use toml::{Table, Value};

use crate::pki::TlsFiles;

/// What a gateway is told. The names are those of the file's keys.
#[derive(Serialize)]
pub(crate) struct GatewayConfig<'a> {
    pub(crate) fabric: &'a str,
    pub(crate) region: &'a str,
    pub(crate) gateway: &'a str,
    pub(crate) broker: Broker,
    pub(crate) link: Link,
    pub(crate) transit: Transit,
    pub(crate) export: Export,
    pub(crate) federation: Federation,
    pub(crate) admin: Admin,
    pub(crate) http: Http,
}

#[derive(Serialize)]
pub(crate) struct Broker {
    pub(crate) servers: Vec<String>,
    pub(crate) monitors: Vec<String>,
    pub(crate) tls: TlsFiles,
}

#[derive(Serialize)]
pub(crate) struct Link {
    pub(crate) listen: SocketAddr,
    pub(crate) advertise: String,
    pub(crate) seeds: Vec<String>,
    /// Relays, by the gateway behind them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) dial: BTreeMap<String, String>,
    pub(crate) tls: TlsFiles,
}

#[derive(Serialize)]
pub(crate) struct Transit {
    pub(crate) allow: bool,
}

#[derive(Serialize)]
pub(crate) struct Export {
    pub(crate) collectives: Vec<String>,
}

#[derive(Serialize)]
pub(crate) struct Federation {
    /// Regions by the names under which clients in federated mode call them.
    pub(crate) names: BTreeMap<String, String>,
}

#[derive(Serialize)]
pub(crate) struct Admin {
    /// `unix:PATH`.
    pub(crate) listen: String,
}

#[derive(Serialize)]
pub(crate) struct Http {
    pub(crate) listen: SocketAddr,
}

impl GatewayConfig<'_> {
    /// The file's text, with `settings` laid over: tables are merged, other values replaced.
    pub(crate) fn text(&self, settings: &Table) -> String {
        let mut file = Table::try_from(self).expect("texts, lists and tables are TOML");
        merge(&mut file, settings);
        file.to_string()
    }
}

fn merge(file: &mut Table, settings: &Table) {
    for (key, value) in settings {
        match (file.get_mut(key), value) {
            (Some(Value::Table(known)), Value::Table(more)) => merge(known, more),
            (Some(known), value) => *known = value.clone(),
            (None, value) => {
                file.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_laid_over_table_by_table() {
        let mut file: Table = toml::from_str("a = 1\n[link]\nlisten = 'x'\nping = '1s'").unwrap();
        let settings = toml::from_str("b = 2\n[link]\nping = '2s'\n[transit]\nallow = false");
        merge(&mut file, &settings.unwrap());
        let expected = "a = 1\nb = 2\n[link]\nlisten = 'x'\nping = '2s'\n[transit]\nallow = false";
        assert_eq!(file, toml::from_str(expected).unwrap());
    }
}
