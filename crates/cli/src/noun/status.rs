//! `antiphon status`: one gateway in about ten lines, and a verdict.

use std::time::Duration;

use antiphon_core::{BrokerView, Snapshot, Tally};
use antiphon_gateway::shell::{Daemon, EnrolmentFacts, Report};
use serde_json::{Map, Value, json};

use super::{
    certificates, drops,
    finding::{Finding, Severity, findings},
    links, millis,
};
use crate::{
    human,
    table::{Cell, Column, Table, Tone},
    view::View,
};

/// One line a subject; last the verdict, which takes more where there is more to say.
#[must_use]
pub fn rows(report: &Report) -> Table {
    let Report { core, daemon, .. } = report;
    let mut pairs: Vec<(&str, Cell)> = vec![
        (
            "gateway",
            format!("{} of region {}, fabric {}", core.gateway, core.region, core.fabric).into(),
        ),
        ("state", state(core).into()),
        ("version", version(daemon).into()),
        ("broker", broker(&core.broker, daemon)),
        ("links", links_line(core)),
        ("regions", regions_line(core)),
        ("waiting", waiting(core).into()),
    ];
    let certificates = certificates::lines(report).into_iter();
    pairs.extend(certificates.map(|line| ("certificate", Cell::from(line))));
    pairs.extend(daemon.enrolment.as_ref().map(|one| ("renewal", renewal(one, report.at))));
    pairs.extend([("messages", messages(core).into()), ("drops", drops_line(report).into())]);
    pairs.extend(refused(daemon).map(|line| ("refused", line)));
    pairs.extend(verdict(&findings(report)));
    Table::pairs(pairs)
}

/// One row a gateway, for all of them.
#[must_use]
pub fn summary(view: &View) -> Table {
    let columns = vec![
        Column::words("GATEWAY"),
        Column::words("REGION"),
        Column::words("STATE"),
        Column::words("BROKER"),
        Column::numbers("LINKS"),
        Column::numbers("REGIONS"),
        Column::numbers("DROPS"),
        Column::words("VERDICT"),
        Column::numbers("UP").if_wide(),
        Column::numbers("CERTIFICATE").if_wide(),
        Column::words("VERSION").if_wide(),
    ];
    let mut table = Table::new(columns);
    table.rows = view.reports.iter().map(summary_row).collect();
    table.rows.extend(view.silent.iter().map(|one| {
        let mut row = vec![one.gateway.as_str().into(), one.region.as_str().into()];
        row.push(Cell::from("silent").tone(Tone::Problem));
        row.extend(["-", "-", "-", "-"].map(Cell::from));
        row.push(Cell::from(one.reason.as_str()).tone(Tone::Problem));
        row.extend(["-", "-", "-"].map(Cell::from));
        row
    }));
    table
}

fn summary_row(report: &Report) -> Vec<Cell> {
    let Report { core, daemon, .. } = report;
    let findings = findings(report);
    let verdict = match findings.split_first() {
        None => Cell::from("good").tone(Tone::Good),
        Some((worst, [])) => finding_cell(worst),
        Some((worst, more)) => {
            let cell = finding_cell(worst);
            Cell { text: format!("{} (and {} more)", cell.text, more.len()), ..cell }
        }
    };
    let left = daemon.certificate.not_after.saturating_sub(report.at);
    let broker = if core.broker.up { ("up", Tone::Good) } else { ("away", Tone::Problem) };
    vec![
        core.gateway.as_str().into(),
        core.region.as_str().into(),
        core.state.label().into(),
        Cell::from(broker.0).tone(broker.1),
        counted(links_line(core)),
        counted(regions_line(core)),
        drops::recent(report).count.into(),
        verdict,
        Cell::measure(human::span(daemon.uptime), millis(daemon.uptime)),
        Cell::measure(human::days(left), millis(left)),
        daemon.version.as_str().into(),
    ]
}

/// `3 of 5 up` as `3/5`.
fn counted(cell: Cell) -> Cell {
    let mut words = cell.text.split(' ');
    let (part, whole) = (words.next().unwrap_or_default(), words.nth(1).unwrap_or_default());
    Cell { text: format!("{part}/{whole}"), ..cell }
}

