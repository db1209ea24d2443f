//! For each check, how a healthy fabric is broken so that this check fails and no other.

use std::time::Duration;

use antiphon_cli::check::{
    Evidence,
    facts::{Proof, ServerFacts},
};
use antiphon_core::{
    Alarm, AlarmView, DropExample, DropReason, DropView, Dropped, GatewayState, Incarnation,
    MemberView, Order, OrderView, Stop,
};
use antiphon_gateway::shell::{
    AuthorityFacts, DialFacts, EnrolmentFacts, EnrolmentTrouble, RefusalFacts, Report,
};

use super::good::AT;

/// Breaks something.
pub(crate) type Break = fn(&mut Evidence);

pub(crate) const NOW: Duration = Duration::from_secs(AT);

/// The report of one gateway.
fn of<'a>(evidence: &'a mut Evidence, gateway: &str) -> &'a mut Report {
    let mut all = evidence.asked.iter_mut().map(|asked| &mut asked.report);
    all.find(|report| report.core.gateway.as_str() == gateway).unwrap()
}

fn first(evidence: &mut Evidence) -> &mut Report {
    &mut evidence.asked[0].report
}

fn server(evidence: &mut Evidence) -> &mut ServerFacts {
    &mut evidence.servers[0]
}

/// What everybody holds of one gateway.
fn everywhere(evidence: &mut Evidence, gateway: &str, change: impl Fn(&mut MemberView)) {
    for asked in &mut evidence.asked {
        let members = asked.report.core.gateways.iter_mut();
        members.filter(|one| one.gateway.as_str() == gateway).for_each(&change);
    }
}

fn drop_now(report: &mut Report, reason: DropReason, to: Option<&str>, subject: &str) {
    let dropped = Dropped {
        reason,
        to: to.map(|to| to.parse().unwrap()),
        subject: subject.to_owned(),
        request: None,
        size: 100,
        count: 3,
    };
    report.core.examples.push(DropExample { at: NOW - Duration::from_secs(20), dropped });
}

fn raise(report: &mut Report, alarm: Alarm) {
    report.core.alarms.push(AlarmView { alarm });
}

fn refuse(report: &mut Report, place: &str) {
    report.daemon.troubles.refusals.push(RefusalFacts {
        place: place.to_owned(),
        kind: "untrusted".to_owned(),
        detail: "10.0.0.9: its issuer is unknown".to_owned(),
        last: NOW - Duration::from_secs(60),
    });
}

fn dial(report: &mut Report, gateway: Option<&str>, refused: bool) {
    report.daemon.troubles.dials.push(DialFacts {
        gateway: gateway.map(|name| name.parse().unwrap()),
        endpoint: "us-1.example.net:7440".to_owned(),
        refused,
        reason: "connect: no answer".to_owned(),
        count: 4,
        last: NOW,
    });
}

/// Two gateways have never had a link with each other, which everybody knows.
fn unlink(evidence: &mut Evidence, one: &str, other: &str) {
    for (us, them) in [(one, other), (other, one)] {
        of(evidence, us).core.links.retain(|link| link.gateway.as_str() != them);
        everywhere(evidence, us, |member| {
            member.adjacencies.retain(|name, _| name.as_str() != them);
        });
    }
}

fn unlink_regions(evidence: &mut Evidence, one: &str, other: &str) {
    for us in [1, 2] {
        for them in [1, 2] {
            unlink(evidence, &format!("{one}-{us}"), &format!("{other}-{them}"));
        }
    }
}

fn expect_no_dials(evidence: &mut Evidence, one: &str, other: &str) {
    for asked in &mut evidence.asked {
        let (region, peers) = (&asked.report.core.region, &mut asked.report.daemon.settings.peers);
        let other = match region.as_str() {
            name if name == one => other,
            name if name == other => one,
            _ => continue,
        };
        let rest = super::good::REGIONS.iter().filter(|name| **name != other);
        *peers = Some(rest.map(|name| name.parse().unwrap()).collect());
    }
}

fn authority() -> AuthorityFacts {
    AuthorityFacts {
        name: "CN=Other CA".to_owned(),
        fingerprint: "33cc".to_owned(),
        not_after: NOW + Duration::from_secs(900 * 24 * 3600),
        not_after_date: "2029-05-16T00:00:00Z".to_owned(),
    }
}

