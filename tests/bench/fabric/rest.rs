//! A gateway at rest with many others.

use std::time::Duration;

use antiphon_lab::{Lab, Options};
use antiphon_tests::program;
use serde_json::{Value, json};

use crate::process::Watched;

/// So long after all links are up, windows and buffers of the beginning are given back.
const REST: Duration = Duration::from_secs(15);

/// Brings up `members` gateways and one, in regions of at most four, and says what each holds.
pub(crate) async fn measure(members: usize) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut options = Options::new(&folder.path().join("lab"), &program());
    options.regions = (members + 1).div_ceil(4);
    options.gateways = 4;
    options.nodes = 0;
    let lab = Lab::up(&options, std::sync::Arc::new(())).await.expect("a lab");
    let gateways: Vec<_> = lab.regions().iter().flat_map(antiphon_lab::Region::gateways).collect();
    tokio::time::sleep(REST).await;
    let resident = |gateway: &&antiphon_lab::Gateway| {
        let pid = gateway.process().pid().expect("it runs");
        Watched { pid, is_gateway: true }.resident_mib()
    };
    let mut all: Vec<f64> = gateways.iter().map(resident).collect();
    all.sort_by(f64::total_cmp);
    json!({
        "gateways": all.len(),
        "links_of_each": all.len() - 1,
        "resident_mib": { "median": all[all.len() / 2], "most": all.last() },
    })
}
