//! Registration: data about the node that it sends by itself, as a signed request that nobody answers.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use antiphon_identity::v1::SigningKey;
use antiphon_wire::{
    Agent, CallerId, Collective, EncodeError, Filter, NewRequest, NewSecureRequest, NewTransport,
    RequestId, Version,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config::{Registration, RegistrationContent};
use crate::node::{Node, Outgoing};
use crate::reply::ReplySigner;
use crate::status::Status;

/// What Choria's clients and nodes ask for unless told otherwise.
const TTL: Duration = Duration::from_secs(60);

/// Where answers go that nobody wants.
const NOWHERE: &str = "dev.null";

/// What stands for the signature, and for the certificate, of a v1 node without a key (spec: special signatures).
const UNSIGNED: &str = "insecure registration";

/// What a node signs its own requests with.
#[derive(Debug)]
pub(crate) enum RequestSigner {
    /// v1: the key of its certificate.
    X509 { key: Box<SigningKey>, pubcert: String },
    /// v1 without a certificate of its own.
    Unsigned,
    /// v2: its seed and token.
    Jwt(Arc<ReplySigner>),
}

/// Why no registration message was made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RegistrationError {
    #[error("read {file}")]
    Read { file: String, source: std::io::Error },
    #[error("compress the content")]
    Compress(#[source] std::io::Error),
    #[error(transparent)]
    Encode(#[from] EncodeError),
    #[error("an id of the message is not legal")]
    Id(#[from] antiphon_wire::IdError),
    #[error("sign the message")]
    Sign(#[from] antiphon_identity::SignError),
}

/// The registration message of a node. Reads files: this may block.
pub(crate) fn message(
    node: &Node,
    settings: &Registration,
    signer: &RequestSigner,
) -> Result<Outgoing, RegistrationError> {
    let body = match &settings.content {
        RegistrationContent::File(path) => file_content(node, path, settings.compress)?,
        RegistrationContent::Inventory => inventory_content(node, settings.compress)?,
    };
    let data = sign(node, settings, signer, body.as_bytes())?;
    let broker = node.connected_server();
    let hop = [broker.as_str(), node.identity(), &broker].map(str::to_owned).to_vec();
    let transport = NewTransport {
        version: signer.version(),
        data: &data,
        reply_to: Some(NOWHERE),
        sender: node.identity(),
        seen_by: &[hop],
        federation: None,
    };
    let default = || format!("{}.broadcast.agent.registration", settings.collective);
    let subject = settings.target.clone().unwrap_or_else(default);
    Ok(Outgoing { subject, payload: transport.encode() })
}

impl RequestSigner {
    fn version(&self) -> Version {
        match self {
            Self::X509 { .. } | Self::Unsigned => Version::V1,
            Self::Jwt(_) => Version::V2,
        }
    }

    fn seal(&self, request: &[u8]) -> Result<Bytes, RegistrationError> {
        let sealed = match self {
            Self::X509 { key, pubcert } => {
                let signature = key.sign(request)?;
                NewSecureRequest::X509 { request, signature: &signature, pubcert }.encode()
            }
            Self::Unsigned => {
                let (signature, pubcert) = (UNSIGNED.as_bytes(), UNSIGNED);
                NewSecureRequest::X509 { request, signature, pubcert }.encode()
            }
            Self::Jwt(own) => {
                let signature = own.seed.sign(request);
                let (caller, signer) = (own.token.as_str(), None);
                NewSecureRequest::Jwt { request, signature: &signature, caller, signer }.encode()
            }
        };
        Ok(sealed?)
    }
}

fn sign(
    node: &Node,
    settings: &Registration,
    signer: &RequestSigner,
    message: &[u8],
) -> Result<Bytes, RegistrationError> {
    let request = NewRequest {
        version: signer.version(),
        id: &RequestId::try_from(Uuid::new_v4().simple().to_string())?,
        caller: &CallerId::try_from(format!("choria={}", node.identity()))?,
        sender: node.identity(),
        collective: &Collective::clone(&settings.collective),
        agent: &Agent::try_from("registration")?,
        ttl: TTL,
        time: node.clock.now(),
        filter: &Filter::default(),
        message,
    };
    signer.seal(&request.encode()?)
}

/// The file as it is (go-choria `providers/registration/file_content.go`).
fn file_content(node: &Node, path: &Path, compress: bool) -> Result<String, RegistrationError> {
    #[derive(Serialize)]
    struct Body<'a> {
        mtime: u64,
        file: &'a str,
        updated: bool,
        protocol: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        zcontent: Option<String>,
    }
    let file = path.display().to_string();
    let failed = |source| RegistrationError::Read { file: file.clone(), source };
    let content = std::fs::read(path).map_err(failed)?;
    let modified = std::fs::metadata(path).and_then(|about| about.modified()).map_err(failed)?;
    let mtime = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (content, zcontent) = match compress {
        true => (None, Some(gzip(&content)?)),
        false => (Some(BASE64.encode(&content)), None),
    };
    let updated = mtime > node.started;
    let protocol = "choria:registration:filecontent:1";
    let body = Body { mtime: mtime.as_secs(), file: &file, updated, protocol, content, zcontent };
    Ok(serde_json::to_string(&body).expect("texts and numbers can be written"))
}

/// What the node is (go-choria `providers/registration/inventory_content.go`).
fn inventory_content(node: &Node, compress: bool) -> Result<String, RegistrationError> {
    let inventory = node.inventory_now();
    let content = json!({
        "agents": node.agent_names(),
        "classes": *inventory.classes,
        "facts": *inventory.facts,
        "status": Status::of(node),
        "collectives": node.collective_names(),
        "build_info": { "version": crate::VERSION, "sha": "" },
        "machines": [],
    });
    let (key, content) = match compress {
        true => ("zcontent", Value::from(gzip(content.to_string().as_bytes())?)),
        false => ("content", content),
    };
    let mut body = json!({ "protocol": "choria:registration:inventorycontent:1" });
    if let Some(members) = body.as_object_mut() {
        members.insert(key.to_owned(), content);
    }
    Ok(body.to_string())
}

fn gzip(content: &[u8]) -> Result<String, RegistrationError> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).map_err(RegistrationError::Compress)?;
    Ok(BASE64.encode(encoder.finish().map_err(RegistrationError::Compress)?))
}
