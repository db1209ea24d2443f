//! Tries what a gateway would meet.

use std::{collections::BTreeMap, path::Path};

use antiphon_gateway::preflight;

use super::brokers;
use crate::check::{self, before::Before, show::Checked};

/// Looks at a configuration. A bad one is no error but a problem, with everything that is wrong.
pub(super) async fn look(config: &Path) -> Checked {
    let tried = Box::pin(preflight::look(config)).await;
    let who = tried.who.clone();
    let region = who.as_ref().map(|who| who.region.to_string()).unwrap_or_default();
    let monitors = tried.settings.monitors.iter();
    let places = monitors.map(|url| (region.clone(), url.clone())).collect();
    let servers = brokers::ask_all(places, tried.monitor_tls.clone()).await;
    let before = Before { tried, servers };
    Checked {
        at: before.tried.at,
        fabric: who.as_ref().map(|who| who.fabric.to_string()).unwrap_or_default(),
        region,
        gateway: who.map(|who| who.gateway.to_string()).unwrap_or_default(),
        before: true,
        asked: BTreeMap::new(),
        pairs: Vec::new(),
        answers: check::look_before(&before),
    }
}
