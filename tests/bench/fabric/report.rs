//! What was measured, as tables, JSON and a chart.

use std::{collections::BTreeMap, fs, process::Command, time::Duration};

use serde_json::{Value, json};

use crate::{
    arguments::Arguments,
    chart,
    place::Kind,
    verdict,
    work::{Measured, Work},
};

/// Everything that was measured.
pub(crate) struct Report {
    head: Value,
    order: Vec<Work>,
    runs: BTreeMap<String, BTreeMap<Kind, Vec<Measured>>>,
    silence: BTreeMap<Kind, Option<Duration>>,
    rest: Option<Value>,
    pair: Option<Value>,
}

/// A figure of one run.
type Figure = fn(&Measured) -> f64;

impl Report {
    pub(crate) fn new(arguments: &Arguments) -> Self {
        let head = json!({
            "schema": "antiphon.bench-fabric.v1",
            "date": output("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            "revision": output("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            "arguments": arguments.words,
            "delay_ms_each_way": arguments.delay.as_millis() as u64,
            "rounds": arguments.rounds,
            "cpus": std::thread::available_parallelism().map_or(0, usize::from),
            "nats_server": nats_version(),
            "tls": "everywhere: clients, nodes, gateways, between brokers and on links",
            "link": "round trips without delay: direct; everything else: through a relay that counts",
            "nodes": "emulated: one connection that answers for all",
            "release_build": !cfg!(debug_assertions),
        });
        Self {
            head,
            order: Vec::new(),
            runs: BTreeMap::new(),
            silence: BTreeMap::new(),
            rest: None,
            pair: None,
        }
    }

    pub(crate) fn add(&mut self, _round: usize, kind: Kind, work: &Work, measured: Measured) {
        if !self.order.contains(work) {
            self.order.push(*work);
        }
        self.runs.entry(work.label()).or_default().entry(kind).or_default().push(measured);
    }

    pub(crate) fn silence(&mut self, kind: Kind, noticed: Option<Duration>) {
        self.silence.insert(kind, noticed);
    }

    pub(crate) fn pair(&mut self, pair: Value) {
        self.pair = Some(pair);
    }

    pub(crate) fn rest(&mut self, rest: Value) {
        self.rest = Some(rest);
    }

    pub(crate) fn print(&self) {
        println!("{}", serde_json::to_string_pretty(&self.head).expect("JSON"));
        for work in &self.order {
            println!(
                "\n{}: medians of {} runs (least to most), and ratio to flat",
                work.label(),
                self.head["rounds"]
            );
            println!(
                "{:<16}{:>30}{:>10}{:>12}{:>8}{:>8}{:>12}{:>12}{:>10}",
                "",
                wall_name(work),
                "ratio",
                "link bytes",
                "lost",
                "twice",
                "CPU ms",
                "of gateways",
                "peak MiB"
            );
            let runs = &self.runs[&work.label()];
            let flat = runs.get(&Kind::Flat).map(|runs| median(runs, wall));
            for (kind, runs) in runs {
                self.line(*kind, runs, flat);
            }
        }
        for (kind, noticed) in &self.silence {
            let noticed =
                noticed.map_or("not within 100 s".to_owned(), |time| format!("{time:.1?}"));
            println!("silent link noticed, {}: {noticed}", kind.label());
        }
        if let Some(rest) = &self.rest {
            println!("at rest: {rest}");
        }
        println!("\n{}", verdict::table(&self.json()));
    }

    fn line(&self, kind: Kind, runs: &[Measured], flat: Option<f64>) {
        let middle = median(runs, wall);
        let (least, most) = spread(runs, wall);
        let walls = if runs[0].trips.is_empty() {
            format!("{middle:.3} ({least:.3} to {most:.3}) s")
        } else {
            let p99 = median(runs, |one| one.percentile(99.0));
            format!("{:.3} ({:.3} to {:.3}), {p99:.2} ms", middle * 1e3, least * 1e3, most * 1e3)
        };
        let sum = |figure: fn(&Measured) -> usize| runs.iter().map(figure).sum::<usize>();
        println!(
            "{:<16}{walls:>30}{:>10.2}{:>12.0}{:>8}{:>8}{:>12.0}{:>12.0}{:>10.1}",
            kind.label(),
            middle / flat.unwrap_or(f64::NAN),
            median(runs, |one| one.link_bytes as f64),
            sum(|one| one.lost),
            sum(|one| one.duplicated),
            median(runs, |one| one.cpu_s * 1e3),
            median(runs, |one| one.gateway_cpu_s * 1e3),
            median(runs, |one| if one.gateway_peak_mib > 0.0 {
                one.gateway_peak_mib
            } else {
                one.peak_mib
            }),
        );
    }

    /// Writes `fabric.json` and `fabric.svg`, or with a delay `fabric-40ms.json` and so on.
    pub(crate) fn write(&self, arguments: &Arguments) {
        fs::create_dir_all(&arguments.out).expect("a folder");
        let name = match (arguments.quick, arguments.delay.as_millis()) {
            (true, _) => "fabric-quick".to_owned(),
            (false, 0) => "fabric".to_owned(),
            (false, delay) => format!("fabric-{delay}ms"),
        };
        let path = |extension: &str| arguments.out.join(format!("{name}.{extension}"));
        let text = serde_json::to_string_pretty(&self.json()).expect("JSON");
        fs::write(path("json"), text + "\n").expect("a file");
        fs::write(path("svg"), chart::svg(&self.bars())).expect("a file");
        println!("\nwritten: {} and .svg", path("json").display());
    }

    fn json(&self) -> Value {
        let mut value = self.head.clone();
        let mut work = serde_json::Map::new();
        for (label, runs) in &self.runs {
            let mut kinds = serde_json::Map::new();
            for (kind, runs) in runs {
                let all: Vec<Value> = runs.iter().map(Measured::json).collect();
                let median = json!({
                    "wall_s": median(runs, wall),
                    "link_bytes": median(runs, |one| one.link_bytes as f64),
                    "cpu_s": median(runs, |one| one.cpu_s),
                    "gateway_cpu_s": median(runs, |one| one.gateway_cpu_s),
                });
                kinds.insert(kind.label().to_owned(), json!({ "median": median, "runs": all }));
            }
            work.insert(label.clone(), kinds.into());
        }
        value["work"] = work.into();
        let silence = self.silence.iter();
        value["silence_noticed_s"] = silence
            .map(|(kind, time)| {
                (kind.label().to_owned(), time.map(|time| time.as_secs_f64()).into())
            })
            .collect::<serde_json::Map<_, _>>()
            .into();
        value["at_rest"] = self.rest.clone().unwrap_or_default();
        value["pair"] = self.pair.clone().unwrap_or_default();
        value
    }

    /// For each work, what each way took and sent.
    fn bars(&self) -> Vec<chart::Group> {
        let figures: [(&str, Figure); 3] = [
            ("time, seconds", wall),
            ("bytes on the link, MB", |one| one.link_bytes as f64 / 1e6),
            ("CPU between client and nodes, seconds", |one| one.cpu_s),
        ];
        let mut groups = Vec::new();
        for (what, figure) in figures {
            for work in &self.order {
                let runs = &self.runs[&work.label()];
                let bars = runs.iter().map(|(kind, runs)| {
                    let (least, most) = spread(runs, figure);
                    chart::Bar { label: kind.label(), value: median(runs, figure), least, most }
                });
                let title = format!("{}: {what}", work.label());
                groups.push(chart::Group { title, bars: bars.collect() });
            }
        }
        groups
    }
}

fn wall(measured: &Measured) -> f64 {
    measured.wall_s
}

fn wall_name(work: &Work) -> &'static str {
    match work {
        Work::RoundTrips(_) | Work::FarTrips(..) => "p50 (spread), p99",
        Work::Burst(_) | Work::Paced(..) | Work::Directed(_) => "until the last reply",
    }
}

fn median(runs: &[Measured], figure: Figure) -> f64 {
    let mut all: Vec<f64> = runs.iter().map(figure).collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn spread(runs: &[Measured], figure: Figure) -> (f64, f64) {
    let all = runs.iter().map(figure);
    all.fold((f64::MAX, f64::MIN), |(least, most), one| (least.min(one), most.max(one)))
}

fn nats_version() -> String {
    let program = antiphon_lab::nats::find().expect("a nats-server");
    output(&program.display().to_string(), &["--version"])
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.unwrap_or_default()
}
