//! What a run says of the figures that the fabric is to hold, as a table; from the JSON alone, so that
//! a committed one can be read again.

use serde_json::Value;

/// One figure: what it is, what it may be at most (or at least), what it was.
struct Bar {
    what: &'static str,
    bar: String,
    measured: String,
    holds: bool,
}

const TRIP: &str = "round-trip";
const FAR_TRIP: &str = "round-trip-40ms";
const BURST: &str = "burst-20000";
const PACED: &str = "paced-50000-over-2000ms";
const DIRECTED: &str = "directed-50000";

/// The table, in Markdown; figures that were not measured are left out.
pub(crate) fn table(run: &Value) -> String {
    let run = Run(run);
    let all = [run.trips(), run.walls(), run.links(), run.machines()];
    let text = |name: &str| run.0[name].as_str().unwrap_or("?").to_owned();
    let mut table = format!(
        "{}, revision {}, {} processors, {}, TLS everywhere, medians of {} runs\n\n\
         | what | bar | measured | |\n|---|---|---|---|\n",
        text("date"),
        text("revision"),
        run.0["cpus"],
        text("nats_server"),
        run.0["rounds"],
    );
    for bar in all.into_iter().flatten().flatten() {
        let Bar { what, bar, measured, holds } = bar;
        let holds = if holds { "holds" } else { "**misses**" };
        table += &format!("| {what} | {bar} | {measured} | {holds} |\n");
    }
    table
}

struct Run<'a>(&'a Value);

