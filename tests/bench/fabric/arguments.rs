//! What is asked for.

use std::{path::PathBuf, time::Duration};

const HELP: &str =
    "bench-fabric [--quick] [--delay MILLISECONDSms] [--rounds N] [--only WORD] [--silence] \
[--members N] [--out FOLDER]

--quick    few messages, one round: whether it works at all
--delay    on the long-distance link, each way
--only     only work whose name holds this word
--silence  measure also how soon a link that falls silent is noticed (minutes)
--members  measure also a gateway at rest with so many others
--out      where fabric.json and fabric.svg go; default docs/bench";

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) quick: bool,
    pub(crate) delay: Duration,
    pub(crate) rounds: usize,
    pub(crate) only: String,
    pub(crate) silence: bool,
    pub(crate) members: usize,
    pub(crate) out: PathBuf,
    /// As they were given.
    pub(crate) words: Vec<String>,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let quick = words.iter().any(|word| word == "--quick");
        let mut arguments = Self {
            quick,
            delay: Duration::ZERO,
            rounds: if quick { 1 } else { 5 },
            only: String::new(),
            silence: false,
            members: if quick { 0 } else { 30 },
            out: PathBuf::from("docs/bench"),
            words: words.clone(),
        };
        let mut rest = words.into_iter();
        while let Some(word) = rest.next() {
            let mut value =
                || rest.next().unwrap_or_else(|| panic!("{word} wants a value\n{HELP}"));
            match word.as_str() {
                "--quick" => {}
                "--silence" => arguments.silence = true,
                "--delay" => arguments.delay = milliseconds(&value()),
                "--rounds" => arguments.rounds = value().parse().expect("a number"),
                "--members" => arguments.members = value().parse().expect("a number"),
                "--only" => arguments.only = value(),
                "--out" => arguments.out = value().into(),
                _ => panic!("{HELP}"),
            }
        }
        arguments
    }
}

fn milliseconds(text: &str) -> Duration {
    let number = text.trim_end_matches("ms").parse().expect("milliseconds, such as 40ms");
    Duration::from_millis(number)
}
