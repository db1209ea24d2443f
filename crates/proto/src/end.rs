//! The end-to-end part of a frame.

use std::time::Duration;

use antiphon_core::{
    Body, Creator, EndToEnd, IDENTITIES_MAX, Incarnation, ReplyBody, RequestBody, Target, UnitId,
};

use crate::{
    FieldError, NAME_BYTES_MAX, Problem, REQUEST_ID_BYTES_MAX, SUBJECT_BYTES_MAX,
    field::{list, micros, name, optional_name, required, text},
    v1,
};

impl From<&EndToEnd> for v1::EndToEnd {
    fn from(end: &EndToEnd) -> Self {
        Self {
            creator: Some((&end.creator).into()),
            unit: end.unit.0,
            to: end.to.to_string(),
            prefer: end.prefer.as_ref().map(ToString::to_string).unwrap_or_default(),
            flow: end.flow,
            lifetime_us: micros(end.lifetime),
            body: Some(match &end.body {
                Body::Request(request) => v1::end_to_end::Body::Request(request.into()),
                Body::Reply(reply) => v1::end_to_end::Body::Reply(reply.into()),
            }),
        }
    }
}

impl TryFrom<v1::EndToEnd> for EndToEnd {
    type Error = FieldError;

    fn try_from(end: v1::EndToEnd) -> Result<Self, FieldError> {
        let creator = required("creator", end.creator)?;
        Ok(Self {
            creator: creator.try_into().map_err(|error: FieldError| error.within("creator"))?,
            unit: UnitId(end.unit),
            to: name("to", &end.to)?,
            prefer: optional_name("prefer", &end.prefer)?,
            flow: end.flow,
            lifetime: Duration::from_micros(end.lifetime_us),
            body: match required("body", end.body)? {
                v1::end_to_end::Body::Request(request) => Body::Request(
                    request.try_into().map_err(|error: FieldError| error.within("request"))?,
                ),
                v1::end_to_end::Body::Reply(reply) => Body::Reply(
                    reply.try_into().map_err(|error: FieldError| error.within("reply"))?,
                ),
            },
        })
    }
}

impl From<&Creator> for v1::Creator {
    fn from(creator: &Creator) -> Self {
        Self {
            region: creator.region.to_string(),
            gateway: creator.gateway.to_string(),
            incarnation: creator.incarnation.0,
        }
    }
}

impl TryFrom<v1::Creator> for Creator {
    type Error = FieldError;

    fn try_from(creator: v1::Creator) -> Result<Self, FieldError> {
        Ok(Self {
            region: name("region", &creator.region)?,
            gateway: name("gateway", &creator.gateway)?,
            incarnation: Incarnation(creator.incarnation),
        })
    }
}

impl From<&RequestBody> for v1::Request {
    fn from(request: &RequestBody) -> Self {
        Self {
            payload: request.payload.clone(),
            request: request.request.to_string(),
            collective: request.collective.clone(),
            target: Some((&request.target).into()),
            reply_to: request.reply_to.clone(),
            federated: request.federated.clone(),
        }
    }
}

impl TryFrom<v1::Request> for RequestBody {
    type Error = FieldError;

    fn try_from(request: v1::Request) -> Result<Self, FieldError> {
        Ok(Self {
            request: name("request", &request.request)?,
            collective: text("collective", request.collective, NAME_BYTES_MAX)?,
            target: required("target", request.target)?.try_into()?,
            reply_to: text("reply_to", request.reply_to, SUBJECT_BYTES_MAX)?,
            federated: federated(request.federated)?,
            payload: request.payload,
        })
    }
}

impl From<&Target> for v1::request::Target {
    fn from(target: &Target) -> Self {
        match target {
            Target::Broadcast { agent } => Self::Broadcast(agent.clone()),
            Target::Service { agent } => Self::Service(agent.clone()),
            Target::Directed { identities } => {
                Self::Directed(v1::Directed { identities: identities.clone() })
            }
        }
    }
}

impl TryFrom<v1::request::Target> for Target {
    type Error = FieldError;

    fn try_from(target: v1::request::Target) -> Result<Self, FieldError> {
        match target {
            v1::request::Target::Broadcast(agent) => {
                Ok(Self::Broadcast { agent: text("broadcast", agent, NAME_BYTES_MAX)? })
            }
            v1::request::Target::Service(agent) => {
                Ok(Self::Service { agent: text("service", agent, NAME_BYTES_MAX)? })
            }
            v1::request::Target::Directed(directed) => directed.try_into(),
        }
    }
}

impl TryFrom<v1::Directed> for Target {
    type Error = FieldError;

    fn try_from(directed: v1::Directed) -> Result<Self, FieldError> {
        const FIELD: &str = "directed.identities";
        let identities = list(FIELD, directed.identities, IDENTITIES_MAX)?
            .into_iter()
            .map(|one| text(FIELD, one, NAME_BYTES_MAX))
            .collect::<Result<Vec<_>, _>>()?;
        if identities.is_empty() {
            return Err(FieldError::new(FIELD, Problem::Missing));
        }
        Ok(Self::Directed { identities })
    }
}

impl From<&ReplyBody> for v1::Reply {
    fn from(reply: &ReplyBody) -> Self {
        Self {
            payload: reply.payload.clone(),
            request: reply.request.clone(),
            subject: reply.subject.clone(),
            federated: reply.federated.clone(),
        }
    }
}

impl TryFrom<v1::Reply> for ReplyBody {
    type Error = FieldError;

    fn try_from(reply: v1::Reply) -> Result<Self, FieldError> {
        Ok(Self {
            request: text("request", reply.request, REQUEST_ID_BYTES_MAX)?,
            subject: text("subject", reply.subject, SUBJECT_BYTES_MAX)?,
            federated: federated(reply.federated)?,
            payload: reply.payload,
        })
    }
}

fn federated(url: Option<String>) -> Result<Option<String>, FieldError> {
    url.map(|url| text("federated", url, SUBJECT_BYTES_MAX)).transpose()
}
