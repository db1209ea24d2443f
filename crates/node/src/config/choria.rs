//! Choria's own format: the `server.conf` of an existing node, with its `plugin.d` folder.
//!
//! `key = value` lines, `#` comments, no sections. Keys that this node has no use for are kept for
//! `rpcutil#get_config_item` and otherwise ignored, as an existing file has many.

mod keys;
mod security;

use std::path::{Path, PathBuf};
use std::time::Duration;

use antiphon_broker::{Auth, Secret, ServerUrl, Srv};
use antiphon_wire::{Collective, Identity};

use super::file::MACHINE_AGENTS;
use super::{
    AgentsConfig, Authorization, BrokerConfig, ConfigError, NodeConfig, Problems,
    REGISTRATION_INTERVAL, Registration, RegistrationContent, STATUS_INTERVAL,
};
use keys::Keys;

/// Where Puppet lists the classes of a machine.
const PUPPET_CLASSES: &str = "/opt/puppetlabs/puppet/cache/state/classes.txt";

/// The broker of a file that names none, as in Choria.
const DEFAULT_BROKER: &str = "puppet:4222";

/// Reads a `server.conf`.
pub(super) fn load(path: &Path) -> Result<NodeConfig, ConfigError> {
    let mut problems = Problems::of(path);
    let keys = problems.keep("", Keys::read(path));
    let config = keys.and_then(|keys| read(&keys, path, &mut problems));
    problems.finish(config)
}

fn read(keys: &Keys, path: &Path, problems: &mut Problems) -> Option<NodeConfig> {
    let identity = identity(keys, problems);
    let collectives = collectives(keys, problems);
    let main_collective = match keys.text("main_collective") {
        Some(name) => problems.keep("main_collective", Collective::try_from(name)),
        None => collectives.first().cloned(),
    };
    if let Some(main) = main_collective.as_ref().filter(|main| !collectives.contains(main)) {
        problems.add("main_collective", format_args!("{main} is not one of `collectives`"));
    }
    let name = identity.as_ref().map_or("", Identity::as_str);
    let tls = security::tls(keys, name, problems);
    let security = security::security(keys, tls.as_ref(), problems);
    let (servers, srv) = servers(keys, problems);
    let registration = registration(keys, main_collective.as_ref(), problems);
    let agents = agents(keys, problems);
    let authorization = authorization(keys, path, problems);
    let audit_file = audit_file(keys, problems);
    let status_interval =
        keys.seconds("plugin.choria.status_update_interval", STATUS_INTERVAL, problems);
    let config = NodeConfig {
        source: path.to_owned(),
        identity: identity?,
        main_collective: main_collective?,
        collectives,
        broker: BrokerConfig { servers, srv, auth: auth(keys), tls: Some(tls?) },
        security: security?,
        status_file: keys.path("plugin.choria.status_file_path"),
        status_interval,
        facts_files: facts_files(keys),
        classes_file: keys.path("classesfile").or_else(|| Some(PathBuf::from(PUPPET_CLASSES))),
        authorization,
        audit_file,
        registration,
        agents,
        items: keys.items(),
    };
    Some(config.with_token_login().with_items())
}

fn identity(keys: &Keys, problems: &mut Problems) -> Option<Identity> {
    let host_name = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = keys.text("identity").map(str::to_owned).or_else(host_name).unwrap_or_default();
    problems.keep("identity", Identity::try_from(name.trim()))
}

fn collectives(keys: &Keys, problems: &mut Problems) -> Vec<Collective> {
    let mut names = keys.list("collectives");
    if names.is_empty() {
        names.push(if security::is_v2(keys) { "choria" } else { "mcollective" });
    }
    let made = names.into_iter().map(Collective::try_from);
    made.filter_map(|made| problems.keep("collectives", made)).collect()
}

/// The brokers that are named; if none are, where DNS names them, and Choria's default for when it does not.
fn servers(keys: &Keys, problems: &mut Problems) -> (Vec<ServerUrl>, Option<Srv>) {
    const KEY: &str = "plugin.choria.middleware_hosts";
    let use_srv = keys.flag("plugin.choria.use_srv", true, problems);
    let mut hosts = keys.list(KEY);
    let srv = (hosts.is_empty() && use_srv).then(|| Srv::brokers(srv_domain(keys)));
    if hosts.is_empty() {
        hosts.push(DEFAULT_BROKER);
    }
    let servers = hosts.into_iter().map(str::parse::<ServerUrl>);
    (servers.filter_map(|server| problems.keep(KEY, server)).collect(), srv)
}

/// As in Choria, the environment wins.
fn srv_domain(keys: &Keys) -> Option<String> {
    let variable = std::env::var("CHORIA_SRV_DOMAIN").ok().filter(|domain| !domain.is_empty());
    variable.or_else(|| keys.text("plugin.choria.srv_domain").map(str::to_owned))
}

