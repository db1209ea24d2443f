//! Simulated seconds per second: 30 gateways of 15 regions, everybody linked with everybody, at rest.
//! Every ping an event first, then with pings folded. One core does it; what counts is its time, where
//! the system tells it, so that a busy machine measures the same as an idle one.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]
#![allow(clippy::disallowed_methods, reason = "what it measures is real time")]
#![allow(clippy::unwrap_used, reason = "a measurement fails by panicking")]

use std::{
    fs,
    time::{Duration, Instant},
};

use antiphon_sim::{Pings, Plan, Scenario, build, gateway};

/// By then everybody is linked with everybody.
const WARM: Duration = Duration::from_secs(60);
/// What is measured after that, in simulated time.
const SPAN: Duration = Duration::from_secs(1200);

fn main() {
    for (pings, how) in
        [(Pings::Events, "every ping an event"), (Pings::Folded, "idle pings folded")]
    {
        let mut world = build(&plan().with_pings(pings), 1, gateway);
        let began = Clock::start();
        world.run_until(WARM);
        let warm = began.seconds();
        let handled = world.handled();
        let began = Clock::start();
        world.run_until(WARM + SPAN);
        let wall = began.seconds();
        let events = (world.handled() - handled) as f64;
        println!(
            "{how}: {:.0} simulated s a second at rest ({:.0} events a simulated s, {:.0} ns each; \
             {} pings and answers folded in all); {:.0} from the start on, of which the first {} s, \
             in which everybody finds everybody, took {:.2} s",
            SPAN.as_secs_f64() / wall,
            events / SPAN.as_secs_f64(),
            wall * 1e9 / events,
            world.folded(),
            (WARM + SPAN).as_secs_f64() / (warm + wall),
            WARM.as_secs(),
            warm,
        );
    }
}

/// The time that this thread has had a core; where that is not known, the time that passed.
struct Clock {
    began: Instant,
    busy: Option<u64>,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), busy: busy_nanos() }
    }

    fn seconds(&self) -> f64 {
        match (self.busy, busy_nanos()) {
            (Some(before), Some(now)) => now.saturating_sub(before) as f64 / 1e9,
            _ => self.began.elapsed().as_secs_f64(),
        }
    }
}

/// What Linux says of the thread (proc(5), `schedstat`).
fn busy_nanos() -> Option<u64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

fn plan() -> Plan {
    let regions: String =
        (1..=15).map(|number| format!("[regions.r{number}]\ngateways = 2\n")).collect();
    let text = format!("about = 'a mesh'\nseeds = [1]\nrun_for = '1h'\ntraffic = []\n{regions}");
    let scenario = Scenario::parse("mesh", &text).unwrap();
    scenario.plan("mesh", &text).unwrap()
}
