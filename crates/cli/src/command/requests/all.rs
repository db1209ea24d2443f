//! What all gateways remember.

use antiphon_core::RequestsView;
use antiphon_gateway::shell::Said;
use anyhow::anyhow;
use serde_json::json;

use super::{Args, Output, then};
use crate::{
    Exit, Failure,
    admin::Asked,
    archive::Silent,
    noun::{document_of, requests},
    screen::{Screen, message, show_json},
    source::ask_others,
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
    let (report, wanted, timeout) = (asked.report().await?, args.wanted(0), args.timeout);
    let (mut said, silent) = ask_others(asked, &report, |asked, gateway| {
        let wanted = wanted.clone();
        async move { asked.requests_of(&gateway, &wanted, timeout).await }
    })
    .await?;
    said.push(asked.requests(&wanted).await?);
    said.sort_by(|one, other| one.gateway.cmp(&other.gateway));
    Ok((said, silent))
}