/// Plain NATS credentials, from the file or, as in Choria, from the environment.
fn auth(keys: &Keys) -> Auth {
    let value = |name: &str| {
        let variable = std::env::var(format!("MCOLLECTIVE_NATS_{}", name.to_uppercase()));
        variable.ok().or_else(|| keys.text(&format!("plugin.nats.{name}")).map(str::to_owned))
    };
    let user = value("username").or_else(|| value("user"));
    let password = value("password").or_else(|| value("pass"));
    match (value("credentials"), user, password) {
        (Some(file), ..) => {
            Auth::Credentials { credentials: Secret::File(keys::expand_home(&file)) }
        }
        (None, Some(user), Some(password)) => {
            Auth::Password { user, password: Secret::Text(password) }
        }
        (None, ..) => Auth::Anonymous,
    }
}

/// `plugin.yaml` may name several files, separated as in `PATH`.
fn facts_files(keys: &Keys) -> Vec<PathBuf> {
    let files = keys.text("plugin.yaml").unwrap_or_default().split(':');
    files.filter(|file| !file.is_empty()).map(keys::expand_home).collect()
}

fn authorization(keys: &Keys, path: &Path, problems: &mut Problems) -> Authorization {
    if !keys.flag("rpcauthorization", true, problems) {
        return Authorization::Off;
    }
    let provider = keys.text("rpcauthprovider").unwrap_or("action_policy");
    if provider == "aaasvc" {
        return Authorization::Token;
    }
    if provider != "action_policy" {
        problems.add("rpcauthprovider", "must be action_policy or aaasvc");
    }
    let default = keys
        .flag("plugin.actionpolicy.enable_default", false, problems)
        .then(|| keys.text("plugin.actionpolicy.default_name").unwrap_or("default").to_owned());
    Authorization::ActionPolicy {
        folder: path.parent().unwrap_or(Path::new("")).join("policies"),
        default,
        allow_unconfigured: keys.flag("plugin.actionpolicy.allow_unconfigured", false, problems),
    }
}

fn audit_file(keys: &Keys, problems: &mut Problems) -> Option<PathBuf> {
    const KEY: &str = "plugin.rpcaudit.logfile";
    if !keys.flag("rpcaudit", false, problems) {
        return None;
    }
    let file = keys.path(KEY);
    if file.is_none() {
        problems.add(KEY, "is missing, and `rpcaudit` is on");
    }
    file
}

fn registration(
    keys: &Keys,
    main_collective: Option<&Collective>,
    problems: &mut Problems,
) -> Option<Registration> {
    let kind = *keys.list("registration").first()?;
    let key = |name: &str| format!("plugin.choria.registration.{kind}.{name}");
    let content = match kind {
        "file_content" => match keys.path(&key("data")) {
            Some(file) => Some(RegistrationContent::File(file)),
            None => {
                problems.add(key("data"), "is missing");
                None
            }
        },
        "inventory_content" => Some(RegistrationContent::Inventory),
        other => {
            problems.add("registration", format_args!("{other:?} is not known here"));
            None
        }
    };
    let collective = match keys.text("registration_collective") {
        Some(name) => problems.keep("registration_collective", Collective::try_from(name)),
        None => main_collective.cloned(),
    };
    Some(Registration {
        interval: keys.seconds("registerinterval", REGISTRATION_INTERVAL, problems),
        target: keys.text(&key("target")).map(str::to_owned),
        compress: keys.flag(&key("compression"), true, problems),
        content: content?,
        collective: collective?,
    })
}

/// External agents lie in Choria's folders; our own that change the machine are asked for with keys of our own.
fn agents(keys: &Keys, problems: &mut Problems) -> AgentsConfig {
    const MACHINE: &str = "plugin.antiphon.agents";
    let machine: Vec<String> = keys.list(MACHINE).into_iter().map(str::to_owned).collect();
    for name in machine.iter().filter(|name| !MACHINE_AGENTS.contains(&name.as_str())) {
        problems.add(MACHINE, format_args!("{name:?} is no agent of ours"));
    }
    let folders = keys.text("plugin.choria.agent_provider.mcorpc.libdir").unwrap_or_default();
    let folders = folders.split([':', ',']).map(str::trim).filter(|folder| !folder.is_empty());
    AgentsConfig {
        machine,
        path: keys.text("plugin.antiphon.path").map(str::to_owned),
        puppet_state: keys.path("plugin.antiphon.puppet_state"),
        simulated: keys.flag("plugin.antiphon.simulated", false, problems),
        shell: keys.flag("plugin.antiphon.shell", false, problems),
        external: folders.map(|f| keys::expand_home(f).join("mcollective/agent")).collect(),
    }
}

/// A number of seconds, at least one.
fn whole_seconds(text: &str) -> Option<Duration> {
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0)?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
