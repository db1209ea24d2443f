//! When a lab's fabric is whole: every gateway has its broker, takes messages, has a link to every
//! other, and a route to every region with all of that region's gateways.

use std::collections::BTreeMap;

use antiphon_core::{GatewayState, Snapshot};
use antiphon_gateway::admin::{AdminError, Client};
use antiphon_lab::{Manifest, Whole};

use crate::noun::regions::usable;

/// How many gateways each region has.
type Expected = BTreeMap<String, u64>;

/// Asks every gateway of a lab; the first that lacks something is named.
pub(super) fn whole() -> Whole {
    Box::new(|manifest| Box::pin(async move { check(&manifest).await }))
}

async fn check(manifest: &Manifest) -> Result<(), String> {
    let count = |(name, region): (&String, &antiphon_lab::RegionEntry)| {
        (name.clone(), region.gateways.len() as u64)
    };
    let expected: Expected = manifest.regions.iter().map(count).collect();
    for (name, gateway) in manifest.regions.values().flat_map(|region| &region.gateways) {
        let snapshot = ask(&gateway.admin).await.map_err(|error| format!("{name}: {error}"))?;
        if let Some(lack) = lack(&snapshot, &expected) {
            return Err(format!("{name} {lack}"));
        }
    }
    Ok(())
}

async fn ask(address: &str) -> Result<Snapshot, Box<dyn std::error::Error + Send + Sync>> {
    let mut client = Client::connect(&address.parse()?, None).await?;
    let report: Result<_, AdminError> = client.snapshot().await;
    Ok(report?.core)
}

/// What the gateway lacks.
fn lack(snapshot: &Snapshot, expected: &Expected) -> Option<String> {
    if !snapshot.broker.up {
        return Some("has no broker".to_owned());
    }
    if !snapshot.joined || snapshot.state != GatewayState::Active {
        return Some("takes no messages".to_owned());
    }
    let others = expected.values().sum::<u64>().saturating_sub(1);
    let links = snapshot.links.iter().filter(|link| link.state == "up").count() as u64;
    if links < others {
        return Some(format!("has {links} of {others} links"));
    }
    expected.iter().find_map(|(region, gateways)| lack_of(snapshot, region, *gateways))
}

fn lack_of(snapshot: &Snapshot, name: &str, gateways: u64) -> Option<String> {
    let Some(region) = snapshot.regions.iter().find(|view| view.region.as_str() == name) else {
        return Some(format!("does not know region {name}"));
    };
    if !region.ours && region.route.is_none() {
        return Some(format!("has no route to region {name}"));
    }
    let usable = usable(snapshot, &region.region);
    (usable < gateways).then(|| format!("knows {usable} of {gateways} gateways of region {name}"))
}

#[cfg(test)]
mod tests {
    use antiphon_gateway::shell::Report;

    use super::*;

    /// A gateway with two of two links, that knows its own region and one other.
    fn snapshot() -> Snapshot {
        let text = include_str!("../../../tests/golden/report.json");
        let mut core = serde_json::from_str::<Report>(text).unwrap().core;
        core.links.retain(|link| ["eu-2", "us-1"].contains(&link.gateway.as_str()));
        core
    }

    fn expected(regions: &[(&str, u64)]) -> Expected {
        regions.iter().map(|(name, gateways)| ((*name).to_owned(), *gateways)).collect()
    }

    #[test]
    fn a_gateway_that_sees_everybody_lacks_nothing() {
        assert_eq!(lack(&snapshot(), &expected(&[("eu", 2), ("us", 1)])), None);
    }

    #[test]
    fn what_is_missing_is_named() {
        let lacks = |regions: &[(&str, u64)]| lack(&snapshot(), &expected(regions));
        assert_eq!(lacks(&[("eu", 2), ("us", 2)]).unwrap(), "has 2 of 3 links");
        assert_eq!(lacks(&[("us", 2)]).unwrap(), "knows 1 of 2 gateways of region us");
        assert_eq!(lacks(&[("sa", 1)]).unwrap(), "has no route to region sa");
        assert_eq!(lacks(&[("mars", 1)]).unwrap(), "does not know region mars");
        let mut alone = snapshot();
        alone.joined = false;
        assert_eq!(lack(&alone, &expected(&[])).unwrap(), "takes no messages");
        alone.broker.up = false;
        assert_eq!(lack(&alone, &expected(&[])).unwrap(), "has no broker");
    }
}
