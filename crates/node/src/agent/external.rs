//! External agents: programs of any language with a DDL beside them (go-choria `mcorpc/external`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;
use tracing::{info, warn};

use super::Agent;
use crate::backend::{ProgramError, output};
use crate::ddl::Ddl;
use crate::node::Node;
use crate::rpc::{Answer, Call, Status};
use crate::security::causes;

const ACTIVATION: &str = "io.choria.mcorpc.external.v1.activation_request";
const RPC: &str = "io.choria.mcorpc.external.v1.rpc_request";

/// How long an agent may think about whether it wants to run here.
const ACTIVATION_TIMEOUT: Duration = Duration::from_secs(5);

/// Larger replies of agents are refused, in bytes: they would not fit into a message.
const REPLY_BYTES_MAX: u64 = 768 << 10;

/// A program that answers requests.
#[derive(Debug)]
pub(crate) struct External {
    program: PathBuf,
    config: PathBuf,
}

/// Why a program gave no answer.
#[derive(Debug, thiserror::Error)]
enum ExternalError {
    #[error("hand over a request")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Program(#[from] ProgramError),
    #[error("the reply is larger than {REPLY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the reply cannot be read")]
    Reply(#[from] serde_json::Error),
}

/// The agents of a folder that want to run here. What cannot be used is logged and left out.
pub(super) async fn load(folder: &Path, config: &Path) -> Vec<Agent> {
    let mut agents = Vec::new();
    for (ddl, program) in candidates(folder) {
        let external = External { program, config: config.to_owned() };
        let parsed = std::fs::read_to_string(&ddl).ok().map(|text| Ddl::parse(&text));
        let parsed = match parsed {
            Some(Ok(parsed)) if parsed.metadata.provider.as_deref() == Some("external") => parsed,
            Some(Ok(_)) | None => continue,
            Some(Err(error)) => {
                warn!(ddl = %ddl.display(), error = causes(&error), "external agent left out");
                continue;
            }
        };
        if external.wants_to_run(&parsed.metadata.name).await {
            info!(agent = parsed.metadata.name, "external agent");
            agents.push(Agent::external(parsed, external));
        }
    }
    agents
}

/// `NAME.json` with `NAME` beside it, or both in a folder `NAME`, in order of their names.
fn candidates(folder: &Path) -> Vec<(PathBuf, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        warn!(folder = %folder.display(), "external agents cannot be listed");
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.iter().filter_map(|path| candidate(path)).collect()
}

fn candidate(path: &Path) -> Option<(PathBuf, PathBuf)> {
    if path.is_dir() {
        let name = path.file_name()?.to_string_lossy();
        return candidate(&path.join(format!("{name}.json")));
    }
    if path.extension()? != "json" || !path.is_file() {
        return None;
    }
    let program = path.with_extension("");
    let system = format!("{}-linux_{}", program.display(), go_architecture());
    let program = [program, PathBuf::from(system)].into_iter().find(|program| program.is_file())?;
    Some((path.to_owned(), program))
}

/// The architecture as Go calls it.
fn go_architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

impl External {
    async fn wants_to_run(&self, agent: &str) -> bool {
        #[derive(Deserialize)]
        struct Activation {
            activate: bool,
        }
        let request = json!({
            "$schema": "https://choria.io/schemas/mcorpc/external/v1/activation_request.json",
            "protocol": ACTIVATION,
            "agent": agent,
        });
        let asked = timeout(ACTIVATION_TIMEOUT, self.ask(&request, ACTIVATION, &json!({}))).await;
        let answer = asked.map(|reply| {
            reply.and_then(|text| Ok(serde_json::from_str::<Activation>(&text)?.activate))
        });
        match answer {
            Ok(Ok(activate)) => activate,
            Ok(Err(error)) => {
                warn!(agent, error = causes(&error), "external agent left out");
                false
            }
            Err(_) => {
                warn!(agent, "external agent left out: no answer in time");
                false
            }
        }
    }

    /// Runs one action.
    pub(super) async fn run(&self, call: &Call, node: &Node) -> Answer {
        #[derive(Deserialize)]
        struct Reply {
            #[serde(default)]
            statuscode: u8,
            #[serde(default)]
            statusmsg: String,
            #[serde(default)]
            data: Option<Value>,
        }
        let facts = node.inventory().await.facts;
        let reply = self.ask(&request(call), RPC, &facts).await;
        match reply.and_then(|text| Ok(serde_json::from_str::<Reply>(&text)?)) {
            Ok(reply) => Answer {
                status: Status::of_code(reply.statuscode),
                message: if reply.statusmsg.is_empty() { "OK".to_owned() } else { reply.statusmsg },
                data: reply.data.unwrap_or_else(|| json!({})).to_string(),
            },
            Err(error) => {
                Answer::aborted(format_args!("{}: {}", self.program.display(), causes(&error)))
            }
        }
    }

    /// Hands over files, and gives what the program wrote into the second.
    async fn ask(
        &self,
        request: &Value,
        protocol: &str,
        facts: &Value,
    ) -> Result<String, ExternalError> {
        let folder = tempfile::tempdir()?;
        let file = |name: &str| folder.path().join(name);
        let (request_file, reply_file, facts_file) =
            (file("request"), file("reply"), file("facts"));
        tokio::fs::write(&request_file, request.to_string()).await?;
        tokio::fs::write(&reply_file, "").await?;
        tokio::fs::write(&facts_file, facts.to_string()).await?;
        let mut command = Command::new(&self.program);
        // Choria always says rpc_request in the argument; the truth is in the environment.
        command.arg(&request_file).arg(&reply_file).arg(RPC).env_clear();
        command
            .env("CHORIA_EXTERNAL_REQUEST", &request_file)
            .env("CHORIA_EXTERNAL_REPLY", &reply_file)
            .env("CHORIA_EXTERNAL_PROTOCOL", protocol)
            .env("CHORIA_EXTERNAL_CONFIG", &self.config)
            .env("CHORIA_EXTERNAL_FACTS", &facts_file)
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let program = self.program.display().to_string();
        output(&program, command).await?.success(&program)?;
        if tokio::fs::metadata(&reply_file).await?.len() > REPLY_BYTES_MAX {
            return Err(ExternalError::TooLarge);
        }
        Ok(tokio::fs::read_to_string(&reply_file).await?)
    }
}

fn request(call: &Call) -> Value {
    let request = &call.request;
    json!({
        "$schema": "https://choria.io/schemas/mcorpc/external/v1/rpc_request.json",
        "protocol": RPC,
        "agent": request.agent,
        "action": call.action,
        "requestid": request.id,
        "senderid": request.sender,
        "callerid": request.caller,
        "collective": request.collective,
        "ttl": request.ttl.as_secs(),
        "msgtime": request.time.as_secs(),
        "data": call.data,
    })
}
