//! What is asked for.

use std::{path::PathBuf, time::Duration};

const HELP: &str =
    "bench-fabric [--quick] [--delay MILLISECONDSms] [--rounds N] [--only WORD] [--way WORD] \
[--silence] [--members N] [--pair SECONDS] [--out FOLDER]
bench-fabric --table FILE

Everything, unless it is asked for less: some 15 minutes.

--quick    few messages, one round, nothing else: whether it works at all
--delay    on the long-distance link, each way, for all work; default 0, and 40ms for one kind
--rounds   default 3
--only     only work whose name holds this word, and nothing else
--way      only ways whose name holds this word, and nothing else
--silence  with one of these: also how soon a link that falls silent is noticed
--members  likewise: also a gateway at rest with so many others; default 30
--pair     likewise: also a pair of gateways as fast as they go, for so long; default 300
--out      where fabric.json and fabric.svg go; default docs/bench
--table    print what a JSON file says of the figures that the fabric is to hold";

/// What is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Arguments {
    pub(crate) quick: bool,
    pub(crate) delay: Duration,
    pub(crate) rounds: usize,
    pub(crate) only: String,
    pub(crate) way: String,
    pub(crate) silence: bool,
    pub(crate) members: usize,
    pub(crate) pair: u64,
    pub(crate) out: PathBuf,
    /// As they were given.
    pub(crate) words: Vec<String>,
}

impl Arguments {
    pub(crate) fn read() -> Self {
        let words: Vec<String> = std::env::args().skip(1).collect();
        let quick = words.iter().any(|word| word == "--quick");
        let part = |word: &String| word == "--only" || word == "--way";
        let whole = !quick && !words.iter().any(part);
        let mut arguments = Self {
            quick,
            delay: Duration::ZERO,
            rounds: if quick { 1 } else { 3 },
            only: String::new(),
            way: String::new(),
            silence: whole,
            members: if whole { 30 } else { 0 },
            pair: if whole { 300 } else { 0 },
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
                "--pair" => arguments.pair = value().parse().expect("seconds"),
                "--only" => arguments.only = value(),
                "--way" => arguments.way = value(),
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