fn settings(evidence: &mut Evidence, change: impl Fn(&mut antiphon_gateway::shell::Settings)) {
    evidence.asked.iter_mut().for_each(|asked| change(&mut asked.report.daemon.settings));
}

/// By the check's code.
pub(crate) fn running() -> Vec<(&'static str, Break)> {
    let mut all = identity();
    all.extend(membership());
    all.extend(links());
    all.extend(routing());
    all.extend(broker());
    all.extend(policy());
    all.extend(runtime());
    all.extend(end_to_end());
    all
}

fn identity() -> Vec<(&'static str, Break)> {
    vec![
        ("IDENT-001", |evidence| {
            first(evidence).daemon.certificate.not_after = NOW + Duration::from_secs(9 * 86_400);
        }),
        ("IDENT-002", |evidence| first(evidence).daemon.certificate.not_after = NOW),
        ("IDENT-003", |evidence| first(evidence).daemon.trust.link.push(authority())),
        ("IDENT-004", |evidence| first(evidence).daemon.trust.broker.push(authority())),
        ("IDENT-005", |evidence| {
            for asked in &mut evidence.asked {
                asked.report.daemon.trust.link[0].not_after = NOW + Duration::from_secs(86_400);
            }
        }),
        ("IDENT-006", |evidence| refuse(first(evidence), "link")),
        ("IDENT-007", |evidence| refuse(first(evidence), "advert")),
        ("IDENT-008", |evidence| {
            let gateway = "eu-1".parse().unwrap();
            raise(first(evidence), Alarm::DuplicateGateway { gateway });
        }),
        ("IDENT-008", |evidence| {
            let mut twin = evidence.asked[0].clone();
            twin.report.daemon.endpoint = "elsewhere.example.net:7440".to_owned();
            evidence.asked.push(twin);
        }),
        ("IDENT-009", |evidence| first(evidence).daemon.settings.common_name = true),
        ("IDENT-010", |evidence| callers(evidence).authorities.push(authority())),
        ("IDENT-010", |evidence| {
            callers(evidence).issuers.insert("acme".to_owned(), "00ff".to_owned());
        }),
        ("IDENT-011", |evidence| {
            let trouble = EnrolmentTrouble {
                kind: "sealed".to_owned(),
                text: "Vault is sealed".to_owned(),
                since: NOW - Duration::from_secs(600),
            };
            let enrolment = EnrolmentFacts { trouble: Some(trouble), ..EnrolmentFacts::default() };
            first(evidence).daemon.enrolment = Some(enrolment);
        }),
    ]
}

fn callers(evidence: &mut Evidence) -> &mut antiphon_gateway::shell::CallerFacts {
    first(evidence).daemon.trust.callers.as_mut().unwrap()
}

/// An operator of us has stopped something.
fn order(stop: Stop) -> OrderView {
    let order = Order {
        stop,
        stands: true,
        by: "alice at us-1".to_owned(),
        reason: "a runaway".to_owned(),
        made: NOW - Duration::from_secs(300),
        until: NOW + Duration::from_secs(3600),
    };
    OrderView { order, region: "us".parse().unwrap(), followed: true, holds: true }
}

