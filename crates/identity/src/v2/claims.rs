//! What tokens say. Member names and their order are those of `choria-io/tokens`
//! (`standard.go`, `client_id.go`, `server.go`).

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

/// Claims that every token has. Times are whole seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StandardClaims {
    /// The kind of token, for example `choria_client_id`.
    pub purpose: String,
    /// Trust chain signature: hex, two halves joined by a dot in a token of a chain issuer.
    #[serde(rename = "tcs", skip_serializing_if = "String::is_empty")]
    pub trust_chain_signature: String,
    /// The holder's Ed25519 key in hex.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub public_key: String,
    /// When the issuer's own token ends.
    #[serde(
        rename = "issexp",
        skip_serializing_if = "Option::is_none",
        deserialize_with = "seconds"
    )]
    pub issuer_expires_at: Option<i64>,
    /// Free text; `I-<key>` for a chain issuer's token, `C-<id>.<key>` for one that it issued.
    #[serde(rename = "iss", skip_serializing_if = "String::is_empty")]
    pub issuer: String,
    /// Only provisioning tokens have one.
    #[serde(rename = "sub", skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The moment from which the token is no longer valid.
    #[serde(rename = "exp", skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub expires_at: Option<i64>,
    /// The first moment at which it is.
    #[serde(rename = "nbf", skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub not_before: Option<i64>,
    /// When it was made.
    #[serde(rename = "iat", skip_serializing_if = "Option::is_none", deserialize_with = "seconds")]
    pub issued_at: Option<i64>,
    /// A KSUID.
    #[serde(rename = "jti", skip_serializing_if = "String::is_empty")]
    pub id: String,
}

/// A user's token, purpose `choria_client_id`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientClaims {
    /// The caller id of the user's requests, usually `kind=name`.
    pub callerid: String,
    /// What the user may do: `agent.action`, `agent.*` or `*`.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub agents: Vec<String>,
    /// Organisation; chooses the issuer.
    #[serde(rename = "ou", skip_serializing_if = "String::is_empty")]
    pub organisation: String,
    /// Properties that policies may look at.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_default")]
    pub user_properties: BTreeMap<String, String>,
    /// A policy for the Open Policy Agent.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub opa_policy: String,
    /// Rights beyond `agents`; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<ClientPermissions>,
    /// More subjects that the broker lets the user publish on.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub pub_subjects: Vec<String>,
    /// More subjects that the broker lets the user subscribe to.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub sub_subjects: Vec<String>,
    /// The rest.
    #[serde(flatten)]
    pub standard: StandardClaims,
}

/// A node's token, purpose `choria_server`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerClaims {
    /// The node's identity.
    pub identity: String,
    /// The collectives that it may be in.
    #[serde(deserialize_with = "or_default")]
    pub collectives: Vec<String>,
    /// Rights; absent means none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<ServerPermissions>,
    /// Organisation; chooses the issuer.
    #[serde(rename = "ou", skip_serializing_if = "String::is_empty")]
    pub organisation: String,
    /// More subjects that the broker lets the node publish on.
    #[serde(skip_serializing_if = "Vec::is_empty", deserialize_with = "or_default")]
    pub pub_subjects: Vec<String>,
    /// The rest.
    #[serde(flatten)]
    pub standard: StandardClaims,
}

/// Declares a set of rights, each absent unless true.
macro_rules! permissions {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(skip_serializing_if = "is_false")] pub $field: bool,)+
        }
    };
}

permissions!(
    /// What a user may do besides calling agents.
    ClientPermissions {
        /// All of Choria Streams.
        streams_admin,
        /// Use Choria Streams.
        streams_user,
        /// See lifecycle and machine events.
        events_viewer,
        /// Take part in leader elections.
        election_user,
        /// The broker's system account.
        system_user,
        /// Use governors.
        governor,
        /// Everything.
        org_admin,
        /// Call nodes with requests signed by oneself.
        fleet_management,
        /// Call nodes only with requests signed by a delegator.
        signed_fleet_management,
        /// A long-lived token, for services.
        service,
        /// Sign requests for others.
        authentication_delegator,
        /// Provision nodes.
        provisioner,
    }
);

permissions!(
    /// What a node may do besides answering.
    ServerPermissions {
        /// Submit messages.
        submission,
        /// Read Choria Streams.
        streams,
        /// Use governors.
        governor,
        /// Answer service requests.
        service_host,
    }
);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(value: &bool) -> bool {
    !value
}

/// Go writes an empty list as `null` and reads `null` as one.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A numeric date may have a fraction (RFC 7519, 2), which is cut off, as Go does.
fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Date {
        Whole(i64),
        Fraction(f64),
    }
    let date = Option::<Date>::deserialize(deserializer)?;
    Ok(date.map(|date| match date {
        Date::Whole(seconds) => seconds,
        #[expect(clippy::cast_possible_truncation, reason = "the conversion saturates")]
        Date::Fraction(seconds) => seconds as i64,
    }))
}
