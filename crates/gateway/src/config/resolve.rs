//! From the text of a file to a [`Config`], or to everything that is wrong with it.

use std::{collections::BTreeSet, path::Path, str::FromStr, time::Duration};

use antiphon_core::{GatewayId, Limits, Periods, RegionId};
use antiphon_identity::KeyAccess;
use antiphon_wire::{Collective, IdError};

use super::{
    Admin, Config, DRAIN_GRACE_DEFAULT, INTAKE_BYTES_DEFAULT, LOG_FILTER_DEFAULT, Log,
    document::{Document, line_at},
    field::{Field, Period},
    naming, policy,
    problem::{Gathered, Problems},
    raw::{RawConfig, RawExport, RawLimits, RawLink, RawLog, RawLogFormat, RawRecord},
    reader::Reader,
    sections, vault,
};
use crate::record::{self, Record};

pub(super) fn config(file: &Path, text: &str) -> Result<Config, Problems> {
    let (document, errors) = Document::parse(text);
    let mut problems = Gathered::default();
    for error in errors {
        problems.add_at(String::new(), error.line, error.reason);
    }
    let line_of = |key: &str| document.line_of(key);
    if !problems.is_empty() {
        return Err(problems.into_problems(file, line_of));
    }
    let config = read(&document, &mut problems)
        .and_then(|raw| assemble(file, raw, &mut Reader::new(file, &mut problems)));
    match config {
        Some(config) if problems.is_empty() => Ok(config),
        Some(_) | None => Err(problems.into_problems(file, line_of)),
    }
}

/// Takes the text apart; unknown keys and sections that are no tables are reported.
fn read(document: &Document<'_>, problems: &mut Gathered) -> Option<RawConfig> {
    let deserializer = toml::Deserializer::parse(document.text()).ok()?;
    let mut unknown = Vec::new();
    let raw = serde_ignored::deserialize(deserializer, |path| {
        // Optional tables show as `link.tls.?.key`.
        unknown.push(path.to_string().replace(".?", ""));
    });
    for key in unknown {
        problems.add(key, "is unknown");
    }
    raw.map_err(|error: toml::de::Error| {
        let span = error.span().unwrap_or_default();
        let line = line_at(document.text(), span.start);
        problems.add_at(document.key_at(&span), Some(line), error.message());
    })
    .ok()
}

/// Every section is read before any is missed, so that all problems show.
fn assemble(file: &Path, mut raw: RawConfig, reader: &mut Reader<'_>) -> Option<Config> {
    let readable = std::mem::take(&mut raw.identity.readable_keys).or(
        false,
        "identity.readable_keys",
        reader.problems,
    );
    if readable {
        reader.key_access = KeyAccess::Anyone;
    }
    let vault = raw.identity.vault.take();
    if vault.is_some() {
        vault::expect_files(raw.link.tls.as_ref(), reader);
    }
    let wants_vault = vault.is_some();
    let mut vault = vault.and_then(|raw| vault::vault(raw, reader));
    let fabric = reader.required(raw.fabric, "fabric").map(|FabricName(fabric)| fabric);
    let region: Option<RegionId> = reader.required(raw.region, "region");
    let configured: Option<GatewayId> = reader.optional(raw.gateway, "gateway");
    let broker = sections::broker(raw.broker, reader);
    let periods = periods(&mut raw.link, reader.problems);
    let link = sections::link(raw.link, reader);
    let naming = sections::naming(raw.identity.names, raw.identity.common_name, reader);
    let monitors = broker.as_ref().is_some_and(|broker| !broker.monitors.is_empty());
    let hints = sections::hints(raw.hints, monitors, reader);
    let (limits, intake_bytes) = limits(raw.limits, reader.problems);
    let (export, reply_subjects) = export(raw.export, reader);
    let federation = sections::federation(raw.federation, reader);
    let policy = policy::source(raw.policy, reader);
    let http = reader.address(raw.http.listen, "http.listen");
    let transit = raw.transit.allow.or(false, "transit.allow", reader.problems);
    let grace = raw.drain.grace.or(Period(DRAIN_GRACE_DEFAULT), "drain.grace", reader.problems);
    let record = record(raw.record, reader);
    let log = log(raw.log, reader.problems);
    let gateway = match (&fabric, &region, &link) {
        (Some(fabric), Some(region), Some(link)) => {
            let gateway = naming::agree(
                (fabric, region),
                configured,
                &link.tls,
                &naming,
                wants_vault,
                reader.problems,
            );
            if let (Some(vault), Some(gateway)) = (&mut vault, &gateway) {
                vault::name(vault, fabric, region, gateway);
            }
            gateway
        }
        _ => configured,
    };
    let admin: Option<Admin> = sections::admin(raw.admin, gateway.as_ref(), reader);
    Some(Config {
        file: file.into(),
        fabric: fabric?,
        region: region?,
        gateway: gateway?,
        broker: broker?,
        link: link?,
        naming,
        vault,
        transit,
        export,
        reply_subjects,
        federation,
        policy,
        admin: admin?,
        http,
        drain_grace: grace.0,
        intake_bytes,
        hints,
        limits,
        periods,
        record,
        log,
    })
}

