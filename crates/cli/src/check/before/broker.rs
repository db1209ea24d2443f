//! The broker.

use std::time::Duration;

use antiphon_gateway::preflight::Preflight;

use super::{Before, when_good};
use crate::{
    check::{Check, Finding, Outcome, Test, facts::ServerFacts},
    human,
};

/// What a request may need: a script for the shell agent, a catalogue of facts.
const MAX_PAYLOAD_MIN: u64 = 1 << 20;
/// nats-server's default, 64 MB: some 60,000 replies of 1 kB.
const MAX_PENDING_MIN: u64 = 64 << 20;
/// A frozen gateway keeps its share of the queue group for two of them.
const PING_INTERVAL_MAX: Duration = Duration::from_secs(30);

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "PRE-014",
        title: "The broker lets the gateway in",
        meaning: "No server in [broker] servers takes the connection: it does not answer, its \
                  certificate is not accepted, or it refuses ours or what we log in with.",
        next: "[broker] servers, tls, user and so on; the broker's log",
        test: Test::Before(lets_in),
    },
    Check {
        code: "PRE-015",
        title: "The broker lets the gateway subscribe to what it needs",
        meaning: "The broker's permissions deny a subscription that the gateway needs. (Tried on \
                  names that nobody uses; a subject that others listen to in the same queue group is \
                  tried in the group only while no sibling is heard, and is uncertain otherwise.)",
        next: "allow it in the broker's permissions: see \"What a gateway may do on its broker\" in \
               README.md",
        test: Test::Before(may_subscribe),
    },
    Check {
        code: "PRE-016",
        title: "The broker lets the gateway publish what it must",
        meaning: "The broker's permissions deny publishing on a subject on which the gateway brings \
                  requests or replies out, or tells its siblings of itself. (Tried with an agent, a \
                  node and a reply subject that do not exist, and with a true beacon.)",
        next: "allow it in the broker's permissions: see \"What a gateway may do on its broker\" in \
               README.md",
        test: Test::Before(may_publish),
    },
    Check {
        code: "PRE-017",
        title: "The broker takes NATS headers",
        meaning: "The gateway marks what it brings out by a NATS header, so that it does not come \
                  back into the fabric. A server without headers (before 2.2, or switched off) \
                  cannot be used.",
        next: "upgrade nats-server, or remove no_header_support",
        test: Test::Before(headers),
    },
    Check {
        code: "PRE-018",
        title: "The broker takes payloads of 1 MB",
        meaning: "max_payload of the broker is smaller than nats-server's default. Messages of other \
                  regions that do not fit are dropped as payload-too-large; or it is larger than \
                  what may be a frame, and such messages are dropped as frame-too-large.",
        next: "max_payload: 1MB in nats-server's configuration, the same in every region",
        test: Test::Before(max_payload),
    },
    Check {
        code: "PRE-019",
        title: "The broker is this region's alone",
        meaning: "The beacon of another region's gateway is heard on this broker: one of the two has \
                  the wrong region name or the wrong [broker] servers, or the brokers are joined \
                  natively. Nothing would be forwarded between the two.",
        next: "region, and [broker] servers",
        test: Test::Before(other_regions),
    },
    Check {
        code: "PRE-020",
        title: "The monitoring ports of the broker answer",
        meaning: "A place in [broker] monitors does not answer, or there is none. Without, nobody \
                  learns what a region's nodes listen to.",
        next: "http: 127.0.0.1:8222 in nats-server's configuration; [broker] monitors",
        test: Test::Before(monitors),
    },
    Check {
        code: "PRE-021",
        title: "The broker lets enough wait for a gateway",
        meaning: "max_pending is below 64 MB. One connection carries the replies of a whole region; \
                  when more waits, the gateway is cut off as a slow consumer and what waited is \
                  lost.",
        next: "max_pending: 256MB in nats-server's configuration",
        test: Test::Before(max_pending),
    },
    Check {
        code: "PRE-022",
        title: "The broker notices frozen gateways soon",
        meaning: "ping_interval is above 30 s. A gateway that is frozen keeps its share of the queue \
                  group until two pings were missed.",
        next: "ping_interval: \"5s\" in nats-server's configuration",
        test: Test::Before(ping_interval),
    },
];

fn lets_in(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let broker = &tried.broker;
        let server = broker.server.as_ref();
        let finding = broker.error.as_ref().map(Finding::problem);
        let url = server.map(|one| format!("{}, nats-server {}", one.url, one.version));
        Outcome::of(finding, url.unwrap_or_default())
    })
}

