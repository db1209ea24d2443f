//! Asks the gateways.

use std::{path::Path, time::Duration};

use antiphon_gateway::{
    admin::Address,
    shell::{Report, topic},
};
use antiphon_lab::Manifest;
use anyhow::anyhow;
use tokio::{task::JoinSet, time::Instant};

use super::unix;
use crate::{
    Failure,
    admin::{self, AdminArgs},
    check::{Evidence, evidence::Asked},
};

/// How long another gateway may take to answer by way of the one that is asked.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the gateway that is named and, by way of it, all others; in a lab, each by itself. Returns also one
/// that answered, for further questions.
///
/// # Errors
/// None was named, or none answers.
pub(super) async fn ask(admin: &AdminArgs) -> Result<(Evidence, admin::Asked), Failure> {
    let mut evidence = Evidence::default();
    match admin.lab() {
        None => {
            let mut gateway = admin.connect().await?;
            let local = matches!(gateway.address(), Address::Unix(_));
            let (begin, before) = (Instant::now(), unix());
            let report = gateway.report().await?;
            let took = begin.elapsed();
            others(&gateway, &report, &mut evidence).await?;
            let here = Some(before + took / 2);
            evidence.asked.insert(0, Asked { report, local, took: Some(took), here });
            evidence.whole = true;
            Ok((evidence, gateway))
        }
        Some(dir) => {
            let gateway = lab(admin, dir, &mut evidence).await?;
            Ok((evidence, gateway))
        }
    }
}

/// Asks every other gateway that this one knows of, by way of it, all at a time.
async fn others(
    gateway: &admin::Asked,
    report: &Report,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let members = report.core.gateways.iter();
    let names = members.map(|member| &member.gateway).filter(|name| **name != report.core.gateway);
    let mut asking = JoinSet::new();
    for name in names {
        let (gateway, name) = (gateway.clone(), name.clone());
        asking.spawn(async move {
            let (begin, before) = (Instant::now(), unix());
            let answer = gateway.ask::<Report>(&name, topic::REPORT, PATIENCE).await;
            let took = begin.elapsed();
            (name.to_string(), answer, took, before + took / 2)
        });
    }
    while let Some(asked) = asking.join_next().await {
        let (name, answer, took, here) = asked.map_err(Failure::problem)?;
        let why = match answer {
            Ok(Ok(report)) => {
                let (took, here) = (Some(took), Some(here));
                evidence.asked.push(Asked { report, local: false, took, here });
                continue;
            }
            Ok(Err(why)) => why,
            Err(failure) => format!("{:#}", failure.error),
        };
        evidence.silent.insert(name, why);
    }
    evidence.asked.sort_by(|one, other| one.report.core.gateway.cmp(&other.report.core.gateway));
    Ok(())
}

/// The one that was named comes first; the others are not missed if it does not answer.
async fn lab(
    admin: &AdminArgs,
    dir: &Path,
    evidence: &mut Evidence,
) -> Result<admin::Asked, Failure> {
    let first = admin.address()?;
    let manifest = Manifest::read(dir).map_err(Failure::usage)?;
    let gateways = manifest.regions.into_values().flat_map(|region| region.gateways);
    let mut asking = JoinSet::new();
    for (name, gateway) in gateways {
        let address: Address = gateway.admin.parse().map_err(Failure::usage)?;
        let admin = admin.clone();
        asking.spawn(async move { (name, address.clone(), one(&admin, &address).await) });
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
    evidence.whole = true;
    let gateway = answered.first().map(|(_, _, (gateway, _))| gateway.clone());
    evidence.asked = answered.into_iter().map(|(_, _, (_, asked))| asked).collect();
    let nobody = || Failure::usage(anyhow!("{}: the lab has no gateways", dir.display()));
    gateway.ok_or_else(|| failure.unwrap_or_else(nobody))
}

async fn one(admin: &AdminArgs, address: &Address) -> Result<(admin::Asked, Asked), Failure> {
    let mut gateway = admin.connect_to(address).await?;
    let (begin, before) = (Instant::now(), unix());
    let report = gateway.report().await?;
    let took = begin.elapsed();
    let asked = Asked { report, local: true, took: Some(took), here: Some(before + took / 2) };
    Ok((gateway, asked))
}