/// A fabric's name, which is of the same form as a region's.
struct FabricName(RegionId);

impl FromStr for FabricName {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        text.parse().map(Self).map_err(|error| IdError { kind: "a fabric", ..error })
    }
}

/// Takes the periods out of the section.
fn periods(raw: &mut RawLink, problems: &mut Gathered) -> Periods {
    let default = Periods::default();
    let mut period = |field: &mut Field<Period>, default: Duration, key: &str| {
        std::mem::take(field).or(Period(default), key, problems).0
    };
    let ping = period(&mut raw.ping, default.ping, "link.ping");
    let link_timeout = period(&mut raw.timeout, default.link_timeout, "link.timeout");
    let resume = period(&mut raw.resume, default.resume, "link.resume");
    if link_timeout < 2 * ping {
        problems.add("link.timeout", "must be at least twice link.ping: one lost ping is no loss");
    }
    Periods { ping, link_timeout, resume, ..default }
}

fn limits(raw: RawLimits, problems: &mut Gathered) -> (Limits, u64) {
    /// What identities and headers may add to the weight of a frame, in bytes.
    const FRAME_OVERHEAD_MAX: u64 = 2 << 20;
    let default = Limits::default();
    let mut bytes = |field: Field<u64>, default: u64, key: &str| {
        let value = field.or(default, key, problems);
        if value == 0 {
            problems.add(key, "must be more than zero");
        }
        value
    };
    let frame_bytes_max = bytes(raw.frame_bytes, default.frame_bytes_max, "limits.frame_bytes");
    let queue_bytes_max = bytes(raw.queue_bytes, default.queue_bytes_max, "limits.queue_bytes");
    let retention_bytes_max =
        bytes(raw.retention_bytes, default.retention_bytes_max, "limits.retention_bytes");
    let window_bytes = bytes(raw.window_bytes, default.window_bytes, "limits.window_bytes");
    let intake_bytes = bytes(raw.intake_bytes, INTAKE_BYTES_DEFAULT, "limits.intake_bytes");
    let hops = raw.hops.or(default.hops, "limits.hops", problems);
    let gateways_max = raw.gateways.or(default.gateways_max, "limits.gateways", problems);
    if window_bytes < frame_bytes_max.saturating_add(FRAME_OVERHEAD_MAX) {
        let reason = "must exceed limits.frame_bytes by 2 MiB: the largest frame always fits";
        problems.add("limits.window_bytes", reason);
    }
    if hops == 0 {
        problems.add("limits.hops", "must be more than zero");
    }
    if gateways_max == 0 {
        problems.add("limits.gateways", "must be more than zero");
    }
    let limits = Limits {
        hops,
        frame_bytes_max,
        queue_bytes_max,
        retention_bytes_max,
        window_bytes,
        gateways_max,
        ..default
    };
    (limits, intake_bytes)
}

fn export(raw: RawExport, reader: &mut Reader<'_>) -> (BTreeSet<Collective>, Vec<String>) {
    if raw.collectives.is_absent() {
        reader.problems.add("export.collectives", "is missing");
    }
    let collectives = reader.each(raw.collectives, "export.collectives");
    let reply_subjects =
        raw.reply_subjects.or(Vec::new(), "export.reply_subjects", reader.problems);
    for subject in &reply_subjects {
        if let Err(reason) = sections::check_pattern(subject) {
            reader.problems.add("export.reply_subjects", format_args!("{subject:?} {reason}"));
        }
    }
    (collectives.into_iter().collect(), reply_subjects)
}

fn record(raw: RawRecord, reader: &mut Reader<'_>) -> Option<Record> {
    /// Less holds no more than the beginning.
    const BYTES_MIN: u64 = 1 << 20;
    let bytes_max = raw.bytes_max.or(record::BYTES_DEFAULT, "record.bytes_max", reader.problems);
    if bytes_max < BYTES_MIN {
        reader.problems.add("record.bytes_max", format_args!("must be at least {BYTES_MIN}"));
    }
    let folder = raw.folder.optional("record.folder", reader.problems)?;
    Some(Record { folder: reader.folder.join(folder), bytes_max })
}

fn log(raw: RawLog, problems: &mut Gathered) -> Log {
    let format = raw.format.or(RawLogFormat::Text, "log.format", problems);
    let filter = raw.filter.or(LOG_FILTER_DEFAULT.to_owned(), "log.filter", problems);
    if let Err(error) = tracing_subscriber::EnvFilter::try_new(&filter) {
        problems.add("log.filter", format_args!("{filter:?} is no filter: {error}"));
    }
    Log { json: matches!(format, RawLogFormat::Json), filter }
}
