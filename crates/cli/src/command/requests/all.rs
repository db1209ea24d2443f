//! What all gateways remember.

use antiphon_core::RequestsView;
use antiphon_gateway::shell::Said;
use anyhow::anyhow;
use serde_json::json;
use tokio::task::JoinSet;

use super::{Args, Output, then};
use crate::{
    Exit, Failure,
    admin::Asked,
    archive::Silent,
    noun::{document_of, requests},
    screen::{Screen, message, show_json},
};

/// Shows them together: one row a request, whoever knows what of it. Programs get each gateway's own
/// document.
pub(super) async fn show(args: &Args) -> Result<Exit, Failure> {
    let (said, silent) = match &args.archive {
        Some(file) => then::of_all(file, &args.wanted(0)).map_err(Failure::usage)?,
        None => everybody(args, &mut args.admin.connect().await?).await?,
    };
    let at = said.iter().map(|one| one.at).max().unwrap_or_default();
    for one in &silent {
        message(format_args!("{} of {}: {}", one.gateway, one.region, one.reason));
    }
    let requests = requests::merge(&said, args.limit);
    if let (Some(begin), []) = (&args.request, requests.as_slice()) {
        return Err(Failure::problem(anyhow!(
            "no gateway that answered remembers request {begin}"
        )));
    }
    match args.output {
        Output::Json => {
            let document =
                |one: &Said<RequestsView>| document_of("requests", one, requests::json(&one.said));
            show_json(&json!({
                "schema": "antiphon.all-gateways.v1",
                "noun": "requests",
                "gateways": said.iter().map(document).collect::<Vec<_>>(),
                "silent": silent,
            }))?;
        }
        Output::Table => {
            let tables = match (&args.request, requests.as_slice()) {
                (Some(_), [one]) => requests::detail_of_all(one, at),
                _ => {
                    let all = requests.into_iter().map(|one| one.request).collect();
                    let view = RequestsView { requests: all, ..RequestsView::default() };
                    vec![requests::rows(&view, at)]
                }
            };
            Screen::detect().show_tables(&tables)?;
        }
    }
    Ok(if silent.is_empty() { Exit::Good } else { Exit::Problem })
}

/// What every gateway says, all asked at a time; and who says nothing.
async fn everybody(
    args: &Args,
    asked: &mut Asked,
) -> Result<(Vec<Said<RequestsView>>, Vec<Silent>), Failure> {
    let (report, wanted) = (asked.report().await?, args.wanted(0));
    let mut asking = JoinSet::new();
    let others = report.core.gateways.iter().filter(|one| one.gateway != report.core.gateway);
    for member in others {
        let (asked, wanted) = (asked.clone(), wanted.clone());
        let (gateway, region) = (member.gateway.clone(), member.region.clone());
        let timeout = args.timeout;
        asking.spawn(async move {
            let answer = asked.requests_of(&gateway, &wanted, timeout).await;
            (gateway, region, answer)
        });
    }
    let mut said = vec![asked.requests(&wanted).await?];
    let mut silent = Vec::new();
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
    said.sort_by(|one, other| one.gateway.cmp(&other.gateway));
    Ok((said, silent))
}
