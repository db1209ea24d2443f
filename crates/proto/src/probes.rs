//! Probes: what a message would meet on its way.

use std::time::Duration;

use antiphon_core::{Creator, DropReason, PROBE_HOPS_MAX, Probe, ProbeEnd, ProbeHop};

use crate::{
    FieldError,
    field::{list, micros, name, optional_name, required, small, text},
    v1,
};

/// Longest release, in bytes.
const VERSION_BYTES_MAX: usize = 64;

impl From<&Probe> for v1::Probe {
    fn from(probe: &Probe) -> Self {
        let creator = Creator {
            region: probe.origin.clone(),
            gateway: probe.creator.clone(),
            incarnation: probe.incarnation,
        };
        Self {
            creator: Some((&creator).into()),
            id: probe.id,
            to: probe.to.to_string(),
            flow: probe.flow,
            turn: probe.turn.into(),
            ended: probe.ended.map_or("", label).to_owned(),
            hops: probe.hops.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Probe> for Probe {
    type Error = FieldError;

    fn try_from(probe: v1::Probe) -> Result<Self, FieldError> {
        let creator = Creator::try_from(required("creator", probe.creator)?);
        let Creator { region, gateway, incarnation } =
            creator.map_err(|error| error.within("creator"))?;
        Ok(Self {
            creator: gateway,
            incarnation,
            origin: region,
            id: probe.id,
            to: name("to", &probe.to)?,
            flow: probe.flow,
            turn: small("turn", probe.turn)?,
            ended: end(&probe.ended),
            hops: list("hops", probe.hops, PROBE_HOPS_MAX)?
                .into_iter()
                .map(|hop| hop.try_into().map_err(|error: FieldError| error.within("hops")))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl From<&ProbeHop> for v1::ProbeHop {
    fn from(hop: &ProbeHop) -> Self {
        Self {
            gateway: hop.gateway.to_string(),
            region: hop.region.to_string(),
            version: hop.version.clone(),
            back: hop.back,
            at_us: micros(hop.at),
            stayed_us: micros(hop.stayed),
            next: hop.next.as_ref().map(ToString::to_string).unwrap_or_default(),
            rtt_us: hop.rtt.map(micros),
            waited_us: micros(hop.waited),
            queued: hop.queued,
            broker_us: hop.broker.map(micros),
        }
    }
}

impl TryFrom<v1::ProbeHop> for ProbeHop {
    type Error = FieldError;

    fn try_from(hop: v1::ProbeHop) -> Result<Self, FieldError> {
        Ok(Self {
            gateway: name("gateway", &hop.gateway)?,
            region: name("region", &hop.region)?,
            version: text("version", hop.version, VERSION_BYTES_MAX)?,
            back: hop.back,
            at: Duration::from_micros(hop.at_us),
            stayed: Duration::from_micros(hop.stayed_us),
            next: optional_name("next", &hop.next)?,
            rtt: hop.rtt_us.map(Duration::from_micros),
            waited: Duration::from_micros(hop.waited_us),
            queued: hop.queued,
            broker: hop.broker_us.map(Duration::from_micros),
        })
    }
}

const fn label(end: ProbeEnd) -> &'static str {
    match end {
        ProbeEnd::Arrived => "arrived",
        ProbeEnd::Turned => "turned",
        ProbeEnd::NoWay => "no-way",
        ProbeEnd::Dropped(reason) => reason.label(),
    }
}

/// An end that only a newer gateway knows is one nevertheless.
fn end(label: &str) -> Option<ProbeEnd> {
    Some(match label {
        "" => return None,
        "arrived" => ProbeEnd::Arrived,
        "turned" => ProbeEnd::Turned,
        "no-way" => ProbeEnd::NoWay,
        other => ProbeEnd::Dropped(DropReason::from_label(other).unwrap_or(DropReason::Unknown)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_is_not_known_is_an_end() {
        assert_eq!(end(""), None);
        assert_eq!(end("struck-by-lightning"), Some(ProbeEnd::Dropped(DropReason::Unknown)));
        for known in [ProbeEnd::Arrived, ProbeEnd::Turned, ProbeEnd::NoWay] {
            assert_eq!(end(label(known)), Some(known));
        }
    }
}
