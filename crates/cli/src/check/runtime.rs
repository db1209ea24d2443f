//! Processes, clocks, and what was lost lately.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::DropReason;
use antiphon_gateway::shell::Report;

use super::{
    Check, Evidence, Finding, Outcome, Test,
    evidence::{LAST_HOUR, LATELY, is_lately, percent},
    policy::BY_POLICY,
};
use crate::human;

/// Fewer files are not enough for a hundred gateways and a busy moment.
const OPEN_FILES_MIN: u64 = 1024;
/// The share of open files beyond which the next connection may be the last, in per cent.
const OPEN_FILES_PROBLEM: u64 = 80;
/// The share of memory beyond which the system may end the process, in per cent.
const MEMORY_WARNING: u64 = 80;
/// Clocks that differ by more are not kept by NTP.
const SKEW_WARNING: Duration = Duration::from_secs(5);
/// Half of Choria's default time to live: requests begin to be refused as too old, or too new.
const SKEW_PROBLEM: Duration = Duration::from_secs(30);
/// A report takes milliseconds.
const SLOW: Duration = Duration::from_secs(1);
/// Units in doubt, of ten thousand created, beyond which it is worth a look.
const IN_DOUBT_WARNING: u64 = 10;
/// What other checks tell of, with more detail.
const TOLD_ELSEWHERE: [DropReason; 3] =
    [DropReason::Internal, DropReason::PublishDenied, DropReason::ReplySubjectRefused];

pub(super) const CHECKS: &[Check] = &[
    Check {
        code: "RUNT-001",
        title: "Gateways may open enough files",
        meaning: "The limit of open files of a gateway's process is low, or nearly used up. Every \
                  link takes two sockets, every operator and scrape one. Beyond it nobody can \
                  connect.",
        next: "LimitNOFILE=65536 in the systemd unit, or ulimits of the container",
        test: Test::Running(files),
    },
    Check {
        code: "RUNT-002",
        title: "Gateways have memory left",
        meaning: "A gateway uses most of the memory that it may have. What waits is bounded by \
                  [limits], per region.",
        next: "more memory, or smaller [limits] queue_bytes and intake_bytes",
        test: Test::Running(memory),
    },
    Check {
        code: "RUNT-003",
        title: "No order was lost inside a gateway",
        meaning: "An order of the gateway's core could not be queued for a link or the broker. The \
                  queues are sized so that this cannot happen: it is a defect.",
        next: "report it, with antiphon status -o json and the log",
        test: Test::Running(overflows),
    },
    Check {
        code: "RUNT-004",
        title: "No message was dropped by a defect",
        meaning: "A message was dropped with the reason internal: a gateway met what it holds for \
                  impossible.",
        next: "report it, with antiphon drops -o json and the log",
        test: Test::Running(defects),
    },
    Check {
        code: "RUNT-005",
        title: "No message was lost on its way lately",
        meaning: "Messages that were under way between regions were dropped within the last five \
                  minutes. The reason says where to look.",
        next: "antiphon drops",
        test: Test::Running(drops),
    },
    Check {
        code: "RUNT-006",
        title: "Few messages are in doubt",
        meaning: "More than one message in a thousand ended in doubt: a gateway died with what it \
                  held, a link was lost for longer than its session lives, or receipts did not come \
                  back.",
        next: "antiphon collectives (IN DOUBT); antiphon links (RESENT)",
        test: Test::Running(in_doubt),
    },
    Check {
        code: "RUNT-007",
        title: "Clocks agree",
        meaning: "The clocks of two gateways' hosts differ. Nodes refuse requests that are older than \
                  their time to live (60 s unless configured), or from the future; beacons that are \
                  two minutes off are not believed. (Measured with half the time that the answer \
                  took, by this host's clock.)",
        next: "chronyc tracking, or timedatectl, on both hosts",
        test: Test::Running(skew),
    },
    Check {
        code: "RUNT-008",
        title: "No clock has jumped within the hour",
        meaning: "The system's clock of a gateway's host was set by a second or more while the \
                  gateway ran. Deadlines in the fabric do not follow it; Choria's times to live do.",
        next: "chronyc tracking on that host: a clock should be steered, not set",
        test: Test::Running(jumps),
    },
    Check {
        code: "RUNT-009",
        title: "Gateways answer at once",
        meaning: "A gateway took more than a second to say what it knows: it, or its host, is \
                  overloaded.",
        next: "top on that host; antiphon status (waiting)",
        test: Test::Running(slow_answers),
    },
];

fn files(evidence: &Evidence) -> Outcome {
    let told = || evidence.reports().filter(|report| report.daemon.process.open_files_max > 0);
    let findings = told().filter_map(|report| {
        let (name, process) = (&report.core.gateway, report.daemon.process);
        let (open, most) = (process.open_files, process.open_files_max);
        let share = percent(open, most).unwrap_or_default();
        if share >= OPEN_FILES_PROBLEM {
            Some(Finding::problem(format!("{name} has {open} of {most} files open")))
        } else {
            let text = format!("{name} may open {most} files");
            (most < OPEN_FILES_MIN).then(|| Finding::warning(text))
        }
    });
    let most = told().map(|report| report.daemon.process.open_files).max();
    match most {
        Some(most) => Outcome::of(findings, format!("{most} open at most")),
        None => Outcome::unknown("no gateway tells"),
    }
}

