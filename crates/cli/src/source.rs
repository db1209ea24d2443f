//! Where reports come from: one gateway, several by way of it, or a file.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use antiphon_core::{GatewayId, GatewayState, RegionId, Stamp};
use antiphon_gateway::shell::{Report, topic};
use anyhow::anyhow;
use tokio::task::JoinSet;

use crate::{
    Failure,
    admin::{AdminArgs, Asked},
    archive::{Archive, Silent},
    human,
    meant::did_you_mean,
    view::{Scope, View, held_in},
};

/// How long `gateways` waits for what others hold of us: it is to answer at once.
const HELD_TIMEOUT: Duration = Duration::from_millis(500);

/// Whom to ask, and for what.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// Ask every gateway of the fabric, by way of this one
    #[arg(short = 'A', long, conflicts_with = "of")]
    all_gateways: bool,
    /// Ask this gateway, by way of the one we talk to
    #[arg(long, value_name = "GATEWAY")]
    of: Option<GatewayId>,
    /// How long another gateway may take to answer
    #[arg(long, value_name = "TIME", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// Read what `antiphon archive FILE` wrote, and ask nobody
    #[arg(long, value_name = "FILE", conflicts_with_all = ["admin", "lab"])]
    archive: Option<PathBuf>,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What is wanted beside reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extra {
    /// Nothing.
    None,
    /// Which of our adverts the others hold.
    Held,
}

impl SourceArgs {
    /// What is there to show.
    ///
    /// # Errors
    /// Nobody answers, or the file cannot be read.
    pub async fn view(&self, extra: Extra) -> Result<View, Failure> {
        match &self.archive {
            Some(file) => self.of_archive(Archive::read(file).map_err(Failure::usage)?),
            None => self.of_gateways(extra).await,
        }
    }

    fn of_archive(&self, archive: Archive) -> Result<View, Failure> {
        if self.all_gateways {
            return Ok(View::of_all(archive));
        }
        let wanted = self.of.as_ref().unwrap_or(&archive.asked);
        let Some(report) = archive.report(wanted).cloned() else {
            let known = human::list(archive.reports.iter().map(|report| &report.core.gateway));
            return Err(Failure::usage(anyhow!("no report of {wanted} is in it; of: {known}")));
        };
        let held = held_in(&archive.reports, wanted);
        Ok(View { reports: vec![report], silent: Vec::new(), scope: Scope::One, held })
    }

    async fn of_gateways(&self, extra: Extra) -> Result<View, Failure> {
        let mut asked = self.admin.connect().await?;
        if self.all_gateways {
            return Ok(View::of_all(everybody(&asked, self.timeout).await?));
        }
        let report = match &self.of {
            None => asked.report().await?,
            Some(other) => match asked.ask(other, topic::REPORT, self.timeout).await? {
                Ok(report) => report,
                Err(why) => return Err(silence(other, &why, &asked.report().await?)),
            },
        };
        // What others hold of another gateway only that one can ask.
        let held = match (extra, &self.of) {
            (Extra::Held, None) => held(&asked, &report).await?,
            (Extra::Held, Some(_)) | (Extra::None, _) => BTreeMap::new(),
        };
        Ok(View { reports: vec![report], silent: Vec::new(), scope: Scope::One, held })
    }
}

/// Why another gateway did not answer; of one that nobody knows, whom the caller may have meant.
fn silence(other: &GatewayId, why: &str, report: &Report) -> Failure {
    let us = &report.core.gateway;
    let mut known = report.core.gateways.iter().map(|member| member.gateway.as_str());
    if known.any(|name| name == other.as_str()) {
        return Failure::unanswered(anyhow!("{other}: {why}"));
    }
    let known = report.core.gateways.iter().map(|member| member.gateway.as_str());
    let hint = did_you_mean(other.as_str(), known.clone());
    let known = human::list(known);
    Failure::usage(anyhow!("no gateway {other} is known to {us}, only {known}{hint}"))
}

/// Other gateways that a report names and that have not left.
fn others(report: &Report) -> Vec<(GatewayId, RegionId)> {
    let members = report.core.gateways.iter();
    let others = members.filter(|member| {
        member.gateway != report.core.gateway && member.state != Some(GatewayState::Left)
    });
    others.map(|member| (member.gateway.clone(), member.region.clone())).collect()
}

/// Asks every gateway that the first one knows, all at a time.
///
/// # Errors
/// The first one does not answer.
pub(crate) async fn everybody(asked: &Asked, patience: Duration) -> Result<Archive, Failure> {
    let own = asked.clone().report().await?;
    let (mut reports, silent) = ask_others(asked, &own, |asked, gateway| async move {
        asked.ask::<Report>(&gateway, topic::REPORT, patience).await
    })
    .await?;
    let first = own.core.gateway.clone();
    reports.push(own);
    Ok(Archive::new(first, reports, silent))
}

/// Asks the other gateways that one knows, by way of it and all at a time: what they answer, in any
/// order, and who says nothing.
///
/// # Errors
/// A question panicked.
pub(crate) async fn ask_others<T: Send + 'static, F>(
    asked: &Asked,
    own: &Report,
    ask: impl Fn(Asked, GatewayId) -> F,
) -> Result<(Vec<T>, Vec<Silent>), Failure>
where
    F: Future<Output = Result<Result<T, String>, Failure>> + Send + 'static,
{
    let mut asking = JoinSet::new();
    for (gateway, region) in others(own) {
        let answer = ask(asked.clone(), gateway.clone());
        asking.spawn(async move { (gateway, region, answer.await) });
    }
    let (mut said, mut silent) = (Vec::new(), Vec::new());
    while let Some(answered) = asking.join_next().await {
        let (gateway, region, answer) = answered.map_err(Failure::problem)?;
        match answer {
            Ok(Ok(one)) => said.push(one),
            Ok(Err(reason)) => silent.push(Silent { gateway, region, reason }),
            Err(failure) => {
                silent.push(Silent { gateway, region, reason: format!("{:#}", failure.error) });
            }
        }
    }
    Ok((said, silent))
}

/// What one gateway says.
///
/// # Errors
/// It does not answer.
pub(crate) async fn only(mut asked: Asked) -> Result<View, Failure> {
    asked.report().await.map(View::of_one)
}

/// Which of its topology adverts the others hold; those that do not answer are left out.
async fn held(asked: &Asked, report: &Report) -> Result<BTreeMap<GatewayId, Stamp>, Failure> {
    let mut asking = JoinSet::new();
    for member in &report.core.gateways {
        if member.route.is_some() {
            let (asked, gateway) = (asked.clone(), member.gateway.clone());
            asking.spawn(async move {
                let answer =
                    asked.ask::<Option<Stamp>>(&gateway, topic::ADVERT, HELD_TIMEOUT).await;
                (gateway, answer)
            });
        }
    }
    let mut held = BTreeMap::new();
    while let Some(answered) = asking.join_next().await {
        let (gateway, answer) = answered.map_err(Failure::problem)?;
        if let Ok(Ok(Some(stamp))) = answer {
            held.insert(gateway, stamp);
        }
    }
    Ok(held)
}