fn state(core: &Snapshot) -> String {
    let joined = if core.joined { "takes messages" } else { "takes no messages" };
    format!("{}, {joined}", core.state.label())
}

fn version(daemon: &Daemon) -> String {
    format!("{}, up {}, process {}", daemon.version, human::span(daemon.uptime), daemon.pid)
}

fn broker(broker: &BrokerView, daemon: &Daemon) -> Cell {
    let since = human::span(broker.since);
    if !broker.up {
        return Cell::from(format!("away for {since}")).tone(Tone::Problem);
    }
    let lost = match daemon.broker.lost {
        0 => String::new(),
        lost => format!(", {} lost by reading too slowly", human::count(lost, "message")),
    };
    let text = format!("up {since}, {}, nats-server {}{lost}", broker.url, broker.version);
    Cell::from(text).tone(Tone::Good)
}

fn links_line(core: &Snapshot) -> Cell {
    let up = core.links.iter().filter(|link| links::is_up(link)).count();
    part_of(up, core.links.len(), "up")
}

fn regions_line(core: &Snapshot) -> Cell {
    let others: Vec<_> = core.regions.iter().filter(|region| !region.ours).collect();
    let reached = others.iter().filter(|region| region.route.is_some()).count();
    part_of(reached, others.len(), "others within reach")
}

fn part_of(part: usize, whole: usize, what: &str) -> Cell {
    let tone = if part < whole { Tone::Problem } else { Tone::Plain };
    Cell::from(format!("{part} of {whole} {what}")).tone(tone)
}

fn waiting(core: &Snapshot) -> String {
    let full = core.queues.iter().filter(|queue| queue.bytes > 0);
    let queues: Vec<String> =
        full.map(|queue| format!("{} for {}", human::bytes(queue.bytes), queue.region)).collect();
    if queues.is_empty() { "nothing".to_owned() } else { queues.join(", ") }
}

fn renewal(enrolment: &EnrolmentFacts, at: Duration) -> Cell {
    let EnrolmentFacts { by, next, failures, trouble, .. } = enrolment;
    let next = next.map(|next| human::span(next.saturating_sub(at))).unwrap_or_default();
    match trouble {
        None => format!("by {by}, in {next}").into(),
        Some(trouble) => {
            let failed = human::count(u64::from(*failures), "attempt");
            let text = format!("by {by}: {}, {failed} failed, next in {next}", trouble.kind);
            Cell::from(text).tone(Tone::Warning)
        }
    }
}

fn messages(core: &Snapshot) -> String {
    let Account { created, delivered, dropped, in_doubt, pending } = Account::of(core);
    format!(
        "{created} sent, {delivered} delivered, {dropped} dropped, {in_doubt} in doubt, \
         {pending} pending"
    )
}

fn drops_line(report: &Report) -> String {
    let recent = drops::recent(report);
    let total: u64 = report.core.drops.iter().map(|view| view.count).sum();
    format!("{} in the last minute, {total} since the start", recent.count)
}

/// Who was turned away for what, since the start; nothing if nobody was.
fn refused(daemon: &Daemon) -> Option<Cell> {
    let kinds = daemon.refusals.values().flatten();
    let words: Vec<String> = kinds.map(|(kind, count)| format!("{count} {kind}")).collect();
    (!words.is_empty()).then(|| Cell::from(words.join(", ")).tone(Tone::Warning))
}

/// `good`, or each finding on a line of its own, the worst first.
fn verdict(findings: &[Finding]) -> Vec<(&'static str, Cell)> {
    if findings.is_empty() {
        return vec![("verdict", Cell::from("good").tone(Tone::Good))];
    }
    let heads = std::iter::once("verdict").chain(std::iter::repeat(""));
    heads.zip(findings.iter().map(finding_cell)).collect()
}

fn finding_cell(finding: &Finding) -> Cell {
    let (word, tone) = match finding.severity {
        Severity::Problem => ("problem", Tone::Problem),
        Severity::Warning => ("warning", Tone::Warning),
    };
    Cell::from(format!("{word}: {}", finding.text)).tone(tone)
}