fn memory(evidence: &Evidence) -> Outcome {
    let told = || evidence.reports().filter(|report| report.daemon.process.memory_bytes_max > 0);
    let findings = told().filter_map(|report| {
        let process = report.daemon.process;
        let (used, most) = (process.memory_bytes, process.memory_bytes_max);
        percent(used, most).filter(|share| *share >= MEMORY_WARNING)?;
        let (used, most) = (human::bytes(used), human::bytes(most));
        Some(Finding::warning(format!("{} uses {used} of {most}", report.core.gateway)))
    });
    let most = told().map(|report| report.daemon.process.memory_bytes).max();
    match most {
        Some(most) => Outcome::of(findings, format!("{} at most", human::bytes(most))),
        None => Outcome::unknown("no gateway tells"),
    }
}

fn overflows(evidence: &Evidence) -> Outcome {
    let lost = |report: &Report| report.daemon.link_overflows + report.daemon.broker.overflows;
    let findings = evidence.reports().filter(|report| lost(report) > 0).map(|report| {
        let count = human::count(lost(report), "order");
        Finding::problem(format!("{} lost {count}", report.core.gateway))
    });
    Outcome::of(findings, "none")
}

fn defects(evidence: &Evidence) -> Outcome {
    let dropped = evidence
        .reports()
        .flat_map(|report| report.core.drops.iter().map(move |view| (&report.core.gateway, view)));
    let internal = dropped.filter(|(_, view)| view.reason == DropReason::Internal);
    let findings = internal.map(|(gateway, view)| {
        let count = human::count(view.count, "message");
        Finding::problem(format!("{gateway} dropped {count} as internal"))
    });
    Outcome::of(findings, "none")
}

fn drops(evidence: &Evidence) -> Outcome {
    let mut counts: BTreeMap<(DropReason, String), u64> = BTreeMap::new();
    for report in evidence.reports() {
        let lately = report.core.examples.iter().filter(|one| is_lately(report, one.at, LATELY));
        let told = |reason| TOLD_ELSEWHERE.contains(reason) || BY_POLICY.contains(reason);
        for one in lately.filter(|one| !told(&one.dropped.reason)) {
            let Some(to) = &one.dropped.to else { continue };
            *counts.entry((one.dropped.reason, to.to_string())).or_default() += one.dropped.count;
        }
    }
    let findings = counts.iter().map(|((reason, to), count)| {
        let count = human::count(*count, "message");
        Finding::warning(format!("{count} for region {to}: {reason}"))
    });
    Outcome::of(findings, "none in five minutes")
}

fn in_doubt(evidence: &Evidence) -> Outcome {
    let mut sums: BTreeMap<(String, String), (u64, u64)> = BTreeMap::new();
    for report in evidence.reports() {
        for view in &report.core.tallies {
            let key = (report.core.region.to_string(), view.key.to.to_string());
            let sum = sums.entry(key).or_default();
            *sum = (sum.0 + view.tally.in_doubt, sum.1 + view.tally.created);
        }
    }
    let many = sums.iter().filter(|(_, (doubt, created))| {
        doubt.saturating_mul(10_000) > created.saturating_mul(IN_DOUBT_WARNING)
    });
    let findings = many.map(|((from, to), (doubt, created))| {
        Finding::warning(format!("{doubt} of {created} messages from {from} to {to}"))
    });
    let all: u64 = sums.values().map(|(doubt, _)| doubt).sum();
    Outcome::of(findings, format!("{all} since the start"))
}

fn skew(evidence: &Evidence) -> Outcome {
    let ahead = evidence.asked.iter().filter_map(|asked| {
        // How far the gateway's clock is ahead of ours, and how sure that is.
        let unsure = asked.took? / 2;
        let by = asked.report.at.as_secs_f64() - asked.here?.as_secs_f64();
        Some((&asked.report.core.gateway, by, unsure))
    });
    let mut ahead: Vec<_> = ahead.collect();
    ahead.sort_by(|(_, one, _), (_, other, _)| one.total_cmp(other));
    let (Some((slow, least, unsure)), Some((fast, most, unsure_too))) =
        (ahead.first(), ahead.last())
    else {
        return Outcome::unknown("it is not known when the gateways were asked");
    };
    // Against our own clock too, when a single gateway was asked.
    let (from, to) = (least.min(0.0), most.max(0.0));
    let certain = Duration::try_from_secs_f64(to - from).unwrap_or_default();
    let certain = certain.saturating_sub(*unsure + *unsure_too);
    let text = format!("{} between {slow}, {fast} and this host", human::span(certain));
    let finding = match certain {
        certain if certain >= SKEW_PROBLEM => Some(Finding::problem(text)),
        certain if certain >= SKEW_WARNING => Some(Finding::warning(text)),
        _ => None,
    };
    Outcome::of(finding, format!("{} at most", human::span(certain)))
}

fn jumps(evidence: &Evidence) -> Outcome {
    let jumped = evidence.reports().filter_map(|report| {
        let clock = report.daemon.troubles.clock;
        clock.last.filter(|last| is_lately(report, *last, LAST_HOUR)).map(|_| (report, clock))
    });
    let findings = jumped.map(|(report, clock)| {
        let by = human::span(Duration::from_millis(clock.last_millis.unsigned_abs()));
        let way = if clock.last_millis < 0 { "back" } else { "ahead" };
        Finding::warning(format!("the clock of {} went {way} by {by}", report.core.gateway))
    });
    Outcome::of(findings, "none")
}

fn slow_answers(evidence: &Evidence) -> Outcome {
    let slow = evidence.asked.iter().filter_map(|asked| {
        let took = asked.took.filter(|took| *took > SLOW)?;
        Some((&asked.report.core.gateway, took))
    });
    let findings = slow
        .map(|(gateway, took)| Finding::warning(format!("{gateway} took {}", human::span(took))));
    let most = evidence.asked.iter().filter_map(|asked| asked.took).max();
    match most {
        Some(most) => Outcome::of(findings, format!("{} at most", human::round_trip(most))),
        None => Outcome::unknown("an archive was read"),
    }
}