fn membership() -> Vec<(&'static str, Break)> {
    vec![
        ("MEMB-001", |evidence| {
            everywhere(evidence, "us-2", |member| member.state = Some(GatewayState::Starting));
        }),
        ("MEMB-002", |evidence| first(evidence).core.joined = false),
        ("MEMB-003", |evidence| {
            let mut stranger = first(evidence).core.gateways[0].clone();
            stranger.gateway = "us-9".parse().unwrap();
            (stranger.state, stranger.broker, stranger.advert) = (None, None, None);
            stranger.adjacencies.clear();
            first(evidence).core.gateways.push(stranger);
        }),
        ("MEMB-004", |evidence| first(evidence).core.gateways[0].gossip = false),
        ("MEMB-005", |evidence| {
            // Gossip and adverts know it; it went away before anybody was asked.
            let mut dead = first(evidence).core.gateways[0].clone();
            (dead.gateway, dead.route) = ("ap-9".parse().unwrap(), None);
            dead.adjacencies.clear();
            for asked in &mut evidence.asked {
                asked.report.core.gateways.push(dead.clone());
            }
        }),
        ("MEMB-006", |evidence| {
            evidence.asked.truncate(1);
            (evidence.whole, evidence.expect_regions, evidence.expect_gateways) =
                (false, None, None);
            let report = first(evidence);
            report.core.regions.retain(|region| region.ours);
            report.core.gateways.retain(|member| member.region.as_str() == "eu");
            report.core.links.retain(|link| link.region.as_str() == "eu");
            report.daemon.settings.federation.clear();
            report.daemon.settings.named_regions.clear();
            for member in &mut report.core.gateways {
                member.adjacencies.retain(|name, _| name.as_str().starts_with("eu"));
            }
        }),
        ("MEMB-007", |evidence| dial(first(evidence), None, false)),
        ("MEMB-008", |evidence| {
            for gateway in ["eu-1", "eu-2"] {
                of(evidence, gateway).daemon.settings.seeds.clear();
            }
        }),
        ("MEMB-009", |evidence| first(evidence).daemon.gossip.restarts = 1),
        ("MEMB-010", |evidence| evidence.expect_regions = Some(4)),
        ("MEMB-011", |evidence| evidence.expect_gateways = Some(7)),
        ("MEMB-012", |evidence| {
            evidence.expect_gateways = None;
            evidence.asked.retain(|asked| asked.report.core.gateway.as_str() != "us-2");
            for asked in &mut evidence.asked {
                let core = &mut asked.report.core;
                core.gateways.retain(|member| member.gateway.as_str() != "us-2");
                core.links.retain(|link| link.gateway.as_str() != "us-2");
            }
            // Whether a third gateway is a way to the last one of a region is a matter of costs.
            let regions = &mut first(evidence).core.regions;
            let us = regions.iter_mut().find(|region| region.region.as_str() == "us").unwrap();
            let route = us.route.as_mut().unwrap();
            let last: std::collections::BTreeSet<_> = ["us-1".parse().unwrap()].into();
            (route.next_hops, route.ends, route.backup) = (last.clone(), last, None);
        }),
        ("MEMB-013", |evidence| {
            everywhere(evidence, "us-1", |member| member.broker = None);
            everywhere(evidence, "us-2", |member| member.broker = None);
        }),
        ("MEMB-014", |evidence| {
            // A newcomer whom one gateway has heard already.
            let mut new = first(evidence).core.gateways[0].clone();
            (new.gateway, new.broker) = ("ap-9".parse().unwrap(), None);
            new.adjacencies.clear();
            evidence.expect_gateways = None;
            let mut link = first(evidence).core.links[0].clone();
            link.gateway = new.gateway.clone();
            for asked in evidence.asked.iter_mut().skip(1) {
                asked.report.core.gateways.push(new.clone());
                asked.report.core.links.push(link.clone());
            }
        }),
        ("MEMB-015", |evidence| {
            let members = &mut first(evidence).core.gateways;
            members[0].advert.as_mut().unwrap().incarnation = Incarnation(5);
        }),
        ("MEMB-016", |evidence| {
            evidence.silent.insert("us-2".to_owned(), "no answer within 5s".to_owned());
        }),
    ]
}

fn links() -> Vec<(&'static str, Break)> {
    vec![
        ("LINK-001", |evidence| {
            for (us, them) in [("eu-1", "us-1"), ("us-1", "eu-1")] {
                let links = &mut of(evidence, us).core.links;
                let link = links.iter_mut().find(|link| link.gateway.as_str() == them).unwrap();
                (link.state, link.reason) = ("down".to_owned(), "silent for 3s".to_owned());
            }
        }),
        ("LINK-002", |evidence| {
            let link = &mut first(evidence).core.links[0];
            (link.state, link.since) = ("opening".to_owned(), Duration::from_secs(60));
        }),
        ("LINK-003", |evidence| {
            everywhere(evidence, "eu-1", |member| {
                member.adjacencies.retain(|name, _| name.as_str() != "us-1");
            });
        }),
        ("LINK-004", |evidence| first(evidence).core.links[0].suppressed = true),
        ("LINK-004", |evidence| first(evidence).core.links[0].penalty = 1500),
        ("LINK-005", |evidence| {
            let (gateway, what) = ("us-1".parse().unwrap(), "acknowledged too much".to_owned());
            raise(first(evidence), Alarm::PeerMisbehaves { gateway, what });
        }),
        ("LINK-006", |evidence| {
            unlink(evidence, "eu-1", "us-1");
            dial(of(evidence, "eu-1"), Some("us-1"), false);
            // The other side does not even try: it does not dial eu.
            dial(of(evidence, "us-1"), Some("eu-1"), false);
        }),
        ("LINK-007", |evidence| {
            unlink(evidence, "eu-1", "us-1");
            dial(of(evidence, "eu-1"), Some("us-1"), true);
            dial(of(evidence, "us-1"), Some("eu-1"), true);
        }),
        ("LINK-008", |evidence| unlink(evidence, "eu-1", "us-1")),
        ("LINK-009", |evidence| {
            let link = &mut first(evidence).core.links[0];
            (link.credit, link.queued) = (0, 4096);
        }),
        ("LINK-010", |evidence| first(evidence).core.links[0].unacknowledged = 30 << 20),
        ("LINK-011", |evidence| first(evidence).daemon.links[0].control.queued = 500),
    ]
}

