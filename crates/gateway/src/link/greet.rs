//! Whether a peer's hello is acceptable, and agrees with its certificate.

use antiphon_core::DialTarget;
use antiphon_identity::PeerIdentity;
use antiphon_proto::{Greeting, v1};

use super::setup_error::SetupError;

/// Reads a peer's hello and judges it by its certificate and by who we are.
pub(crate) fn accept_hello(
    own: &Greeting,
    hello: v1::Hello,
    certificate: &PeerIdentity,
) -> Result<Greeting, SetupError> {
    let peer = Greeting::try_from(hello)
        .map_err(|error| SetupError::refused("malformed-hello", error.to_string()))?;
    if peer.fabric != own.fabric {
        let detail = format!("of fabric {}, not of {}", peer.fabric, own.fabric);
        return Err(SetupError::refused("wrong-fabric", detail));
    }
    certificate
        .require_region(peer.hello.region.as_str())
        .and_then(|()| certificate.require_gateway(peer.hello.gateway.as_str()))
        .map_err(|error| SetupError::refused(error.kind(), error.to_string()))?;
    if own.common_protocol(&peer).is_none() {
        let detail = format!(
            "speaks protocol {} to {}, we {} to {}",
            peer.protocol_oldest, peer.protocol, own.protocol_oldest, own.protocol
        );
        return Err(SetupError::refused("version", detail));
    }
    other_than_us(own, &peer)?;
    Ok(peer)
}

/// Whether the gateway that answered is the one that was dialled.
pub(crate) fn accept_answer(target: &DialTarget, peer: &Greeting) -> Result<(), SetupError> {
    match target {
        DialTarget::Seed { .. } => Ok(()),
        DialTarget::Member { gateway, .. } if *gateway == peer.hello.gateway => Ok(()),
        DialTarget::Member { gateway, .. } => {
            let detail = format!("{} answered for {gateway}", peer.hello.gateway);
            Err(SetupError::refused("wrong-gateway", detail))
        }
    }
}

fn other_than_us(own: &Greeting, peer: &Greeting) -> Result<(), SetupError> {
    if peer.hello.gateway != own.hello.gateway {
        return Ok(());
    }
    if peer.hello.incarnation == own.hello.incarnation && peer.hello.region == own.hello.region {
        return Err(SetupError::Ourselves);
    }
    let detail = format!("another gateway calls itself {} too", own.hello.gateway);
    Err(SetupError::refused("duplicate-gateway", detail))
}
