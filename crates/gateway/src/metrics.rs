//! Metrics in the OpenMetrics text format, made from a [`Report`] at each scrape: what is counted is
//! counted once, by whoever does it.
//!
//! Labels are bounded: regions and gateways by the fabric, collectives by the export list, reasons
//! and kinds by closed lists of ours.

mod certificates;
mod resources;
mod sheet;
mod trouble;

use std::collections::BTreeMap;

use antiphon_core::{DropReason, GatewayState, UnitKind};
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};

use self::sheet::{Row, Sheet};
use crate::shell::{Connection, Report};

/// What is observed between scrapes.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// How long the broker takes to confirm, in seconds.
    pub(crate) barrier: Histogram,
}

impl Metrics {
    /// Barriers from half a millisecond to sixteen seconds.
    pub(crate) fn new() -> Self {
        Self { barrier: Histogram::new(exponential_buckets(0.0005, 2.0, 16)) }
    }

    /// The whole page.
    pub(crate) fn text(&self, report: &Report) -> String {
        let mut sheet = Sheet::new();
        process(&mut sheet, report);
        broker(&mut sheet, report);
        sheet.histogram(
            "broker_barrier_seconds",
            "Time from a question to the broker until everything before it was confirmed",
            self.barrier.clone(),
        );
        links(&mut sheet, report);
        traffic(&mut sheet, report);
        fabric(&mut sheet, report);
        units(&mut sheet, report);
        drops(&mut sheet, report);
        gossip(&mut sheet, report);
        certificates::show(&mut sheet, report);
        trouble::show(&mut sheet, report);
        resources::show(&mut sheet, report);
        sheet.text()
    }
}

fn process(sheet: &mut Sheet, report: &Report) {
    let (daemon, core) = (&report.daemon, &report.core);
    let about = [
        ("version", daemon.version.clone()),
        ("fabric", core.fabric.to_string()),
        ("region", core.region.to_string()),
        ("gateway", core.gateway.to_string()),
        ("incarnation", core.incarnation.to_string()),
    ];
    sheet.gauge("info", "What this gateway is", [Row::new(about, 1.0)]);
    let started = report.at.saturating_sub(daemon.uptime).as_secs_f64();
    sheet.single("start_time_seconds", "When it started, since 1970", started);
    sheet.single("joined", "Whether it is in the region's queue groups", flag(core.joined));
    let states =
        [GatewayState::Starting, GatewayState::Active, GatewayState::Draining, GatewayState::Left];
    let states =
        states.map(|state| Row::new([("state", state.label().into())], flag(core.state == state)));
    sheet.gauge("state", "Where it is in its life", states);
}

fn broker(sheet: &mut Sheet, report: &Report) {
    let (view, counts) = (&report.core.broker, report.daemon.broker);
    sheet.single("broker_up", "Whether the broker connection stands", flag(view.up));
    let unconfirmed = view.unconfirmed as f64;
    sheet.single("broker_unconfirmed_messages", "Published, not confirmed yet", unconfirmed);
    let intake = counts.intake_bytes as f64;
    sheet.single("broker_intake_bytes", "Received, and still being worked on", intake);
    for (name, help, count) in [
        ("broker_received_messages", "Messages received", counts.received),
        ("broker_received_bytes", "Their bytes", counts.received_bytes),
        ("broker_published_messages", "Messages published", counts.published),
        ("broker_published_bytes", "Their bytes", counts.published_bytes),
        ("broker_intake_stops", "Times that reading stopped for lack of room", counts.intake_stops),
        ("broker_connects", "Times that the broker connection came up", counts.connects),
        ("broker_connect_failures", "Attempts to connect that failed", counts.connect_failures),
        ("broker_lagged", "Times that the broker cut us off for reading too slowly", counts.lagged),
        ("broker_lost_messages", "Messages known to be lost by that", counts.lost),
        ("broker_overflows", "Orders to the broker that could not be taken", counts.overflows),
    ] {
        sheet.total(name, help, count);
    }
}

fn links(sheet: &mut Sheet, report: &Report) {
    let links = || {
        report.core.links.iter().map(|link| {
            (link, [("gateway", link.gateway.to_string()), ("region", link.region.to_string())])
        })
    };
    let gauge = |sheet: &mut Sheet, name, help, value: fn(&antiphon_core::LinkView) -> f64| {
        sheet.gauge(name, help, links().map(|(link, labels)| Row::new(labels, value(link))));
    };
    gauge(sheet, "link_up", "Whether the link stands", |link| flag(link.state == "up"));
    gauge(sheet, "link_cost", "Its cost in our adverts", |link| link.cost.into());
    gauge(sheet, "link_credit_bytes", "What may be sent before the peer grants more", |link| {
        link.credit as f64
    });
    gauge(sheet, "link_queue_bytes", "What waits for it", |link| link.queued as f64);
    gauge(sheet, "link_unacknowledged_bytes", "Sent, not acknowledged yet", |link| {
        link.unacknowledged as f64
    });
    gauge(sheet, "link_suppressed", "Whether it flaps so much that it is a last resort", |link| {
        flag(link.suppressed)
    });
    gauge(sheet, "link_held_down", "Whether an operator ordered that it is not used", |link| {
        flag(link.held_down)
    });
    let trips = links()
        .filter_map(|(link, labels)| link.rtt.map(|rtt| Row::new(labels, rtt.as_secs_f64())));
    sheet.gauge("link_rtt_seconds", "Smoothed round trip", trips);
    let again = links().map(|(link, labels)| Row::new(labels, link.retransmissions));
    sheet.counter("link_retransmissions", "Frames sent again after a connection came back", again);
    let frames =
        links().flat_map(|(link, labels)| directions(&labels, link.frames_in, link.frames_out));
    sheet.counter("link_frames", "Frames over links", frames);
    let overflows = report.daemon.link_overflows;
    sheet.total("link_overflows", "Orders to links that could not be taken", overflows);
}