fn routing() -> Vec<(&'static str, Break)> {
    vec![
        ("ROUTE-001", |evidence| {
            let regions = &mut first(evidence).core.regions;
            regions.iter_mut().find(|region| region.region.as_str() == "us").unwrap().route = None;
        }),
        ("ROUTE-002", |evidence| {
            let region = first(evidence).core.regions.last_mut().unwrap();
            let route = region.route.as_mut().unwrap();
            route.next_hops = [route.next_hops.first().unwrap().clone()].into();
        }),
        ("ROUTE-003", |evidence| {
            for asked in &mut evidence.asked {
                asked.report.daemon.settings.transit = false;
                asked.report.core.regions.iter_mut().for_each(|region| region.transit = false);
            }
        }),
        ("ROUTE-004", |evidence| {
            unlink(evidence, "eu-1", "eu-2");
            // That they know no other way to each other is another check's.
            for (us, them) in [("eu-1", "eu-2"), ("eu-2", "eu-1")] {
                dial(of(evidence, us), Some(them), false);
                let dials = &mut of(evidence, us).daemon.troubles.dials;
                dials.last_mut().unwrap().gateway = Some(them.parse().unwrap());
                let link = of(evidence, us).core.links[0].clone();
                let link = antiphon_core::LinkView {
                    gateway: them.parse().unwrap(),
                    state: "opening".to_owned(),
                    since: Duration::from_secs(1),
                    ..link
                };
                of(evidence, us).core.links.push(link);
            }
        }),
        ("ROUTE-005", |evidence| {
            unlink_regions(evidence, "eu", "us");
            evidence.asked.truncate(1);
            evidence.whole = false;
            // Other ends are known to be dialled in vain by name, on links that open just now.
            let report = first(evidence);
            for gateway in ["us-1", "us-2"] {
                let mut link = report.core.links[0].clone();
                link.gateway = gateway.parse().unwrap();
                (link.state, link.since) = ("opening".to_owned(), Duration::from_secs(1));
                report.core.links.push(link);
            }
        }),
        ("ROUTE-006", |evidence| first(evidence).core.queues[0].bytes = 40 << 20),
        ("ROUTE-007", |evidence| {
            for asked in &mut evidence.asked {
                let regions = asked.report.core.regions.iter_mut();
                let eu = regions.filter(|region| region.region.as_str() == "eu");
                eu.for_each(|region| region.collectives.push("mcolective".to_owned()));
            }
        }),
    ]
}

