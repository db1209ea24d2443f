//! Asks the gateways.

use std::path::Path;

use antiphon_gateway::admin::Address;
use antiphon_lab::Manifest;
use tokio::{task::JoinSet, time::Instant};

use super::unix;
use crate::{
    Failure,
    admin::AdminArgs,
    check::{Evidence, evidence::Asked},
};

/// Asks the gateway that is named; in a lab, all of them.
///
/// # Errors
/// None was named, or none answers.
pub(super) async fn ask(admin: &AdminArgs) -> Result<Evidence, Failure> {
    let mut evidence = Evidence::default();
    match admin.lab() {
        None => {
            let address = admin.address()?;
            let local = matches!(address, Address::Unix(_));
            evidence.asked.push(one(admin, &address, local).await?);
        }
        Some(dir) => lab(admin, dir, &mut evidence).await?,
    }
    Ok(evidence)
}

/// The one that was named comes first; the others are not missed if it does not answer.
async fn lab(admin: &AdminArgs, dir: &Path, evidence: &mut Evidence) -> Result<(), Failure> {
    let first = admin.address()?;
    let manifest = Manifest::read(dir).map_err(Failure::usage)?;
    let gateways = manifest.regions.into_values().flat_map(|region| region.gateways);
    let mut asking = JoinSet::new();
    for (name, gateway) in gateways {
        let address: Address = gateway.admin.parse().map_err(Failure::usage)?;
        let admin = admin.clone();
        asking.spawn(async move { (name, address.clone(), one(&admin, &address, true).await) });
    }
    let mut failure = None;
    let mut answered = Vec::new();
    while let Some(asked) = asking.join_next().await {
        let (name, address, asked) = asked.map_err(Failure::problem)?;
        match asked {
            Ok(asked) => answered.push((address != first, name, asked)),
            Err(why) => {
                evidence.silent.insert(name, format!("{:#}", why.error));
                failure = Some(why);
            }
        }
    }
    answered.sort_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)));
    evidence.asked = answered.into_iter().map(|(_, _, asked)| asked).collect();
    evidence.whole = true;
    match failure {
        Some(failure) if evidence.asked.is_empty() => Err(failure),
        Some(_) | None => Ok(()),
    }
}

async fn one(admin: &AdminArgs, address: &Address, local: bool) -> Result<Asked, Failure> {
    let mut asked = admin.connect_to(address).await?;
    let (begin, before) = (Instant::now(), unix());
    let report = asked.report().await?;
    let took = begin.elapsed();
    Ok(Asked { report, local, took: Some(took), here: Some(before + took / 2) })
}
