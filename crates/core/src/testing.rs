//! Builders for unit tests.

use std::time::Duration;

use bytes::Bytes;

use crate::{
    Body, Config, Creator, EndToEnd, Frame, GatewayState, Hello, Hop, Incarnation, Member, Now,
    ReplyBody, UnitId,
};

/// `seconds` after the start; wall clock at 2026-11-24.
pub(crate) fn at(seconds: u64) -> Now {
    Now { mono: Duration::from_secs(seconds), unix: Duration::from_secs(1_795_478_400 + seconds) }
}

pub(crate) fn config(region: &str, gateway: &str) -> Config {
    Config {
        export: ["mcollective".parse().unwrap()].into(),
        transit: true,
        ..Config::new(
            "acme".parse().unwrap(),
            region.parse().unwrap(),
            gateway.parse().unwrap(),
            Incarnation(1),
        )
    }
}

pub(crate) fn member(region: &str, gateway: &str) -> Member {
    Member {
        gateway: gateway.parse().unwrap(),
        region: region.parse().unwrap(),
        incarnation: Incarnation(1),
        endpoint: format!("{gateway}.example.net:7440").parse().unwrap(),
        state: GatewayState::Active,
        version: "0.1.0".to_owned(),
    }
}

/// What a gateway says when a link to it comes up.
pub(crate) fn hello(region: &str, gateway: &str, incarnation: u64) -> Hello {
    Hello {
        region: region.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(incarnation),
        version: "0.1.0".to_owned(),
        endpoint: format!("{gateway}.example.net:7440").parse().unwrap(),
    }
}

pub(crate) fn reply_frame(from: &str, to: &str, unit: u64) -> Frame {
    let gateway: crate::GatewayId = format!("{from}-1").parse().unwrap();
    Frame {
        hop: Hop { limit: 8, visited: vec![gateway.clone()], age: Duration::ZERO },
        end: EndToEnd {
            creator: Creator {
                region: from.parse().unwrap(),
                gateway,
                incarnation: Incarnation(1),
            },
            unit: UnitId(unit),
            to: to.parse().unwrap(),
            prefer: None,
            flow: unit,
            lifetime: Duration::from_secs(60),
            body: Body::Reply(ReplyBody {
                request: "0".repeat(32),
                subject: format!("mcollective.reply.{}.{}", "0".repeat(32), "0".repeat(32)),
                federated: None,
                payload: Bytes::from_static(b"{}"),
            }),
        },
        verbatim: None,
    }
}