fn broker() -> Vec<(&'static str, Break)> {
    vec![
        ("BROK-001", |evidence| first(evidence).core.broker.up = false),
        ("BROK-002", |evidence| {
            let report = first(evidence);
            report.daemon.broker.connects = 2;
            report.core.broker.since = Duration::from_secs(60);
        }),
        ("BROK-003", |evidence| first(evidence).core.broker.max_payload = 1 << 16),
        ("BROK-004", |evidence| {
            let (operation, subject) = ("subscribe".to_owned(), "mcollective.node.>".to_owned());
            first(evidence).daemon.denied.push(Alarm::PermissionDenied { operation, subject });
        }),
        ("BROK-005", |evidence| {
            let subject = "mcollective.node.n1.example.net";
            drop_now(first(evidence), DropReason::PublishDenied, Some("eu"), subject);
        }),
        ("BROK-006", |evidence| {
            first(evidence).daemon.troubles.lagged = Some(NOW - Duration::from_secs(60));
        }),
        ("BROK-007", |evidence| first(evidence).daemon.broker.intake_bytes = 60 << 20),
        ("BROK-008", |evidence| first(evidence).core.broker.unconfirmed = 8000),
        ("BROK-009", |evidence| {
            let region = "us".parse().unwrap();
            raise(first(evidence), Alarm::NativelyJoined { region });
        }),
        ("BROK-010", |evidence| first(evidence).core.siblings.clear()),
        ("BROK-011", |evidence| {
            let server = server(evidence);
            (server.error, server.nodes) = (Some("connection refused".to_owned()), None);
        }),
        ("BROK-012", |evidence| server(evidence).max_pending = 10 << 20),
        ("BROK-013", |evidence| server(evidence).ping_interval = Duration::from_secs(120)),
        ("BROK-014", |evidence| server(evidence).slow_consumers = 2),
        ("BROK-015", |evidence| server(evidence).leaf_nodes = vec!["nats-us".to_owned()]),
        ("BROK-016", |evidence| server(evidence).nats_gateways = vec!["us".to_owned()]),
        ("BROK-017", |evidence| {
            server(evidence).pending.insert("ap ap-1".to_owned(), 30 << 20);
        }),
        ("BROK-018", |evidence| server(evidence).connections = 65_000),
        ("BROK-019", |evidence| server(evidence).cluster_servers = 3),
        ("BROK-020", |evidence| {
            let twin = ("mcollective".to_owned(), "n1.us.example.net".to_owned());
            server(evidence).nodes.as_mut().unwrap().insert(twin);
        }),
        ("BROK-020", |evidence| {
            let (identity, region) = ("n1.us.example.net".to_owned(), "us".parse().unwrap());
            raise(first(evidence), Alarm::IdentityInTwoRegions { identity, region });
        }),
        ("BROK-022", |evidence| {
            let interest = &mut first(evidence).core.interest;
            (interest.complete, interest.problem) = (false, "took too long".to_owned());
        }),
        ("BROK-021", |evidence| {
            let mut other = evidence.servers[0].clone();
            other.cluster = "somewhere".to_owned();
            evidence.servers.push(other);
        }),
    ]
}

fn policy() -> Vec<(&'static str, Break)> {
    vec![
        ("POLI-001", |evidence| {
            for asked in &mut evidence.asked {
                let regions = asked.report.core.regions.iter_mut();
                for region in regions.filter(|region| region.region.as_str() == "us") {
                    region.collectives.clear();
                    region.transit = false;
                }
            }
        }),
        ("POLI-002", |evidence| {
            first(evidence).daemon.settings.collectives.insert("choria".to_owned());
        }),
        ("POLI-003", |evidence| first(evidence).daemon.settings.reply_subjects.clear()),
        ("POLI-004", |evidence| first(evidence).daemon.settings.transit = false),
        ("POLI-005", |evidence| {
            let reason = DropReason::ReplySubjectRefused;
            drop_now(first(evidence), reason, Some("eu"), "my.reports");
        }),
        ("POLI-006", |evidence| {
            settings(evidence, |one| one.reply_subjects.push("_INBOX.>".to_owned()));
        }),
        ("POLI-007", |evidence| {
            settings(evidence, |one| {
                one.federation.insert("paris".to_owned(), "fr".parse().unwrap());
            });
        }),
        ("POLI-008", |evidence| first(evidence).daemon.settings.federation.clear()),
        ("POLI-009", |evidence| {
            first(evidence).daemon.settings.costs.insert("uss".parse().unwrap(), 7);
        }),
        ("POLI-010", |evidence| {
            first(evidence).daemon.settings.named_regions.insert("uss".parse().unwrap());
        }),
        ("POLI-011", |evidence| expect_no_dials(evidence, "eu", "us")),
        ("POLI-013", |evidence| {
            for asked in &mut evidence.asked {
                let rule = antiphon_core::policy::Rule {
                    name: "no-uss".to_owned(),
                    to: ["uss".parse().unwrap()].into(),
                    ..antiphon_core::policy::Rule::default()
                };
                asked.report.core.policy.policy.export.rules.push(rule);
            }
        }),
        ("POLI-014", |evidence| {
            let rule = antiphon_core::policy::Rule::default();
            first(evidence).core.policy.policy.accept.rules.push(rule);
        }),
        ("POLI-015", |evidence| {
            let collective = "mcollective".parse().unwrap();
            let order = order(Stop::Collective { collective });
            first(evidence).core.orders.push(order);
            drop_now(first(evidence), DropReason::Halted, None, "mcollective.node.n1.example.net");
        }),
        ("POLI-015", |evidence| {
            let order = order(Stop::Link { with: "eu".parse().unwrap() });
            evidence.asked.iter_mut().for_each(|one| one.report.core.orders.push(order.clone()));
            // Links that are not to be used are not advertised.
            for asked in &mut evidence.asked {
                for member in &mut asked.report.core.gateways {
                    let other = match member.region.as_str() {
                        "eu" => "us",
                        "us" => "eu",
                        _ => continue,
                    };
                    member.adjacencies.retain(|name, _| !name.as_str().starts_with(other));
                }
            }
        }),
        ("POLI-012", |evidence| {
            let subject = "playground.broadcast.agent.rpcutil";
            drop_now(first(evidence), DropReason::NotExported, None, subject);
        }),
    ]
}

