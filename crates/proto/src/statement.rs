//! What a gateway states about itself, as it is signed.

use std::time::Duration;

use antiphon_core::{AdvertDraft, Beacon, Incarnation, Member, RegionId};
use bytes::Bytes;
use prost::Message;

use crate::{
    FieldError, PROTOCOL, Problem,
    field::{list, micros, name, state},
    hello::{endpoint, version},
    v1,
};

/// Most certificates in a chain.
pub const CHAIN_MAX: usize = 8;

/// A statement: decoded, its signature not yet or already checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The fabric in which it holds.
    pub fabric: RegionId,
    /// What it says.
    pub body: StatementBody,
}

/// What a gateway states.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementBody {
    /// Flooded over the links.
    Advert(AdvertDraft),
    /// Where it can be dialled; published by gossip.
    Endpoint(Member),
    /// Published on its broker.
    Beacon(Beacon),
}

impl Statement {
    /// The encoded statement, for [`v1::Sealed::statement`].
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let body = match &self.body {
            StatementBody::Advert(draft) => v1::statement::Body::Advert(draft.into()),
            StatementBody::Endpoint(member) => v1::statement::Body::Endpoint(member.into()),
            StatementBody::Beacon(beacon) => v1::statement::Body::Beacon(beacon.into()),
        };
        v1::Statement { fabric: self.fabric.to_string(), body: Some(body) }.encode_to_vec().into()
    }

    /// Reads [`v1::Sealed::statement`]. Says nothing about who made it.
    ///
    /// # Errors
    /// Names the field that is missing, too long or not what it must be.
    pub fn decode(bytes: Bytes) -> Result<Self, FieldError> {
        let statement = v1::Statement::decode(bytes).map_err(|error| undecodable(&error))?;
        let newer = || FieldError::new("statement.body", Problem::Newer);
        let body = match statement.body.ok_or_else(newer)? {
            v1::statement::Body::Advert(advert) => StatementBody::Advert(
                advert.try_into().map_err(|error: FieldError| error.within("statement.advert"))?,
            ),
            v1::statement::Body::Endpoint(record) => StatementBody::Endpoint(
                record
                    .try_into()
                    .map_err(|error: FieldError| error.within("statement.endpoint"))?,
            ),
            v1::statement::Body::Beacon(beacon) => StatementBody::Beacon(
                beacon.try_into().map_err(|error: FieldError| error.within("statement.beacon"))?,
            ),
        };
        Ok(Self { fabric: name("statement.fabric", &statement.fabric)?, body })
    }
}

impl v1::Sealed {
    /// Reads the signed envelope of a statement.
    ///
    /// # Errors
    /// The bytes are no `Sealed`, or its chain is empty or longer than [`CHAIN_MAX`].
    pub fn read(bytes: Bytes) -> Result<Self, FieldError> {
        let sealed = Self::decode(bytes).map_err(|error| undecodable(&error))?;
        let chain = list("chain", sealed.chain, CHAIN_MAX)?;
        if chain.is_empty() {
            return Err(FieldError::new("chain", Problem::Missing));
        }
        Ok(Self { chain, ..sealed })
    }
}

impl From<&Member> for v1::EndpointRecord {
    fn from(member: &Member) -> Self {
        Self {
            region: member.region.to_string(),
            gateway: member.gateway.to_string(),
            incarnation: member.incarnation.0,
            endpoint: member.endpoint.to_string(),
            state: v1::GatewayState::from(member.state).into(),
            version: member.version.clone(),
            protocol: PROTOCOL,
        }
    }
}

impl TryFrom<v1::EndpointRecord> for Member {
    type Error = FieldError;

    fn try_from(record: v1::EndpointRecord) -> Result<Self, FieldError> {
        Ok(Self {
            gateway: name("gateway", &record.gateway)?,
            region: name("region", &record.region)?,
            incarnation: Incarnation(record.incarnation),
            endpoint: endpoint("endpoint", record.endpoint)?,
            state: state("state", record.state)?,
            version: version("version", record.version)?,
        })
    }
}

impl From<&Beacon> for v1::Beacon {
    fn from(beacon: &Beacon) -> Self {
        Self {
            region: beacon.region.to_string(),
            gateway: beacon.gateway.to_string(),
            incarnation: beacon.incarnation.0,
            state: v1::GatewayState::from(beacon.state).into(),
            joined: beacon.joined,
            regions: beacon.regions,
            made_us: micros(beacon.made),
        }
    }
}

impl TryFrom<v1::Beacon> for Beacon {
    type Error = FieldError;

    fn try_from(beacon: v1::Beacon) -> Result<Self, FieldError> {
        Ok(Self {
            region: name("region", &beacon.region)?,
            gateway: name("gateway", &beacon.gateway)?,
            incarnation: Incarnation(beacon.incarnation),
            state: state("state", beacon.state)?,
            joined: beacon.joined,
            regions: beacon.regions,
            made: Duration::from_micros(beacon.made_us),
        })
    }
}

fn undecodable(error: &prost::DecodeError) -> FieldError {
    FieldError::new("sealed", Problem::Undecodable { reason: error.to_string() })
}
