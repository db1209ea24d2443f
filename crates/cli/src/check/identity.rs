//! Certificates, authorities, names.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use antiphon_core::Alarm;
use antiphon_gateway::shell::{AuthorityFacts, CallerFacts, Report};

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{LAST_HOUR, is_lately},
};
use crate::{
    human,
    noun::finding::{Severity, not_renewed, severity},
};

/// An authority that ends sooner is worth a look: whoever replaces it needs time.
const AUTHORITY_WARNING: Duration = Duration::from_secs(30 * 24 * 3600);

/// Hexadecimal digits of a key that tell it from another.
const KEY_SHOWN: usize = 16;

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "IDENT-001",
        title: "Certificates of gateways are renewed in time",
        meaning: "A gateway's certificate ends within 30 days and less than a sixth of its life is left: \
                  whatever renews certificates at a third of their life, or before, has not done so. \
                  Links do not outlive the certificates at their ends, so the gateway leaves the fabric \
                  when it ends. Renewed files are noticed and used without a restart.",
        next: "renew the files named by [link] tls",
        test: Test::Running(soon),
    },
    Check {
        code: "IDENT-002",
        title: "No certificate of a gateway is at its end",
        meaning: "A gateway's certificate has ended, or ends within a day and a twenty-fourth of its life. \
                  Without renewal no link of this gateway can be set up any more.",
        next: "renew the files named by [link] tls now",
        test: Test::Running(at_once),
    },
    Check {
        code: "IDENT-003",
        title: "All gateways trust the same authorities",
        meaning: "The bundles in [link] tls.ca differ between gateways. That is right in the middle \
                  of a rollover of the authority, when the new one is added everywhere before the \
                  first certificate of it is used. At any other time some gateways refuse others.",
        next: "make the files named by [link] tls.ca the same in every region",
        test: Test::Running(link_authorities),
    },
    Check {
        code: "IDENT-004",
        title: "All regions trust the callers of all regions",
        meaning: "The bundles in [broker] tls.ca differ between regions. Where brokers, nodes and \
                  callers have certificates of the same authority, as in Choria, the nodes of a \
                  region without a caller's authority drop his requests without an answer.",
        next: "add the authority to the CA bundle of the region's nodes and broker",
        test: Test::Running(broker_authorities),
    },
    Check {
        code: "IDENT-005",
        title: "Trusted authorities last for a month",
        meaning: "A certificate authority in a bundle ends within a month, or has ended. All that it \
                  has signed ends with it.",
        next: "add its successor to every bundle, then renew certificates, then remove it",
        test: Test::Running(ending_authorities),
    },
    Check {
        code: "IDENT-006",
        title: "Nobody was refused at a link within the hour",
        meaning: "Somebody connected to a gateway's link port, or was dialled, and could not prove \
                  who he is: another authority, another fabric, a name that stands for no region, a \
                  certificate that has ended. Either a gateway is set up wrongly, or a stranger \
                  knocks.",
        next: "antiphon status -o json (refusals), and [identity] names if the name is right",
        test: Test::Running(refused_links),
    },
    Check {
        code: "IDENT-007",
        title: "No signed statement was refused within the hour",
        meaning: "An advert, a gossip record or a beacon carried a signature that does not hold, or \
                  spoke of another gateway than its certificate names. It was neither used nor \
                  relayed.",
        next: "antiphon status -o json (refusals); compare [identity] names and CAs of the regions",
        test: Test::Running(refused_statements),
    },
    Check {
        code: "IDENT-008",
        title: "Gateway ids are unique",
        meaning: "Two processes use one gateway id. Their adverts replace each other, and routes \
                  change with each. Replicas that share a certificate need names of their own.",
        next: "give one of them another name: gateway = \"...\" in its configuration",
        test: Test::Running(duplicates),
    },
    Check {
        code: "IDENT-009",
        title: "Names rest on alternative names, not on the Common Name",
        meaning: "[identity] common_name = true lets the Common Name of a certificate stand for a \
                  region. It is a last resort: authorities check it less than alternative names.",
        next: "issue certificates with a URI or DNS name and remove [identity] common_name",
        test: Test::Running(common_names),
    },
    Check {
        code: "IDENT-010",
        title: "Regions that prove callers know the same ones",
        meaning: "Rules that name callers need their signatures verified, and the regions that do so \
                  do not trust the same CAs (protocol v1) or issuers of tokens (v2). A caller whom one \
                  of them cannot prove is refused there, however the rule reads.",
        next: "[policy] callers: the same ca and issuers in every region",
        test: Test::Running(callers),
    },
    Check {
        code: "IDENT-011",
        title: "Vault gives new certificates",
        meaning: "A gateway has its certificates made by Vault ([identity.vault]), and the latest attempt \
                  to get one, or to keep the log-in alive, failed: Vault is sealed or out of reach, the \
                  log-in is refused, the policy or the role does not permit it. The old certificate stays \
                  in use until it ends. Attempts go on, 75 seconds apart at most.",
        next: "what the finding says; antiphon identity enrol tries it by hand",
        test: Test::Running(renewals),
    },
];

