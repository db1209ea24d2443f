//! Our own format: TOML.

use std::collections::BTreeMap;
use std::path::Path;

use antiphon_broker::{Auth, Secret, ServerUrl};
use antiphon_wire::{Collective, Identity};

use super::table::Table;
use super::{
    ALLOWED_NAMES, AgentsConfig, Authorization, BrokerConfig, ConfigError, NodeConfig,
    PRIVILEGED_NAMES, Problems, REGISTRATION_INTERVAL, Registration, RegistrationContent,
    STATUS_INTERVAL, SecurityConfig, TlsFiles, V1Config, V2Config,
};

/// The agents that `[agents] machine` may name.
pub(super) const MACHINE_AGENTS: [&str; 3] = ["package", "service", "puppet"];

/// Reads a TOML file.
pub(super) fn load(path: &Path) -> Result<NodeConfig, ConfigError> {
    let mut problems = Problems::of(path);
    let text = problems.keep("", std::fs::read_to_string(path));
    let keys = text.and_then(|text| problems.keep("", text.parse::<toml::Table>()));
    let config = keys.and_then(|keys| {
        let folder = path.parent().unwrap_or(Path::new(""));
        read(Table::root(keys, folder), path, &mut problems)
    });
    problems.finish(config)
}

fn read(mut root: Table, path: &Path, problems: &mut Problems) -> Option<NodeConfig> {
    let identity = root
        .required("identity", problems, Table::text)
        .and_then(|text| problems.keep("identity", Identity::try_from(text)));
    let collectives = collectives(&mut root, problems);
    let main_collective = main_collective(&mut root, &collectives, problems);
    let broker = root.required("broker", problems, Table::table).and_then(|t| broker(t, problems));
    let security =
        root.required("security", problems, Table::table).and_then(|t| security(t, problems));
    let registration = root
        .table("registration", problems)
        .and_then(|table| registration(table, main_collective.as_ref(), problems));
    let agents = agents(&mut root, problems);
    let authorization = authorization(&mut root, path, &agents, problems);
    let status_file = root.path("status_file", problems);
    let status_interval = root.duration("status_interval", problems).unwrap_or(STATUS_INTERVAL);
    let facts_files = root.path("facts_file", problems).into_iter().collect();
    let classes_file = root.path("classes_file", problems);
    let audit_file = root.path("audit_file", problems);
    root.finish(problems);
    let config = NodeConfig {
        source: path.to_owned(),
        identity: identity?,
        main_collective: main_collective?,
        collectives,
        broker: broker?,
        security: security?,
        status_file,
        status_interval,
        facts_files,
        classes_file,
        authorization,
        audit_file,
        registration,
        agents,
        items: BTreeMap::new(),
    };
    Some(config.with_token_login().with_items())
}

fn collectives(root: &mut Table, problems: &mut Problems) -> Vec<Collective> {
    if !root.has("collectives") {
        problems.add("collectives", "is missing");
    }
    let names = root.texts("collectives", problems);
    names.into_iter().filter_map(|name| collective("collectives", name, problems)).collect()
}

fn main_collective(
    root: &mut Table,
    collectives: &[Collective],
    problems: &mut Problems,
) -> Option<Collective> {
    let Some(name) = root.text("main_collective", problems) else {
        return collectives.first().cloned();
    };
    let main = collective("main_collective", name, problems)?;
    if !collectives.contains(&main) {
        problems.add("main_collective", "is not one of `collectives`");
    }
    Some(main)
}

fn collective(key: &str, name: String, problems: &mut Problems) -> Option<Collective> {
    problems.keep(key, Collective::try_from(name))
}

fn broker(mut table: Table, problems: &mut Problems) -> Option<BrokerConfig> {
    let key = table.name("servers");
    let names = table.texts("servers", problems);
    if names.is_empty() {
        problems.add(&key, "must name at least one server, as nats://host:port");
    }
    let servers = names.iter().map(|name| name.parse::<ServerUrl>());
    let servers = servers.filter_map(|server| problems.keep(&key, server)).collect();
    let plain = table.flag("insecure_plain_tcp", problems).unwrap_or(false);
    let tls = table.table("tls", problems).map(|table| tls(table, problems));
    if plain == tls.is_some() {
        problems.add(table.name("tls"), "is missing (or `insecure_plain_tcp = true`, not both)");
    }
    let auth = auth(&mut table, problems);
    table.finish(problems);
    Some(BrokerConfig { servers, srv: None, auth, tls: tls.flatten() })
}

/// Besides the certificate: `user` and `password_file`, or `credentials`.
fn auth(table: &mut Table, problems: &mut Problems) -> Auth {
    let user = table.text("user", problems);
    let password = table.path("password_file", problems).map(Secret::File);
    let credentials = table.path("credentials", problems).map(Secret::File);
    match (user, password, credentials) {
        (None, None, None) => Auth::Anonymous,
        (Some(user), Some(password), None) => Auth::Password { user, password },
        (None, None, Some(credentials)) => Auth::Credentials { credentials },
        _ => {
            let message = "and `password_file` go together, without `credentials`";
            problems.add(table.name("user"), message);
            Auth::Anonymous
        }
    }
}

