//! What a gateway would meet, before its first start.

mod broker;
mod places;

use std::time::Duration;

use antiphon_gateway::preflight::Preflight;

use super::{Check, Finding, Outcome, Test, facts::ServerFacts};
use crate::{
    human,
    noun::finding::{Severity, severity},
};

/// A clock that is off by more than a broker's is not kept by NTP.
const SKEW_MAX: Duration = Duration::from_secs(5);
/// Fewer files are not enough for a hundred gateways and a busy moment.
const OPEN_FILES_MIN: u64 = 1024;

/// What was met.
#[derive(Clone, Debug, Default)]
pub struct Before {
    /// By trying.
    pub tried: Preflight,
    /// Servers of the broker, by their monitoring ports.
    pub servers: Vec<ServerFacts>,
}

pub(super) const CHECKS: &[&[Check]] = &[FILES, places::CHECKS, broker::CHECKS];

const FILES: &[Check] = &[
    Check {
        code: "PRE-001",
        title: "The configuration is good",
        meaning: "The configuration has problems, each named with its line and key: unknown keys, \
                  values that make no sense, certificates that cannot be read or have ended, keys of \
                  other certificates, names that do not agree with the certificate. The gateway does \
                  not start with it.",
        next: "correct it; antiphon config check FILE looks at it alone",
        test: Test::Before(configuration),
    },
    Check {
        code: "PRE-002",
        title: "Certificates lead to the authority beside them",
        meaning: "A certificate does not lead to the CA bundle that is configured with it, for what \
                  the gateway uses it for: links are dialled and accepted, so their certificate needs \
                  client and server authentication. Others with the same bundle will refuse it.",
        next: "add intermediates to the certificate's file, the root to the CA's file, or have it \
               issued for both usages",
        test: Test::Before(chains),
    },
    Check {
        code: "PRE-003",
        title: "Certificates are not near their end",
        meaning: "A certificate ends within 30 days, with less than a sixth of its life left: before anybody \
                  has got used to the gateway.",
        next: "renew it, and see to it that it is renewed by itself",
        test: Test::Before(expiry),
    },
    Check {
        code: "PRE-004",
        title: "Keys are not open to everybody",
        meaning: "Everybody on this host may read a key: whoever has it can be this gateway.",
        next: "chmod 600 the key's file, owned by the user that runs the gateway",
        test: Test::Before(open_keys),
    },
    Check {
        code: "PRE-005",
        title: "Enough files may be opened",
        meaning: "The limit of open files, as this command was started with, is low. Every link takes \
                  two sockets, every operator and scrape one.",
        next: "LimitNOFILE=65536 in the systemd unit, or ulimits of the container",
        test: Test::Before(files),
    },
    Check {
        code: "PRE-006",
        title: "The clock agrees with the broker's",
        meaning: "The clocks of this host and of the broker's differ. Nodes refuse requests that are \
                  older than their time to live, or from the future.",
        next: "chronyc tracking, or timedatectl, on both hosts",
        test: Test::Before(clock),
    },
    Check {
        code: "PRE-023",
        title: "Vault signs the certificate",
        meaning: "[identity.vault] is configured, and Vault does not sign what it would be asked for: it \
                  cannot be reached, is sealed, refuses the log-in, or the policy or the role does not \
                  permit it. The check has it sign a certificate for a minute and throws that away; a \
                  secret id that is still wrapped is only looked at.",
        next: "what the finding says; deploy/vault/setup sets Vault's side up",
        test: Test::Before(vault),
    },
];

fn vault(before: &Before) -> Outcome {
    when_good(before, |tried| match &tried.vault {
        None => Outcome::good("nobody asks Vault"),
        Some(tried) => match &tried.outcome {
            Ok(what) => Outcome::good(format!("{}: {what}", tried.by)),
            Err(why) => Outcome::of([Finding::problem(why.as_str())], ""),
        },
    })
}

/// Looks only where the configuration is good.
fn when_good(before: &Before, look: impl FnOnce(&Preflight) -> Outcome) -> Outcome {
    match before.tried.who {
        Some(_) => look(&before.tried),
        None => Outcome::unknown("the configuration is not good"),
    }
}

fn configuration(before: &Before) -> Outcome {
    let problems = &before.tried.problems;
    let who = before.tried.who.as_ref();
    let who =
        who.map(|who| format!("{} of region {}, fabric {}", who.gateway, who.region, who.fabric));
    Outcome::of(problems.iter().map(Finding::problem), who.unwrap_or_default())
}

fn chains(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let findings = tried.certificates.iter().filter_map(|one| {
            let why = one.untrusted.as_ref()?;
            Some(Finding::problem(format!("{}: {}: {why}", one.setting, one.file)))
        });
        Outcome::of(findings, human::count(tried.certificates.len() as u64, "certificate"))
    })
}

fn expiry(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let findings = tried.certificates.iter().filter_map(|one| {
            let nearness = one.lifetime.nearness(tried.at)?;
            let left = human::days(one.lifetime.left(tried.at));
            let (setting, file, end) = (one.setting, &one.file, &one.not_after_date);
            let text = format!("{setting}: {file} ends in {left}, at {end}");
            Some(match severity(nearness) {
                Severity::Warning => Finding::warning(text),
                Severity::Problem => Finding::problem(text),
            })
        });
        let left = tried.certificates.iter().map(|one| one.lifetime.left(tried.at));
        let least = left.min().unwrap_or_default();
        Outcome::of(findings, format!("the first ends in {}", human::days(least)))
    })
}

fn open_keys(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let open = tried.certificates.iter().filter_map(|one| one.open_key.as_ref());
        let findings = open.map(|key| {
            Finding::warning(format!("{key} is readable by everybody"))
                .next(format!("chmod 600 {key}"))
        });
        Outcome::of(findings, human::count(tried.certificates.len() as u64, "key"))
    })
}

fn files(before: &Before) -> Outcome {
    when_good(before, |tried| {
        let most = tried.process.open_files_max;
        let text = format!("{most} files may be open");
        let finding = (most < OPEN_FILES_MIN).then(|| Finding::warning(text.as_str()));
        Outcome::of(finding, text)
    })
}

fn clock(before: &Before) -> Outcome {
    let told = before.servers.iter().filter_map(|server| Some((server, server.skew_millis?)));
    let told: Vec<_> = told.collect();
    if told.is_empty() {
        return Outcome::unknown("no monitoring port of the broker tells the time");
    }
    let skew = |millis: i64| Duration::from_millis(millis.unsigned_abs());
    let findings =
        told.iter().filter(|(_, millis)| skew(*millis) > SKEW_MAX).map(|(server, by)| {
            let way = if *by < 0 { "behind" } else { "ahead of" };
            let by = human::span(skew(*by));
            Finding::warning(format!("the clock at {} is {by} {way} ours", server.url))
        });
    let most = told.iter().map(|(_, millis)| skew(*millis)).max().unwrap_or_default();
    Outcome::of(findings, format!("{} at most", human::span(most)))
}
