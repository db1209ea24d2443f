//! The client's part of a lab's `lab.json`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use antiphon_wire::Collective;
use serde::Deserialize;

use super::{
    CONNECT_TIMEOUT_DEFAULT, Config, ConfigError, DISCOVERY_TIMEOUT_DEFAULT, Protocol, Security,
    TTL_DEFAULT, TlsFiles, broker_url, federations, host_name,
};
use crate::environment::Environment;

#[derive(Deserialize)]
struct Lab {
    client: LabClient,
    regions: BTreeMap<String, LabRegion>,
}

#[derive(Deserialize)]
struct LabClient {
    certificate: PathBuf,
    key: PathBuf,
    ca: PathBuf,
    token: PathBuf,
    seed: PathBuf,
}

#[derive(Deserialize)]
struct LabRegion {
    brokers: Vec<String>,
}

/// The configuration of the lab's own client, on one region's brokers.
///
/// # Errors
/// A folder without a lab in it, or a region that the lab does not have.
pub(super) fn load(
    folder: &Path,
    region: Option<&str>,
    protocol: Protocol,
    flag: &[String],
    environment: &Environment,
) -> Result<Config, ConfigError> {
    let path = folder.join("lab.json");
    let lab = read(&path)?;
    let invalid = |problem| ConfigError::Invalid { path: path.clone(), problems: vec![problem] };
    let brokers = brokers(&lab, region).map_err(invalid)?;
    let LabClient { certificate, key, ca, token, seed } = lab.client;
    let (collective, security) = match protocol {
        Protocol::V1 => {
            let (certificate, key, ca) = (certificate.clone(), key.clone(), ca.clone());
            ("mcollective", Security::V1 { certificate, key, ca, name: None })
        }
        Protocol::V2 => ("choria", Security::V2 { token, seed }),
    };
    let collective = Collective::try_from(collective).expect("both are good names");
    Ok(Config {
        federations: federations(&[], flag, environment, &path)?,
        origin: path,
        identity: host_name(environment),
        collectives: vec![collective.clone()],
        main_collective: collective,
        brokers,
        srv: None,
        tls: Some(TlsFiles { ca, own: Some((certificate, key)) }),
        login: None,
        connect_timeout: CONNECT_TIMEOUT_DEFAULT,
        security,
        remote_signer: None,
        ttl: TTL_DEFAULT,
        discovery_method: "mc".to_owned(),
        discovery_timeout: DISCOVERY_TIMEOUT_DEFAULT,
        discovery_window: false,
        limit_random: false,
        libraries: Vec::new(),
    })
}

fn read(path: &Path) -> Result<Lab, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|error| ConfigError::Malformed {
        path: path.to_owned(),
        detail: error.to_string(),
    })
}

fn brokers(lab: &Lab, region: Option<&str>) -> Result<Vec<String>, String> {
    let found = match region {
        Some(name) => lab.regions.get(name),
        None => lab.regions.values().next(),
    };
    let region = found.ok_or_else(|| {
        let names: Vec<_> = lab.regions.keys().map(String::as_str).collect();
        format!("regions has no {:?}; it has {}", region.unwrap_or_default(), names.join(", "))
    })?;
    region.brokers.iter().map(|url| broker_url(url)).collect()
}