fn traffic(sheet: &mut Sheet, report: &Report) {
    let rows = report.daemon.links.iter().flat_map(|link| {
        let both = [("control", link.control), ("data", link.data)];
        both.into_iter().flat_map(|(name, Connection { bytes_in, bytes_out, .. })| {
            let labels = [
                ("gateway", link.gateway.to_string()),
                ("region", link.region.to_string()),
                ("connection", name.to_owned()),
            ];
            directions(&labels, bytes_in, bytes_out)
        })
    });
    sheet.counter("link_bytes", "Bytes over the connections that stand, TLS included", rows);
}

fn fabric(sheet: &mut Sheet, report: &Report) {
    let core = &report.core;
    let known = core.gateways.len() as f64;
    sheet.single("gateways_known", "Gateways that we know of, ourselves included", known);
    let regions = core.regions.iter().filter(|region| !region.ours);
    let reach = regions.map(|region| {
        Row::new([("region", region.region.to_string())], flag(region.route.is_some()))
    });
    sheet.gauge("region_reachable", "Whether there is a route to the region", reach);
    // Regions for which nothing waits are shown too: a row that comes and goes is hard to watch.
    let others = core.regions.iter().filter(|region| !region.ours);
    let mut queues: BTreeMap<_, _> = others.map(|region| (&region.region, 0.0)).collect();
    queues.extend(core.queues.iter().map(|one| (&one.region, one.bytes as f64)));
    let queues = queues.into_iter();
    let queues = queues.map(|(region, bytes)| Row::new([("region", region.to_string())], bytes));
    sheet.gauge("queue_bytes", "What waits for the region", queues);
    sheet.total("route_changes", "Changes of the routing table", core.table_version);
}

fn units(sheet: &mut Sheet, report: &Report) {
    let from = report.core.region.to_string();
    let tallies = || {
        report.core.tallies.iter().map(|view| {
            let kind = match view.key.kind {
                UnitKind::Request => "request",
                UnitKind::Reply => "reply",
            };
            let collective = view.key.collective.as_ref().map(ToString::to_string);
            let labels = [
                ("from", from.clone()),
                ("to", view.key.to.to_string()),
                ("kind", kind.to_owned()),
                ("collective", collective.unwrap_or_default()),
            ];
            (view, labels)
        })
    };
    let created = tallies().map(|(view, labels)| Row::new(labels, view.tally.created));
    sheet.counter("units_created", "Messages routed to a region", created);
    let delivered = tallies().map(|(view, labels)| Row::new(labels, view.tally.delivered));
    sheet.counter("units_delivered", "Of those: published there and confirmed", delivered);
    let dropped = tallies().flat_map(|(view, labels)| {
        view.tally.dropped.iter().map(move |(reason, count)| {
            let reason = [("reason", reason.label().to_owned())];
            Row::new(labels.clone().into_iter().chain(reason), *count)
        })
    });
    sheet.counter("units_dropped", "Of those: went no further", dropped);
    // A late receipt moves a unit out of doubt, so this is no counter.
    let doubt = tallies().map(|(view, labels)| Row::new(labels, view.tally.in_doubt as f64));
    sheet.gauge("units_in_doubt", "Of those: nobody can know", doubt);
    let pending = tallies().map(|(view, labels)| Row::new(labels, view.pending as f64));
    sheet.gauge("units_pending", "Of those: their end is not known yet", pending);
}

fn drops(sheet: &mut Sheet, report: &Report) {
    let row = |reason: DropReason, to: String, count| {
        Row::new([("reason", reason.label().to_owned()), ("to", to)], count)
    };
    let rows = report.core.drops.iter().map(|drop| {
        let to = drop.to.as_ref().map(ToString::to_string).unwrap_or_default();
        row(drop.reason, to, drop.count)
    });
    // A counter that is not there before its first count hides that count from every rate.
    let none = DropReason::ALL.iter().map(|reason| row(*reason, String::new(), 0));
    let help = "Messages that went no further at this gateway";
    sheet.counter("drops", help, none.chain(rows));
    let ignored = [("marked", report.core.marked), ("foreign", report.core.foreign)];
    let ignored = ignored.map(|(why, count)| Row::new([("why", why.to_owned())], count));
    sheet.counter("ignored", "Messages that were none of ours; nothing is lost", ignored);
}

fn gossip(sheet: &mut Sheet, report: &Report) {
    let gossip = report.daemon.gossip;
    let members = gossip.members as f64;
    sheet.single("gossip_members", "Members whose record verified", members);
    let outcomes = [
        ("sent", gossip.sent),
        ("unsent", gossip.unsent),
        ("received", gossip.received),
        ("discarded", gossip.discarded),
    ];
    let outcomes = outcomes.map(|(what, count)| Row::new([("outcome", what.to_owned())], count));
    sheet.counter("gossip_messages", "Gossip messages", outcomes);
    sheet.total("gossip_restarts", "Times that gossip was started anew", gossip.restarts);
}

fn directions<const N: usize>(
    labels: &[(&'static str, String); N],
    bytes_in: u64,
    bytes_out: u64,
) -> [Row<u64>; 2] {
    [("in", bytes_in), ("out", bytes_out)].map(|(direction, count)| {
        let direction = [("direction", direction.to_owned())];
        Row::new(labels.clone().into_iter().chain(direction), count)
    })
}

fn flag(on: bool) -> f64 {
    f64::from(u8::from(on))
}

#[cfg(test)]
mod tests;
