//! A gateway at rest with many others.

use std::time::Duration;

use antiphon_lab::{Lab, Options};
use antiphon_tests::program;
use serde_json::{Value, json};

use crate::process::Watched;

/// So long after all links are up, windows and buffers of the beginning are given back.
const REST: Duration = Duration::from_secs(15);
/// All gateways share this machine: they are at rest when they work no less in one such stretch of time than in
/// the one before.
const STRETCH: Duration = Duration::from_secs(10);
/// But for noise.
const NO_LESS: f64 = 0.9;
/// Stretches that are waited for at most.
const STRETCHES_MAX: u32 = 18;

/// Brings up `members` gateways and one, in regions of at most four, and says what each holds and uses.
pub(crate) async fn measure(members: usize) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = Options::new(&folder.path().join("lab"), &program());
    options.regions = (members + 1).div_ceil(4);
    options.gateways = 4;
    options.nodes = 0;
    let lab = Lab::up(&options, std::sync::Arc::new(())).await.expect("a lab");
    let gateways = lab.regions().iter().flat_map(antiphon_lab::Region::gateways);
    let gateways: Vec<Watched> = gateways
        .map(|gateway| gateway.process().pid().expect("it runs"))
        .map(|pid| Watched { pid, is_gateway: true })
        .collect();
    tokio::time::sleep(REST).await;
    let (cpu, stretches) = come_to_rest(&gateways).await;
    let mut all: Vec<f64> = gateways.iter().map(Watched::resident_mib).collect();
    all.sort_by(f64::total_cmp);
    json!({
        "gateways": all.len(),
        "links_of_each": all.len() - 1,
        "resident_mib": { "median": all[all.len() / 2], "most": all.last() },
        "cpu_ms_a_second": cpu / STRETCH.as_secs_f64() / all.len() as f64 * 1000.0,
        "after_s": (REST + STRETCH * stretches).as_secs(),
    })
}

/// CPU seconds of all in the last stretch, and which that was.
async fn come_to_rest(gateways: &[Watched]) -> (f64, u32) {
    let mut before = f64::INFINITY;
    for stretch in 1..STRETCHES_MAX {
        let used = work(gateways).await;
        if used >= before * NO_LESS {
            return (used, stretch);
        }
        before = used;
    }
    (work(gateways).await, STRETCHES_MAX)
}

/// CPU seconds of all in a stretch of time.
async fn work(gateways: &[Watched]) -> f64 {
    let all = || gateways.iter().map(Watched::cpu).sum::<f64>();
    let before = all();
    tokio::time::sleep(STRETCH).await;
    all() - before
}