/// The accounts of every destination together.
#[derive(Debug, Default)]
struct Account {
    created: u64,
    delivered: u64,
    dropped: u64,
    in_doubt: u64,
    pending: u64,
}

impl Account {
    fn of(core: &Snapshot) -> Self {
        core.tallies.iter().fold(Self::default(), |sum, view| {
            let Tally { created, delivered, dropped, in_doubt } = &view.tally;
            Self {
                created: sum.created + created,
                delivered: sum.delivered + delivered,
                dropped: sum.dropped + dropped.values().sum::<u64>(),
                in_doubt: sum.in_doubt + in_doubt,
                pending: sum.pending + view.pending,
            }
        })
    }
}

/// The same for programs.
#[must_use]
pub fn json(report: &Report) -> Map<String, Value> {
    let Report { core, daemon, .. } = report;
    let mut fields = Map::new();
    let mut put = |key: &str, value| fields.insert(key.to_owned(), value);
    put("state", json!(core.state.label()));
    put("joined", json!(core.joined));
    put("incarnation", json!(core.incarnation));
    put("version", json!(daemon.version));
    put("pid", json!(daemon.pid));
    put("uptime_ms", json!(millis(daemon.uptime)));
    put("config", json!(daemon.config));
    put("endpoint", json!(daemon.endpoint));
    put("broker", broker_value(&core.broker, daemon));
    put(
        "links",
        json!({
            "up": core.links.iter().filter(|link| links::is_up(link)).count(),
            "known": core.links.len(),
        }),
    );
    put("queues", queues_value(core));
    put("certificate", certificate_value(report));
    put("enrolment", enrolment_value(report));
    put("certificates", certificates::value(report));
    put("messages", messages_value(core));
    put("drops", drops_value(report));
    put("refusals", json!(daemon.refusals));
    put("findings", json!(findings(report)));
    fields
}

fn broker_value(broker: &BrokerView, daemon: &Daemon) -> Value {
    json!({
        "up": broker.up,
        "since_ms": millis(broker.since),
        "url": broker.url,
        "name": broker.name,
        "version": broker.version,
        "max_payload_bytes": broker.max_payload,
        "unconfirmed": broker.unconfirmed,
        "received": daemon.broker.received,
        "received_bytes": daemon.broker.received_bytes,
        "published": daemon.broker.published,
        "published_bytes": daemon.broker.published_bytes,
        "connects": daemon.broker.connects,
        "lagged": daemon.broker.lagged,
        "lost": daemon.broker.lost,
    })
}

fn queues_value(core: &Snapshot) -> Value {
    let queue = |(region, bytes)| json!({ "region": region, "queued_bytes": bytes });
    core.queues.iter().map(|view| (&view.region, view.bytes)).map(queue).collect()
}

fn certificate_value(report: &Report) -> Value {
    let certificate = &report.daemon.certificate;
    json!({
        "not_after": certificate.not_after_date,
        "left_ms": millis(certificate.not_after.saturating_sub(report.at)),
        "fingerprint": certificate.fingerprint,
    })
}

/// Null where others see to the certificate.
fn enrolment_value(report: &Report) -> Value {
    let Some(enrolment) = &report.daemon.enrolment else { return Value::Null };
    let trouble = enrolment.trouble.as_ref().map(|trouble| {
        json!({
            "kind": trouble.kind,
            "text": trouble.text,
            "since_ms": millis(report.at.saturating_sub(trouble.since)),
        })
    });
    json!({
        "by": enrolment.by,
        "renewals": enrolment.renewals,
        "next_ms": enrolment.next.map(|next| millis(next.saturating_sub(report.at))),
        "failures": enrolment.failures,
        "trouble": trouble,
    })
}

fn messages_value(core: &Snapshot) -> Value {
    let Account { created, delivered, dropped, in_doubt, pending } = Account::of(core);
    json!({
        "created": created,
        "delivered": delivered,
        "dropped": dropped,
        "in_doubt": in_doubt,
        "pending": pending,
    })
}

fn drops_value(report: &Report) -> Value {
    let recent = drops::recent(report);
    json!({
        "last_minute": recent.count,
        "total": report.core.drops.iter().map(|view| view.count).sum::<u64>(),
    })
}