fn runtime() -> Vec<(&'static str, Break)> {
    vec![
        ("RUNT-001", |evidence| first(evidence).daemon.process.open_files = 65_000),
        ("RUNT-001", |evidence| first(evidence).daemon.process.open_files_max = 256),
        ("RUNT-002", |evidence| first(evidence).daemon.process.memory_bytes = 4 << 30),
        ("RUNT-003", |evidence| first(evidence).daemon.link_overflows = 1),
        ("RUNT-004", |evidence| {
            let view = DropView { reason: DropReason::Internal, to: None, count: 1, recent: 1 };
            first(evidence).core.drops.push(view);
        }),
        ("RUNT-005", |evidence| {
            let subject = "mcollective.node.n1.us.example.net";
            drop_now(first(evidence), DropReason::NoRoute, Some("us"), subject);
        }),
        ("RUNT-006", |evidence| first(evidence).core.tallies[0].tally.in_doubt = 40),
        ("RUNT-007", |evidence| evidence.asked[0].here = Some(NOW - Duration::from_secs(9))),
        ("RUNT-008", |evidence| {
            let clock = &mut first(evidence).daemon.troubles.clock;
            (clock.jumps, clock.last, clock.last_millis) =
                (1, Some(NOW - Duration::from_secs(60)), -7000);
        }),
        ("RUNT-009", |evidence| evidence.asked[0].took = Some(Duration::from_secs(3))),
        ("VERS-001", |evidence| {
            everywhere(evidence, "us-2", |member| member.version = "0.1.1".to_owned());
            of(evidence, "us-2").daemon.version = "0.1.1".to_owned();
        }),
        ("VERS-002", |evidence| {
            // With VERS-001, or it would be no older release.
            evidence.asked.iter_mut().for_each(|asked| {
                asked.report.daemon.version = "0.3.0".to_owned();
            });
            evidence.version = "0.3.0".to_owned();
            for asked in &mut evidence.asked {
                let members = asked.report.core.gateways.iter_mut();
                members.for_each(|member| member.version = "0.3.0".to_owned());
            }
            everywhere(evidence, "us-2", |member| member.version = "0.1.0".to_owned());
            of(evidence, "us-2").daemon.version = "0.1.0".to_owned();
        }),
        ("VERS-003", |evidence| evidence.version = "0.1.1".to_owned()),
        ("VERS-004", |evidence| {
            for asked in &mut evidence.asked {
                asked.report.core.broker.version = "2.8.1".to_owned();
            }
            evidence.servers.iter_mut().for_each(|one| one.version = "2.8.1".to_owned());
        }),
        ("VERS-005", |evidence| server(evidence).version = "2.12.0".to_owned()),
    ]
}

fn end_to_end() -> Vec<(&'static str, Break)> {
    vec![
        ("E2E-001", |evidence| evidence.pairs[0].proof = Proof::Silence { known: 2 }),
        ("E2E-002", |evidence| {
            let slowest = Duration::from_millis(90);
            evidence.pairs[0].proof = Proof::Ping { nodes: 1, known: Some(2), slowest };
        }),
        ("E2E-004", |evidence| {
            let reason = "us-1 did not answer".to_owned();
            evidence.pairs[0].proof = Proof::ProbeLost { reason };
        }),
        ("E2E-005", |evidence| {
            evidence.client.copies.insert("n1.us.example.net".to_owned());
        }),
        ("E2E-006", |evidence| evidence.client.discovery_timeout = Duration::from_millis(150)),
        ("E2E-007", |evidence| {
            let slowest = Duration::from_millis(400);
            evidence.pairs[0].proof = Proof::Ping { nodes: 2, known: Some(2), slowest };
        }),
        ("E2E-008", |evidence| {
            evidence.client.errors.insert(String::new(), "cannot connect".to_owned());
        }),
    ]
}
