//! Questions between regions about nodes that both may have.

use antiphon_core::{Called, IdentityHash, NODE_NAME_BYTES_MAX, ROLL_CALL_MAX, RollCall};

use crate::{
    FieldError,
    field::{list, name, small, text},
    v1,
};

impl From<&RollCall> for v1::RollCall {
    fn from(call: &RollCall) -> Self {
        let node = |one: &Called| v1::Called {
            identity: one.identity.0,
            name: one.name.clone(),
            held: one.held,
        };
        Self {
            from: call.from.to_string(),
            to: call.to.to_string(),
            limit: call.limit.into(),
            collective: call.collective.to_string(),
            nodes: call.nodes.iter().map(node).collect(),
        }
    }
}

impl TryFrom<v1::RollCall> for RollCall {
    type Error = FieldError;

    fn try_from(message: v1::RollCall) -> Result<Self, FieldError> {
        let node = |one: v1::Called| -> Result<Called, FieldError> {
            Ok(Called {
                identity: IdentityHash(one.identity),
                name: text("nodes.name", one.name, NODE_NAME_BYTES_MAX)?,
                held: one.held,
            })
        };
        Ok(Self {
            from: name("from", &message.from)?,
            to: name("to", &message.to)?,
            limit: small("limit", message.limit)?,
            collective: name("collective", &message.collective)?,
            nodes: list("nodes", message.nodes, ROLL_CALL_MAX)?
                .into_iter()
                .map(node)
                .collect::<Result<_, _>>()?,
        })
    }
}