impl Run<'_> {
    /// A figure of one way, the median of its runs.
    fn median(&self, work: &str, way: &str, figure: &str) -> Option<f64> {
        self.0["work"][work][way]["median"][figure].as_f64()
    }

    fn each(&self, work: &str, way: &str, figure: &str) -> Vec<f64> {
        let runs = self.0["work"][work][way]["runs"].as_array();
        runs.into_iter().flatten().filter_map(|run| run[figure].as_f64()).collect()
    }

    /// The fabric against another way.
    fn ratio(&self, work: &str, figure: &str, to: &str) -> Option<f64> {
        Some(self.median(work, "fabric", figure)? / self.median(work, to, figure)?)
    }

    fn at_most(
        &self,
        what: &'static str,
        (work, figure, to): (&str, &str, &str),
        bar: f64,
    ) -> Option<Bar> {
        let ratio = self.ratio(work, figure, to)?;
        let (measured, holds) = (format!("{ratio:.2} x"), ratio <= bar);
        Some(Bar { what, bar: format!("at most {bar} x {to}"), measured, holds })
    }

    /// Every answer once, in every run.
    fn each_once(&self, what: &'static str, work: &str) -> Option<Bar> {
        self.median(work, "fabric", "wall_s")?;
        let sum = |figure: &str| self.each(work, "fabric", figure).iter().sum::<f64>();
        let (lost, twice) = (sum("lost"), sum("duplicated"));
        let measured = format!("{lost} lost, {twice} twice");
        Some(Bar { what, bar: "none".to_owned(), measured, holds: lost + twice == 0.0 })
    }

    fn trips(&self) -> Vec<Option<Bar>> {
        let of = |way: &str| self.median(TRIP, way, "wall_s");
        let near = || {
            let (fabric, flat, gateways) = (of("fabric")?, of("flat")?, of("nats-gateways")?);
            let ratio = fabric / flat;
            let measured = format!("{ratio:.2} x (NATS gateways {:.2} x)", gateways / flat);
            let bar = "below 2.8 x flat".to_owned();
            Some(Bar { what: "round trip, p50", bar, measured, holds: ratio < 2.8 })
        };
        let far = || {
            let p50 = self.median(FAR_TRIP, "fabric", "wall_s")? * 1000.0;
            let others = ["nats-gateways", "leaf-node-s2"].map(|way| {
                self.median(FAR_TRIP, way, "wall_s").map_or(f64::NAN, |wall| wall * 1000.0)
            });
            let measured =
                format!("{p50:.2} ms (NATS gateways {:.2}, leaf {:.2})", others[0], others[1]);
            let bar = "at most 81 ms".to_owned();
            Some(Bar { what: "the same, 40 ms each way", bar, measured, holds: p50 <= 81.0 })
        };
        vec![near(), far()]
    }

    fn walls(&self) -> Vec<Option<Bar>> {
        let wall = |what, work, to, bar| self.at_most(what, (work, "wall_s", to), bar);
        vec![
            self.each_once("50,000 replies over 2 s, missing", PACED),
            wall("the same, time", PACED, "flat", 1.1),
            self.each_once("20,000 replies at once, missing", BURST),
            wall("the same, time", BURST, "nats-gateways", 1.5),
            self.each_once("requests to each of 50,000, missing", DIRECTED),
            wall("the same, time", DIRECTED, "nats-gateways", 1.0),
        ]
    }

    fn links(&self) -> Vec<Option<Bar>> {
        let bytes = |what, work, to, bar| self.at_most(what, (work, "link_bytes", to), bar);
        vec![
            bytes("50,000 directed, link bytes", DIRECTED, "nats-gateways", 0.04),
            bytes("the same", DIRECTED, "leaf-node-s2", 0.067),
            bytes("50,000 replies to a broadcast, link bytes", PACED, "nats-gateways", 0.2),
            bytes("the same", PACED, "leaf-node-s2", 1.0),
            self.cpu("CPU a reply over 2 s, gateways against NATS gateways' servers", PACED),
            self.cpu("the same, 20,000 at once", BURST),
        ]
    }

    fn cpu(&self, what: &'static str, work: &str) -> Option<Bar> {
        let ours = self.median(work, "fabric", "gateway_cpu_s")?;
        let theirs = self.median(work, "nats-gateways", "cpu_s")?;
        let replies = self.each(work, "fabric", "arrived").first().copied()?;
        let (ratio, micros) = (ours / theirs, ours * 1e6 / replies);
        let measured = format!("{ratio:.2} x ({micros:.1} µs of both)");
        Some(Bar { what, bar: "at most 1.5 x".to_owned(), measured, holds: ratio <= 1.5 })
    }

    fn machines(&self) -> Vec<Option<Bar>> {
        let (pair, rest) = (&self.0["pair"], &self.0["at_rest"]);
        let speed = || {
            let (speed, lost) = (pair["frames_a_second"].as_f64()?, pair["lost"].as_f64()?);
            let wrong = lost + pair["out_of_turn"].as_f64()?;
            let seconds = pair["seconds"].as_f64()?;
            let measured = format!(
                "{speed:.0} for {seconds:.0} s, {wrong} lost or twice, {:.1} µs of CPU a frame",
                pair["cpu_us_a_frame"].as_f64()?
            );
            let (what, bar) = ("a pair, frames of 1 kB a second", "at least 100,000".to_owned());
            Some(Bar { what, bar, measured, holds: speed >= 1e5 && wrong == 0.0 })
        };
        let flat = || {
            let samples: Vec<f64> =
                pair["resident_mib"].as_array()?.iter().filter_map(Value::as_f64).collect();
            let (early, late) = (middle(&samples, 0.2)?, middle(&samples, 0.9)?);
            let measured = format!("{early:.0} MiB early, {late:.0} late");
            let (what, bar) = ("the same, memory of both and the load", "flat".to_owned());
            Some(Bar { what, bar, measured, holds: late <= early * 1.1 })
        };
        let resting = || {
            let (held, count) = (&rest["resident_mib"], rest["gateways"].as_u64()?);
            let most = held["most"].as_f64()?;
            let measured = format!(
                "{most:.1} MiB the most of {count}, {:.1} their median; {:.0} ms of CPU a second",
                held["median"].as_f64()?,
                rest["cpu_ms_a_second"].as_f64()?
            );
            let (what, bar) = ("a gateway at rest, 30 links", "below 30 MiB".to_owned());
            Some(Bar { what, bar, measured, holds: most < 30.0 })
        };
        let peak = || {
            let peaks = self.each(PACED, "fabric", "gateway_peak_mib").into_iter();
            let most = peaks.chain(self.each(BURST, "fabric", "gateway_peak_mib"));
            let most = most.reduce(f64::max)?;
            let (what, bar) = ("a gateway's peak, 50,000 replies", "below 128 MiB".to_owned());
            Some(Bar { what, bar, measured: format!("{most:.0} MiB"), holds: most < 128.0 })
        };
        vec![speed(), flat(), resting(), peak()]
    }
}

/// The median around a part of the samples.
fn middle(samples: &[f64], part: f64) -> Option<f64> {
    let tenth = (samples.len() / 10).max(1);
    let from = ((samples.len() as f64 * part) as usize).min(samples.len().checked_sub(tenth)?);
    let mut window = samples.get(from..from + tenth)?.to_vec();
    window.sort_by(f64::total_cmp);
    window.get(tenth / 2).copied()
}
