//! The sections of the file, one function each.

use std::collections::{BTreeMap, BTreeSet};

use antiphon_broker::{Auth, MonitorUrl, ServerUrl};
use antiphon_core::{GatewayId, HintsConfig, RegionId, ServicePolicy};
use antiphon_wire::Cluster;

use super::{
    ADMIN_FOLDER_DEFAULT, Admin, Broker, HINTS_POLL_MIN, Link, Naming, REPLY_SUBJECT_DEFAULT,
    field::{Field, Period},
    naming::with_sources,
    raw::{RawAdmin, RawBroker, RawFederation, RawHints, RawLink, RawPeers, RawServices},
    reader::Reader,
};

/// Longest path of a Unix socket, in bytes (`unix(7)`: 108 with the closing zero).
const SOCKET_PATH_BYTES_MAX: usize = 107;

pub(super) fn broker(raw: RawBroker, reader: &mut Reader<'_>) -> Option<Broker> {
    let servers = raw.servers.required("broker.servers", reader.problems);
    if servers.as_ref().is_some_and(Vec::is_empty) {
        reader.problems.add("broker.servers", "is empty");
    }
    let servers: Vec<ServerUrl> =
        reader.each(Field::Good(servers.unwrap_or_default()), "broker.servers");
    let wants_tls = |server: &ServerUrl| server.to_string().starts_with("tls://");
    if raw.tls.is_none() && servers.iter().any(wants_tls) {
        reader.problems.add("broker.tls", "is missing: a server is named by tls://");
    }
    let monitors: Vec<MonitorUrl> = reader.each(raw.monitors, "broker.monitors");
    if raw.tls.is_none() && monitors.iter().any(MonitorUrl::wants_tls) {
        reader.problems.add("broker.tls", "is missing: a monitor is named by https://");
    }
    let reply_subject = raw.reply_subject.or(
        REPLY_SUBJECT_DEFAULT.to_owned(),
        "broker.reply_subject",
        reader.problems,
    );
    if let Err(reason) = check_template(&reply_subject) {
        reader.problems.add("broker.reply_subject", format_args!("{reply_subject:?} {reason}"));
    }
    let tls = raw.tls.map(|tls| reader.tls(tls, "broker.tls"));
    let auth = reader.auth(
        (raw.user, raw.password_file),
        raw.token_file,
        raw.credentials,
        raw.choria.map(|choria| (choria.token, choria.seed)),
    );
    if let Some(Err(error)) = auth.as_ref().map(Auth::check) {
        reader.problems.add("broker", with_sources(&error));
    }
    let tls = match tls {
        Some(tls) => Some(tls?),
        None => None,
    };
    Some(Broker { servers, tls, auth: auth?, monitors, reply_subject })
}

pub(super) fn link(raw: RawLink, reader: &mut Reader<'_>) -> Option<Link> {
    if raw.listen.is_absent() {
        reader.problems.add("link.listen", "is missing");
    }
    let listen = reader.address(raw.listen, "link.listen");
    let advertise = reader.required(raw.advertise, "link.advertise");
    let seeds = reader.each(raw.seeds, "link.seeds");
    let dial = reader.map(raw.dial, "link.dial");
    let costs = raw.costs.or(BTreeMap::new(), "link.costs", reader.problems);
    let costs = reader.keys(costs, "link.costs");
    let peers = match raw.peers.optional("link.peers", reader.problems) {
        None | Some(RawPeers::All(_)) => None,
        Some(RawPeers::Regions(regions)) => {
            let regions: Vec<RegionId> = reader.each(Field::Good(regions), "link.peers");
            Some(regions.into_iter().collect::<BTreeSet<_>>())
        }
    };
    let tls = match raw.tls {
        Some(tls) => reader.tls(tls, "link.tls"),
        None => {
            reader.problems.add("link.tls", "is missing: links are always authenticated");
            None
        }
    };
    Some(Link { listen: listen?, advertise: advertise?, tls: tls?, seeds, peers, dial, costs })
}

