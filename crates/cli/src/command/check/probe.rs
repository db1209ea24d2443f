//! Traces the way between regions that no client could ping.

use std::time::Duration;

use antiphon_core::{GatewayId, RegionId};
use futures_util::{StreamExt, stream};

use crate::{
    admin::Asked,
    check::{
        Evidence,
        facts::{Pair, Proof},
    },
    noun::trace::verdict,
};

/// How long a probe may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// Probes under way at one time.
const AT_ONCE: usize = 16;

/// Has a gateway of each pair's near region probe the far one, by way of the gateway we talk to. Pairs
/// whose brokers are known to be away stay as they are: why is told already.
pub(super) async fn probe(evidence: &mut Evidence, gateway: &Asked) {
    let mut pairs = std::mem::take(&mut evidence.pairs);
    let open = pairs.iter_mut().filter_map(|pair| {
        let (from, to) = ends(evidence, pair)?;
        Some(async move {
            if let Some(proof) = one(gateway, &from, to).await {
                pair.proof = proof;
            }
        })
    });
    let open: Vec<_> = open.collect();
    stream::iter(open).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    evidence.pairs = pairs;
}

/// Who probes which region, where nothing has proven a pair and something might.
fn ends(evidence: &Evidence, pair: &Pair) -> Option<(GatewayId, RegionId)> {
    if !matches!(pair.proof, Proof::Nothing { .. }) || !evidence.has_working_gateway(&pair.to) {
        return None;
    }
    let from = evidence.asked.iter().map(|asked| &asked.report.core);
    let from = from.filter(|core| core.region.as_str() == pair.from);
    let from = from.filter(|core| core.broker.up).map(|core| core.gateway.clone()).next()?;
    Some((from, pair.to.parse().ok()?))
}

async fn one(gateway: &Asked, from: &GatewayId, to: RegionId) -> Option<Proof> {
    match gateway.trace(from, to, PATIENCE).await {
        Ok(Ok(trace)) => match trace.took {
            Some(took) if trace.is_good() => Some(Proof::Probe { took }),
            Some(_) | None => {
                Some(Proof::ProbeLost { reason: format!("{from}: {}", verdict(&trace).text) })
            }
        },
        Ok(Err(reason)) => Some(Proof::ProbeLost { reason: format!("{from}: {reason}") }),
        // Of a gateway that went away meanwhile another check tells.
        Err(_) => None,
    }
}