fn renewals(evidence: &Evidence) -> Outcome {
    let findings = evidence.reports().filter_map(|report| {
        let found = not_renewed(report)?;
        let text = format!("{}: {}", report.core.gateway, found.text);
        Some(match found.severity {
            Severity::Warning => Finding::warning(text),
            Severity::Problem => Finding::problem(text),
        })
    });
    let asking = evidence.reports().filter(|report| report.daemon.enrolment.is_some()).count();
    Outcome::of(findings, format!("asked by {}", human::count(asking as u64, "gateway")))
}

fn soon(evidence: &Evidence) -> Outcome {
    certificates(evidence, Severity::Warning)
}

fn at_once(evidence: &Evidence) -> Outcome {
    certificates(evidence, Severity::Problem)
}

fn certificates(evidence: &Evidence, wanted: Severity) -> Outcome {
    let findings = evidence.reports().filter_map(|report| {
        let nearness = report.daemon.certificate.lifetime().nearness(report.at)?;
        (severity(nearness) == wanted).then(|| match wanted {
            Severity::Warning => Finding::warning(its_end(report)),
            Severity::Problem => Finding::problem(its_end(report)),
        })
    });
    let left = |report: &Report| report.daemon.certificate.lifetime().left(report.at);
    let least = evidence.reports().map(left).min().unwrap_or_default();
    Outcome::of(findings, format!("the first ends in {}", human::days(least)))
}

fn its_end(report: &Report) -> String {
    let (name, certificate) = (&report.core.gateway, &report.daemon.certificate);
    let end = &certificate.not_after_date;
    match certificate.lifetime().left(report.at) {
        Duration::ZERO => format!("the certificate of {name} has ended, at {end}"),
        left => format!("the certificate of {name} ends in {}, at {end}", human::days(left)),
    }
}

fn link_authorities(evidence: &Evidence) -> Outcome {
    let holders = evidence
        .reports()
        .map(|report| (report.core.gateway.to_string(), report.daemon.trust.link.as_slice()));
    differing(holders, "gateway", |missing| Finding::warning(format!("{missing} in [link] tls.ca")))
}

/// Gateways of one region that do not agree are one holder each, so the region is told apart.
fn broker_authorities(evidence: &Evidence) -> Outcome {
    let holders = evidence
        .by_region()
        .into_iter()
        .filter_map(|(region, reports)| Some((region, reports.first().copied()?)))
        .map(|(region, report)| (region.to_string(), report.daemon.trust.broker.as_slice()));
    let holders: Vec<_> = holders.filter(|(_, trusted)| !trusted.is_empty()).collect();
    if holders.is_empty() {
        return Outcome::unknown("no broker is spoken to by TLS with a CA of its own");
    }
    differing(holders.into_iter(), "region", |missing| {
        Finding::warning(format!("{missing}: its callers are not answered there"))
    })
}

/// Regions whose policy names no callers verify none.
fn callers(evidence: &Evidence) -> Outcome {
    let told: Vec<(String, &CallerFacts)> = evidence
        .by_region()
        .into_iter()
        .filter_map(|(region, reports)| {
            Some((region, reports.first()?.daemon.trust.callers.as_ref()?))
        })
        .map(|(region, callers)| (region.to_string(), callers))
        .collect();
    if told.is_empty() {
        return Outcome::unknown("no region proves callers");
    }
    let holders = told.iter().map(|(region, one)| (region.clone(), one.authorities.as_slice()));
    let mut outcome = differing(holders, "region", |missing| {
        Finding::warning(format!("{missing}, which proves callers"))
    });
    let all: BTreeSet<_> = told.iter().flat_map(|(_, one)| &one.issuers).collect();
    for (name, key) in &all {
        let lacks = |one: &CallerFacts| one.issuers.get(*name) != Some(*key);
        let without = told.iter().filter(|(_, one)| lacks(one)).map(|(region, _)| region);
        let without: Vec<_> = without.collect();
        if !without.is_empty() {
            let without = human::list(without);
            let key: String = key.chars().take(KEY_SHOWN).collect();
            outcome.findings.push(Finding::warning(format!(
                "the issuer {name} with the key {key}... does not count in region {without}"
            )));
        }
    }
    let issuers = human::count(all.len() as u64, "issuer");
    Outcome { good: format!("{}, {issuers}", outcome.good), ..outcome }
}