pub(super) fn naming(
    names: Field<BTreeMap<String, Vec<String>>>,
    common_name: Field<bool>,
    reader: &mut Reader<'_>,
) -> Naming {
    let names = names.or(BTreeMap::new(), "identity.names", reader.problems);
    let names = reader.keys(names, "identity.names");
    let common_name = common_name.or(false, "identity.common_name", reader.problems);
    Naming { names, common_name }
}

pub(super) fn federation(
    raw: RawFederation,
    reader: &mut Reader<'_>,
) -> BTreeMap<String, RegionId> {
    let names: BTreeMap<Cluster, RegionId> = reader.map(raw.names, "federation.names");
    names.into_iter().map(|(name, region)| (name.to_string(), region)).collect()
}

pub(super) fn admin(
    raw: RawAdmin,
    gateway: Option<&GatewayId>,
    reader: &mut Reader<'_>,
) -> Option<Admin> {
    let listen = raw.listen.optional("admin.listen", reader.problems);
    let tls = raw.tls.map(|tls| reader.tls(tls, "admin.tls"));
    let allow = raw.allow.or(Vec::new(), "admin.allow", reader.problems);
    let listen = match listen {
        Some(listen) => listen,
        None => format!("unix:{ADMIN_FOLDER_DEFAULT}/{}.sock", gateway?),
    };
    if let Some(path) = listen.strip_prefix("unix:") {
        let path = reader.folder.join(path);
        if path.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            reader.problems.add("admin.listen", "is longer than the 107 bytes of a socket's path");
        }
        return Some(Admin::Unix { path });
    }
    if tls.is_none() {
        reader.problems.add("admin.tls", "is missing: an admin address on TCP needs certificates");
    }
    if allow.is_empty() {
        let reason = "is missing: the names of the certificates that may administer over TCP";
        reader.problems.add("admin.allow", reason);
    }
    let allow = allow.into_iter().collect();
    let listen = reader.address(Field::Good(listen), "admin.listen");
    Some(Admin::Tcp { listen: listen?, tls: tls.flatten()?, allow })
}

pub(super) fn hints(raw: RawHints, monitors: bool, reader: &mut Reader<'_>) -> HintsConfig {
    let default = HintsConfig::default();
    let poll = raw.poll.or(Period(default.poll), "hints.poll", reader.problems).0;
    if poll < HINTS_POLL_MIN {
        reader.problems.add("hints.poll", "must be at least a second");
    }
    let lifecycle = raw.lifecycle.or(default.lifecycle, "hints.lifecycle", reader.problems);
    let identities = reader.each(raw.identities, "hints.identities").into_iter().collect();
    let services = match raw.services.or(RawServices::Ask, "hints.services", reader.problems) {
        RawServices::Ask => ServicePolicy::Ask,
        RawServices::Never => ServicePolicy::Never,
        RawServices::Always => ServicePolicy::Always,
    };
    HintsConfig { monitors, poll, lifecycle, identities, services }
}

/// Whether a text is a subject with `{region}` and `{collective}` in place of tokens.
fn check_template(template: &str) -> Result<(), &'static str> {
    let example = template.replace("{region}", "r").replace("{collective}", "c");
    if example.contains(['{', '}']) {
        return Err("may hold {region} and {collective}, no other braces");
    }
    if example.contains(['*', '>']) {
        return Err("must not hold wildcards");
    }
    check_pattern(&example)
}

/// Whether a text is a NATS subject, wildcards allowed.
pub(super) fn check_pattern(subject: &str) -> Result<(), &'static str> {
    let mut tokens = subject.split('.').peekable();
    while let Some(token) = tokens.next() {
        let wild = token == "*" || (token == ">" && tokens.peek().is_none());
        let plain = !token.is_empty()
            && !token
                .contains(|c: char| c.is_whitespace() || c.is_control() || c == '*' || c == '>');
        if !(wild || plain) {
            return Err("is no NATS subject: tokens between dots, * for one, > for the rest");
        }
    }
    Ok(())
}
