//! A discovery ping for one node, after the way there was traced.

use std::time::Duration;

use antiphon_client::{
    connect,
    discovery::{Continue, Pong, ping},
    one_line,
};
use antiphon_wire::{Collective, Filter};
use tokio_util::sync::CancellationToken;

use crate::{Failure, command::caller::Who, noun::trace::Delivery};

/// Pings one node and waits for its answer as long as the client's discovery does.
///
/// # Errors
/// There is no client's configuration, or the collective's name is none.
pub(super) async fn deliver(
    who: &Who<'_>,
    region: &str,
    collective: &str,
    identity: &str,
) -> Result<Delivery, Failure> {
    let config = who.load(region).map_err(Failure::usage)?;
    let collective = Collective::try_from(collective.to_owned()).map_err(Failure::usage)?;
    let mut delivery = Delivery {
        identity: identity.to_owned(),
        brokers: config.brokers.clone(),
        timeout: config.discovery_timeout,
        took: None,
        error: None,
    };
    let timing = (config.discovery_timeout, false);
    let filter = Filter { identity: vec![identity.to_owned()], ..Filter::default() };
    let mut client = match connect(config, CancellationToken::new()).await {
        Ok(client) => client,
        Err(error) => return Ok(Delivery { error: Some(one_line(&error)), ..delivery }),
    };
    let mut took: Option<Duration> = None;
    let asked = ping(&mut client, &collective, &filter, timing, &mut |pong| match pong {
        Pong::Answer { sender, delay } if sender == identity => {
            took = Some(delay);
            Continue::No
        }
        Pong::Answer { .. } | Pong::Trouble(_) => Continue::Yes,
    })
    .await;
    client.close().await;
    delivery.took = took;
    delivery.error = asked.err().map(|error| one_line(&error));
    Ok(delivery)
}
