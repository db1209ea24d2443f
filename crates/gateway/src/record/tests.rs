use std::{fs, io::BufReader, os::unix::fs::PermissionsExt, thread, time::Duration};

use antiphon_core::{BrokerInfo, Event, FromBroker, Gateway, Incarnation, Now};
use bytes::Bytes;

use super::*;
use crate::testing::core_config;

fn begin(life: u64) -> Begin {
    let config = antiphon_core::Config { incarnation: Incarnation(life), ..core_config() };
    Begin { format: FORMAT, version: "0".to_owned(), config, seed: 7, now: at(0) }
}

fn at(seconds: u64) -> Now {
    let mono = Duration::from_secs(seconds);
    Now { mono, unix: Duration::from_secs(1_795_478_400) + mono }
}

/// A gateway that comes up and hears a message that is none.
fn events() -> Vec<Event> {
    let payload = Bytes::from(vec![0xff; 4000]);
    let subject = "mcollective.broadcast.agent.discovery".to_owned();
    vec![
        Event::Tick,
        Event::BrokerUp(BrokerInfo::default()),
        Event::FromBroker(FromBroker { subject, mark: None, payload, more: false }),
        Event::Tick,
    ]
}

/// Records these events over and over, as the shell does, and gives the file's text once the writer
/// is done with it.
fn record(record: &Record, life: u64, times: u64) -> String {
    let begin = begin(life);
    let mut machine = Gateway::new(begin.config.clone(), begin.seed, begin.now);
    let mut recorder = Recorder::begin(record, begin).unwrap();
    for round in 0..times {
        for event in events() {
            let now = at(round);
            let actions = machine.handle(event.clone(), now);
            if recorder.wants() {
                recorder.turn(now, event, &actions);
            }
        }
    }
    let path = recorder.file().to_owned();
    drop(recorder);
    loop {
        let text = fs::read_to_string(&path).unwrap();
        if text.lines().last().is_some_and(|line| line.starts_with("{\"end\"")) {
            return text;
        }
        thread::yield_now();
    }
}

fn folder(bytes_max: u64) -> (tempfile::TempDir, Record) {
    let folder = tempfile::tempdir().unwrap();
    let record = Record { folder: folder.path().join("recordings"), bytes_max };
    (folder, record)
}

fn replay(text: &str) -> (Vec<Step>, Option<End>) {
    let mut replay = Replay::new(BufReader::new(text.as_bytes())).unwrap();
    let mut steps = Vec::new();
    while let Some(step) = replay.step().unwrap() {
        steps.push(step);
    }
    (steps, replay.end())
}

#[test]
fn a_replay_decides_as_the_recorded_machine_did() {
    let (_folder, to) = folder(1 << 20);
    let (steps, end) = replay(&record(&to, 1, 3));
    assert_eq!((steps.len(), end), (12, Some(End::Stopped)));
    assert!(steps.iter().all(|step| step.recorded.is_none()));
    assert!(steps.iter().any(|step| kinds(&step.actions).contains(&"Dropped".to_owned())));
}

#[test]
fn what_differs_is_found() {
    let (_folder, to) = folder(1 << 20);
    let text = record(&to, 1, 1);
    let changed = text.replace("mcollective.broadcast", "mcollective.elsewhere");
    assert_ne!(text, changed);
    let (steps, _) = replay(&changed);
    let differ: Vec<u64> =
        steps.iter().filter(|step| step.recorded.is_some()).map(|step| step.number).collect();
    assert_eq!(differ, [3]);
}

#[test]
fn only_our_user_may_read_it() {
    let (_folder, to) = folder(1 << 20);
    record(&to, 1, 1);
    let file = fs::read_dir(&to.folder).unwrap().next().unwrap().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_recording_stays_within_its_bytes_and_says_that_it_is_full() {
    let (_folder, to) = folder(100_000);
    let text = record(&to, 1, 50);
    assert!(text.len() <= 50_000, "{}", text.len());
    let (steps, end) = replay(&text);
    assert_eq!(end, Some(End::Full));
    assert!(steps.iter().all(|step| step.recorded.is_none()));
}

#[test]
fn older_recordings_make_room() {
    let (_folder, to) = folder(100_000);
    for life in 1..=4 {
        record(&to, life, 50);
    }
    let mut left: Vec<_> = fs::read_dir(&to.folder).unwrap().map(|one| one.unwrap()).collect();
    left.sort_by_key(fs::DirEntry::path);
    let bytes: u64 = left.iter().map(|one| one.metadata().unwrap().len()).sum();
    assert!(bytes <= 100_000, "{bytes}");
    let names: Vec<_> = left.iter().map(|one| one.file_name().into_string().unwrap()).collect();
    assert!(names.last().unwrap().ends_with("4.jsonl") && names.len() == 2, "{names:?}");
}

#[test]
fn a_killed_process_leaves_a_recording_that_ends_early() {
    let (_folder, to) = folder(1 << 20);
    let text = record(&to, 1, 1);
    let cut = text.trim_end().rsplit_once('\n').unwrap().0;
    let (steps, end) = replay(&cut[..cut.len() - 9]);
    assert_eq!((steps.len(), end), (3, None));
}

#[test]
fn what_is_no_recording_is_named() {
    let wrong = |text: &str| Replay::new(BufReader::new(text.as_bytes())).unwrap_err().to_string();
    assert!(wrong("").contains("no recording"));
    assert!(wrong("{\"end\":\"full\"}\n").contains("no recording"));
    assert!(wrong("{\"begin\":{\"format\":9,\"version\":\"9.1\"}}\n").contains("antiphon 9.1"));
    assert!(wrong("{\"begin\":{\"format\":1}}\n").contains("line 1"));
}