fn differing<'a>(
    holders: impl Iterator<Item = (String, &'a [AuthorityFacts])>,
    what: &str,
    finding: fn(String) -> Finding,
) -> Outcome {
    let holders: Vec<_> = holders.collect();
    let names: BTreeMap<&str, &str> = holders
        .iter()
        .flat_map(|(_, trusted)| *trusted)
        .map(|one| (one.fingerprint.as_str(), one.name.as_str()))
        .collect();
    let missing = names.iter().filter_map(|(fingerprint, name)| {
        let lacks = |trusted: &[AuthorityFacts]| {
            !trusted.iter().any(|one| one.fingerprint == **fingerprint)
        };
        let without: BTreeSet<_> =
            holders.iter().filter(|(_, trusted)| lacks(trusted)).map(|(name, _)| name).collect();
        let where_not = human::list(&without);
        (!without.is_empty()).then(|| format!("{name} is not trusted by {what} {where_not}"))
    });
    let looked = human::count(names.len() as u64, "CA");
    Outcome::of(missing.map(finding), format!("{looked} everywhere"))
}

fn ending_authorities(evidence: &Evidence) -> Outcome {
    let all = evidence.reports().flat_map(|report| {
        let trust = &report.daemon.trust;
        trust.link.iter().chain(&trust.broker).map(move |one| (report, one))
    });
    let findings = all.filter_map(|(report, one)| {
        let left = one.not_after.saturating_sub(report.at);
        let (name, region) = (&one.name, &report.core.region);
        (left < AUTHORITY_WARNING).then(|| {
            let end = &one.not_after_date;
            Finding::warning(format!("the CA {name}, trusted in region {region}, ends at {end}"))
        })
    });
    Outcome::of(findings, "none ends within a month")
}

fn refused_links(evidence: &Evidence) -> Outcome {
    refusals(evidence, |place| place == "link")
}

fn refused_statements(evidence: &Evidence) -> Outcome {
    refusals(evidence, |place| place != "link")
}

fn refusals(evidence: &Evidence, of: fn(&str) -> bool) -> Outcome {
    let all = evidence.reports().flat_map(|report| {
        let lately = report.daemon.troubles.refusals.iter();
        lately.filter(|one| is_lately(report, one.last, LAST_HOUR)).map(move |one| (report, one))
    });
    let findings = all.filter(|(_, one)| of(&one.place)).map(|(report, one)| {
        let ago = human::span(report.at.saturating_sub(one.last));
        let (gateway, kind, detail) = (&report.core.gateway, &one.kind, &one.detail);
        Finding::warning(format!("{gateway} refused {}, {kind}, {ago} ago: {detail}", one.place))
    });
    Outcome::of(findings, "none")
}

fn duplicates(evidence: &Evidence) -> Outcome {
    let alarmed = evidence.reports().flat_map(|report| &report.core.alarms);
    let alarmed = alarmed.filter_map(|view| {
        let Alarm::DuplicateGateway { gateway } = &view.alarm else { return None };
        Some(Finding::problem(format!("somebody else uses the gateway id {gateway}")))
    });
    let mut lives: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for report in evidence.reports() {
        let place = (&report.daemon.endpoint, &report.daemon.config, report.core.incarnation);
        lives.entry(&report.core.gateway).or_default().insert(place);
    }
    let twice = lives.iter().filter(|(_, places)| places.len() > 1).map(|(gateway, places)| {
        let places = human::list(places.iter().map(|(endpoint, ..)| endpoint));
        Finding::problem(format!("{gateway} answered from several places: {places}"))
    });
    Outcome::of(alarmed.chain(twice), human::count(lives.len() as u64, "id"))
}

fn common_names(evidence: &Evidence) -> Outcome {
    let with = evidence.reports().filter(|report| report.daemon.settings.common_name);
    let findings = with.map(|report| {
        Finding::warning(format!("{} takes Common Names for names", report.core.gateway))
    });
    Outcome::of(findings, "no Common Name counts")
}
