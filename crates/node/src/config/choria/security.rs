//! Security providers of Choria: `file` and `puppet` (v1), `choria` (v2).

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::super::{
    ALLOWED_NAMES, PRIVILEGED_NAMES, Problems, SecurityConfig, TlsFiles, V1Config, V2Config,
};
use super::keys::Keys;

/// Where Puppet's agent keeps its certificates.
const PUPPET_SSL: &str = "/etc/puppetlabs/puppet/ssl";

/// Whether the file is of a v2 node.
pub(super) fn is_v2(keys: &Keys) -> bool {
    provider(keys) == "choria"
}

fn provider(keys: &Keys) -> &str {
    keys.text("plugin.security.provider").unwrap_or("puppet")
}

/// The certificates for the broker connection, of which v1 also takes the CA for callers.
pub(super) fn tls(keys: &Keys, identity: &str, problems: &mut Problems) -> Option<TlsFiles> {
    match provider(keys) {
        "file" => {
            let mut path = |name| required(keys, &format!("plugin.security.file.{name}"), problems);
            let (certificate, key, ca) = (path("certificate"), path("key"), path("ca"));
            Some(TlsFiles { certificate: Some(certificate?), key: Some(key?), ca: ca? })
        }
        "puppet" => {
            let folder = keys.path("plugin.choria.ssldir").unwrap_or_else(|| PUPPET_SSL.into());
            Some(TlsFiles {
                certificate: Some(folder.join(format!("certs/{identity}.pem"))),
                key: Some(folder.join(format!("private_keys/{identity}.pem"))),
                ca: folder.join("certs/ca.pem"),
            })
        }
        "choria" => {
            let path = |name: &str| keys.path(&format!("plugin.security.choria.{name}"));
            let ca = required(keys, "plugin.security.choria.ca", problems);
            Some(TlsFiles { certificate: path("certificate"), key: path("key"), ca: ca? })
        }
        other => {
            let message = format!("{other:?} is not known here: file, puppet or choria");
            problems.add("plugin.security.provider", message);
            None
        }
    }
}

/// Whose requests are taken.
pub(super) fn security(
    keys: &Keys,
    tls: Option<&TlsFiles>,
    problems: &mut Problems,
) -> Option<SecurityConfig> {
    if is_v2(keys) {
        return v2(keys, problems).map(SecurityConfig::V2);
    }
    let names = |key: &str, default: [&str; 2]| match keys.list(key) {
        names if names.is_empty() => default.map(str::to_owned).to_vec(),
        names => names.into_iter().map(str::to_owned).collect(),
    };
    Some(SecurityConfig::V1(V1Config {
        ca: tls?.ca.clone(),
        allow: names("plugin.choria.security.certname_whitelist", ALLOWED_NAMES),
        privileged: names("plugin.choria.security.privileged_users", PRIVILEGED_NAMES),
    }))
}

fn v2(keys: &Keys, problems: &mut Problems) -> Option<V2Config> {
    const SIGNERS: &str = "plugin.security.choria.trusted_signers";
    let mut issuers = BTreeMap::new();
    for name in keys.list("plugin.security.issuer.names") {
        let key = format!("plugin.security.issuer.{name}.public");
        match keys.text(&key) {
            Some(public) => drop(issuers.insert(name.to_owned(), public.to_owned())),
            None => problems.add(key, "is missing"),
        }
    }
    let trusted_signers = keys.list(SIGNERS).into_iter().map(str::to_owned).collect::<Vec<_>>();
    if issuers.is_empty() && trusted_signers.is_empty() {
        problems.add(SIGNERS, "or plugin.security.issuer.names must name someone");
    }
    let token = required(keys, "plugin.security.choria.token_file", problems);
    let seed = required(keys, "plugin.security.choria.seed_file", problems);
    let sign_replies = keys.flag("plugin.security.choria.sign_replies", true, problems);
    Some(V2Config { issuers, trusted_signers, token: token?, seed: seed?, sign_replies })
}

fn required(keys: &Keys, key: &str, problems: &mut Problems) -> Option<PathBuf> {
    let path = keys.path(key);
    if path.is_none() {
        problems.add(key, "is missing");
    }
    path
}