/// Looks only where a broker let us in.
fn inside(before: &Before, look: impl FnOnce(&Preflight) -> Outcome) -> Outcome {
    when_good(before, |tried| match &tried.broker.server {
        Some(_) => look(tried),
        None => Outcome::unknown("no broker let us in"),
    })
}

fn may_subscribe(before: &Before) -> Outcome {
    denied(before, "subscribe")
}

fn may_publish(before: &Before) -> Outcome {
    denied(before, "publish")
}

fn denied(before: &Before, operation: &str) -> Outcome {
    inside(before, |tried| {
        let all = tried.broker.denied.iter().filter(|one| one.operation == operation);
        let certain = all.clone().filter(|one| one.certain).map(|one| {
            Finding::problem(format!("may not {operation} on {}", one.subject))
                .next(format!("allow {operation} on {} at the broker", one.subject))
        });
        let outcome = Outcome::of(certain, "nothing was denied");
        let unsure: Vec<_> =
            all.filter(|one| !one.certain).map(|one| one.subject.as_str()).collect();
        if outcome.findings.is_empty() && !unsure.is_empty() {
            let subjects = human::list(unsure);
            let text = format!("denied without a queue group, not tried in one: {subjects}");
            return Outcome::unknown(text);
        }
        outcome
    })
}

fn headers(before: &Before) -> Outcome {
    inside(before, |tried| {
        let with = tried.broker.server.as_ref().is_some_and(|server| server.headers);
        Outcome::of((!with).then(|| Finding::problem("it takes none")), "it does")
    })
}

fn max_payload(before: &Before) -> Outcome {
    inside(before, |tried| {
        let size = tried.broker.server.as_ref().map_or(0, |server| server.max_payload);
        let (bytes, frame) = (human::bytes(size), human::bytes(tried.frame_bytes_max));
        let finding = if size < MAX_PAYLOAD_MIN {
            Some(Finding::warning(format!("{bytes} at most")))
        } else if size > tried.frame_bytes_max {
            let text = format!("{bytes} at most, but a frame has at most {frame}");
            let next = format!("[limits] frame_bytes = {size}");
            Some(Finding::warning(text).next(next))
        } else {
            None
        };
        Outcome::of(finding, bytes)
    })
}

fn other_regions(before: &Before) -> Outcome {
    inside(before, |tried| {
        let ours = tried.who.as_ref().map(|who| who.region.as_str());
        let heard = tried.broker.beacons.iter();
        let foreign = heard.clone().filter(|one| Some(one.region.as_str()) != ours);
        let findings = foreign.map(|one| {
            Finding::problem(format!("{} of region {} is heard", one.gateway, one.region))
        });
        let names = heard.clone().map(|one| &one.gateway);
        Outcome::of(findings, format!("heard: {}", human::list(names)))
    })
}

fn monitors(before: &Before) -> Outcome {
    when_good(before, |_| {
        let servers = &before.servers;
        let none = servers.is_empty().then(|| Finding::warning("[broker] monitors is empty"));
        let failed = servers.iter().filter_map(|server| {
            let why = server.error.as_ref()?;
            Some(Finding::warning(format!("{}: {why}", server.url)))
        });
        Outcome::of(none.into_iter().chain(failed), human::count(servers.len() as u64, "server"))
    })
}

/// Judges every server that answered; unknown if none did.
fn each(before: &Before, good: String, judge: fn(&ServerFacts) -> Option<String>) -> Outcome {
    let servers: Vec<_> = before.servers.iter().filter(|one| one.error.is_none()).collect();
    if servers.is_empty() {
        return Outcome::unknown("no monitoring port of the broker answered");
    }
    let findings = servers.iter().filter_map(|server| {
        let what = judge(server)?;
        Some(Finding::warning(format!("{what} at {}", server.url)))
    });
    Outcome::of(findings, good)
}

fn max_pending(before: &Before) -> Outcome {
    let least = before.servers.iter().map(|one| one.max_pending).min().unwrap_or_default();
    each(before, human::bytes(least), |server| {
        (server.max_pending < MAX_PENDING_MIN).then(|| human::bytes(server.max_pending))
    })
}

fn ping_interval(before: &Before) -> Outcome {
    let most = before.servers.iter().map(|one| one.ping_interval).max().unwrap_or_default();
    each(before, human::span(most), |server| {
        (server.ping_interval > PING_INTERVAL_MAX).then(|| human::span(server.ping_interval))
    })
}