fn tls(mut table: Table, problems: &mut Problems) -> Option<TlsFiles> {
    let certificate = table.path("certificate", problems);
    let key = table.path("key", problems);
    if certificate.is_some() != key.is_some() {
        problems.add(table.name("key"), "and `certificate` go together");
    }
    let ca = table.required("ca", problems, Table::path);
    table.finish(problems);
    Some(TlsFiles { certificate, key, ca: ca? })
}

fn security(mut table: Table, problems: &mut Problems) -> Option<SecurityConfig> {
    let v1 = table.table("v1", problems);
    let v2 = table.table("v2", problems);
    let name = table.name("v1");
    table.finish(problems);
    match (v1, v2) {
        (Some(v1), None) => v1_security(v1, problems).map(SecurityConfig::V1),
        (None, Some(v2)) => v2_security(v2, problems).map(SecurityConfig::V2),
        (Some(_), Some(_)) | (None, None) => {
            problems.add(name, "or `security.v2` must be there, and not both");
            None
        }
    }
}

fn v1_security(mut table: Table, problems: &mut Problems) -> Option<V1Config> {
    let defaults = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let mut names = |key: &str, default: [&str; 2]| match table.has(key) {
        true => table.texts(key, problems),
        false => defaults(default),
    };
    let (allow, privileged) =
        (names("allow", ALLOWED_NAMES), names("privileged", PRIVILEGED_NAMES));
    let ca = table.required("ca", problems, Table::path);
    table.finish(problems);
    Some(V1Config { ca: ca?, allow, privileged })
}

fn v2_security(mut table: Table, problems: &mut Problems) -> Option<V2Config> {
    let issuers: BTreeMap<_, _> = table.texts_by_name("issuers", problems).into_iter().collect();
    let trusted_signers = table.texts("trusted_signers", problems);
    if issuers.is_empty() && trusted_signers.is_empty() {
        problems.add(table.name("issuers"), "or `trusted_signers` must name a public key");
    }
    let token = table.required("token", problems, Table::path);
    let seed = table.required("seed", problems, Table::path);
    let sign_replies = table.flag("sign_replies", problems).unwrap_or(true);
    table.finish(problems);
    Some(V2Config { issuers, trusted_signers, token: token?, seed: seed?, sign_replies })
}

/// Policies decide unless that is switched off, or there is nothing to protect: agents that only read or pretend.
fn authorization(
    root: &mut Table,
    path: &Path,
    agents: &AgentsConfig,
    problems: &mut Problems,
) -> Authorization {
    let beside = path.parent().unwrap_or(Path::new("")).join("policies");
    let Some(mut table) = root.table("authorization", problems) else {
        return match agents.change_machine() {
            false => Authorization::Off,
            true => Authorization::ActionPolicy {
                folder: beside,
                default: None,
                allow_unconfigured: false,
            },
        };
    };
    let enabled = table.flag("enabled", problems).unwrap_or(true);
    let tokens = table.flag("tokens", problems).unwrap_or(false);
    let policy = Authorization::ActionPolicy {
        folder: table.path("policies", problems).unwrap_or(beside),
        default: table.text("default", problems),
        allow_unconfigured: table.flag("allow_unconfigured", problems).unwrap_or(false),
    };
    table.finish(problems);
    match (enabled, tokens) {
        (false, _) => Authorization::Off,
        (true, true) => Authorization::Token,
        (true, false) => policy,
    }
}

fn registration(
    mut table: Table,
    main_collective: Option<&Collective>,
    problems: &mut Problems,
) -> Option<Registration> {
    let file = table.path("file", problems);
    let inventory = table.flag("inventory", problems).unwrap_or(false);
    let content = match (file, inventory) {
        (Some(file), false) => Some(RegistrationContent::File(file)),
        (None, true) => Some(RegistrationContent::Inventory),
        (Some(_), true) | (None, false) => {
            problems.add(table.name("file"), "or `inventory = true` must be there, and not both");
            None
        }
    };
    let interval = table.duration("interval", problems).unwrap_or(REGISTRATION_INTERVAL);
    let target = table.text("target", problems);
    let compress = table.flag("compress", problems).unwrap_or(true);
    table.finish(problems);
    Some(Registration {
        content: content?,
        interval,
        target,
        collective: main_collective?.clone(),
        compress,
    })
}

fn agents(root: &mut Table, problems: &mut Problems) -> AgentsConfig {
    let mut agents = AgentsConfig::default();
    if let Some(mut table) = root.table("backends", problems) {
        agents.simulated = table.flag("simulated", problems).unwrap_or(false);
        agents.path = table.text("path", problems);
        table.finish(problems);
    }
    if agents.simulated {
        agents.machine = MACHINE_AGENTS.map(str::to_owned).to_vec();
    }
    if let Some(mut table) = root.table("agents", problems) {
        if table.has("machine") {
            agents.machine = table.texts("machine", problems);
        }
        for unknown in agents.machine.iter().filter(|name| !is_machine_agent(name)) {
            problems.add(table.name("machine"), format_args!("{unknown:?} is no agent of ours"));
        }
        agents.puppet_state = table.path("puppet_state", problems);
        agents.shell = table.flag("shell", problems).unwrap_or(false);
        agents.external = table.path("external", problems).into_iter().collect();
        table.finish(problems);
    }
    agents
}

fn is_machine_agent(name: &str) -> bool {
    MACHINE_AGENTS.contains(&name)
}
