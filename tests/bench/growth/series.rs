//! The series that are measured.

use std::time::Duration;

use antiphon_core::{Filter, IdentityHash};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region};

use crate::world::{Shape, World};

/// One figure against one size.
pub(crate) struct Series {
    pub(crate) what: &'static str,
    /// What the size counts.
    pub(crate) of: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) points: Vec<(usize, f64)>,
}

impl Series {
    /// The slope between the ends of the line in a log-log plot: `value` grows as `size` to it.
    pub(crate) fn exponent(&self) -> f64 {
        let (Some(first), Some(last)) = (self.points.first(), self.points.last()) else {
            return f64::NAN;
        };
        let sizes = (last.0 as f64 / first.0 as f64).ln();
        (last.1.max(1e-9) / first.1.max(1e-9)).ln() / sizes
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "what": self.what,
            "of": self.of,
            "unit": self.unit,
            "exponent": self.exponent(),
            "points": self.points,
        })
    }
}

/// Runs of which the least counts.
const RUNS: usize = 5;

pub(crate) fn measure(quick: bool) -> Vec<Series> {
    let sizes = |all: &[usize]| if quick { all[..2].to_vec() } else { all.to_vec() };
    let mut all = nodes(&sizes(&[1_000, 2_000, 5_000, 10_000, 20_000, 50_000]));
    all.extend(regions(&sizes(&[2, 3, 5, 10, 15, 20])));
    all.extend(collectives(&sizes(&[1, 10, 100, 1_000])));
    all.extend(identities(&sizes(&[10_000, 100_000, 1_000_000])));
    all
}

fn nodes(sizes: &[usize]) -> Vec<Series> {
    let mut request = series("directed request, CPU in all", "nodes", "ms");
    let mut frames = series("directed request, frames on the link", "nodes", "frames");
    let mut replies = series("replies to it, CPU of the node's side in all", "nodes", "ms");
    for size in sizes {
        let mut world = World::new(&Shape { regions: 2, collectives: 1, identities: 0 });
        let took = least(|| world.ask_each(*size));
        request.points.push((*size, took));
        frames.points.push((*size, world.frames_of(|world| world.ask_each(*size)) as f64));
        replies.points.push((*size, least(|| world.answer(*size))));
    }
    vec![request, frames, replies]
}

fn regions(sizes: &[usize]) -> Vec<Series> {
    let mut request = series("broadcast, CPU where it enters", "regions", "ms");
    let mut reply = series("one reply, CPU where it enters", "regions", "ms");
    let mut change = series("a changed advert, CPU to new routes", "regions", "ms");
    let mut memory = series("a gateway's machine, memory", "regions", "kB");
    for size in sizes {
        let shape = Shape { regions: *size, collectives: 1, identities: 0 };
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let mut world = World::new(&shape);
        memory.points.push((*size, held(&region) / 1e3));
        request.points.push((*size, least(|| world.broadcast(100)) / 100.0));
        reply.points.push((*size, least(|| world.answer(100)) / 100.0));
        change.points.push((*size, least(|| world.change_adverts(20)) / 20.0));
    }
    vec![request, reply, change, memory]
}

fn collectives(sizes: &[usize]) -> Vec<Series> {
    const REGIONS: usize = 10;
    let mut request = series("broadcast, CPU where it enters", "collectives", "ms");
    let mut memory = series("memory of a collective in a region", "collectives", "B");
    for size in sizes {
        let empty = Shape { regions: REGIONS, collectives: 0, identities: 0 };
        let bare = held_by(|| World::new(&empty));
        let shape = Shape { regions: REGIONS, collectives: *size, identities: *size * 8 };
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let mut world = World::new(&shape);
        let bytes = (held(&region) - bare) / (size * (REGIONS - 1)) as f64;
        memory.points.push((*size, bytes));
        request.points.push((*size, least(|| world.broadcast(100)) / 100.0));
    }
    vec![request, memory]
}

fn identities(sizes: &[usize]) -> Vec<Series> {
    const REGIONS: usize = 3;
    let mut memory = series("memory of an identity in another region", "identities", "B");
    let mut request = series("request to one node, CPU where it enters", "identities", "ms");
    let mut build = series("all filters of a region anew, CPU", "identities", "ms");
    for size in sizes {
        let empty = Shape { regions: REGIONS, collectives: 1, identities: 0 };
        let bare = held_by(|| World::new(&empty));
        let shape = Shape { regions: REGIONS, collectives: 1, identities: *size };
        let region = Region::new(&INSTRUMENTED_SYSTEM);
        let mut world = World::new(&shape);
        let known = size * (REGIONS - 1);
        memory.points.push((*size, (held(&region) - bare) / known as f64));
        request.points.push((*size, least(|| world.ask_one(100)) / 100.0));
        let hashes: Vec<IdentityHash> =
            (0..*size).map(|number| IdentityHash::of(&format!("n{number}"))).collect();
        let parts =
            || hashes.chunks(8192).map(|part| Filter::build(part.iter().copied(), part.len()));
        build.points.push((*size, least(|| parts().for_each(drop))));
    }
    vec![memory, request, build]
}

fn series(what: &'static str, of: &'static str, unit: &'static str) -> Series {
    Series { what, of, unit, points: Vec::new() }
}

/// CPU milliseconds of this thread, the least of some runs.
fn least(mut work: impl FnMut()) -> f64 {
    let mut took = || {
        let began = cpu();
        work();
        (cpu() - began).as_secs_f64() * 1e3
    };
    (0..RUNS).map(|_| took()).fold(f64::MAX, f64::min)
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

/// Bytes held since.
fn held(region: &Region<'_, std::alloc::System>) -> f64 {
    let change = region.change();
    change.bytes_allocated as f64 - change.bytes_deallocated as f64
}

fn held_by<T>(make: impl FnOnce() -> T) -> f64 {
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    let made = make();
    let held = held(&region);
    drop(made);
    held
}
