//! A broker in memory, nodes that follow a script, and a client among them.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use antiphon_broker::{
    Broker, BrokerCommand, BrokerEvent, MemoryBroker, Publication, SubscriptionId,
};
use antiphon_client::cli::{CommandError, FactsArgs, FindArgs, PingArgs, ReqArgs, Verdict};
use antiphon_client::config::{Config, Security};
use antiphon_client::render::Style;
use antiphon_client::{Client, Connection, Console, Signer};
use antiphon_identity::v1::{CallerLists, SecureRequest, Verifier};
use antiphon_identity::{TrustBundle, UnixTime};
use antiphon_wire::{
    Collective, Credentials, NewReply, NewSecureReply, NewTransport, Request, Transport, Version,
};
use bytes::Bytes;
use clap::Parser;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// A broker in memory.
pub(crate) fn memory() -> MemoryBroker {
    MemoryBroker::new("memory", 1)
}

/// The recorded messages and the keys that made them.
pub(crate) fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/tests/vectors")
}

/// Alice, as in the recorded messages.
pub(crate) fn config() -> Config {
    let keys = vectors().join("keys");
    let collective = Collective::try_from("mcollective").unwrap();
    Config {
        origin: "client.conf".into(),
        identity: "shell1.example.net".into(),
        collectives: vec![collective.clone(), Collective::try_from("eu").unwrap()],
        main_collective: collective,
        brokers: vec!["nats://memory:4222".into()],
        srv: None,
        federations: Vec::new(),
        tls: None,
        login: None,
        connect_timeout: Duration::from_secs(5),
        security: Security::V1 {
            certificate: keys.join("alice.mcollective.pem"),
            key: keys.join("alice.mcollective-key.pem"),
            ca: keys.join("ca.pem"),
            name: None,
        },
        remote_signer: None,
        ttl: Duration::from_secs(60),
        discovery_method: "mc".into(),
        discovery_timeout: Duration::from_secs(2),
        discovery_window: false,
        limit_random: false,
        libraries: Vec::new(),
    }
}

/// Alice as v2 knows her.
pub(crate) fn config_v2() -> Config {
    let keys = vectors().join("keys");
    let collective = Collective::try_from("choria").unwrap();
    Config {
        collectives: vec![collective.clone()],
        main_collective: collective,
        security: Security::V2 {
            token: keys.join("v2-alice.jwt"),
            seed: keys.join("v2-alice.seed"),
        },
        ..config()
    }
}

/// A client on a connection.
pub(crate) async fn client(config: Config, broker: Broker, stop: &CancellationToken) -> Client {
    let signer = Signer::new(&config).unwrap();
    let within = Duration::from_secs(5);
    let connection =
        Connection::establish(broker.commands, broker.events, &config.brokers, within).await;
    Client::new(config, signer, connection.unwrap(), stop.clone())
}

/// What a command wrote.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A command's words, typed as a user would.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
pub(crate) enum Command {
    Ping(PingArgs),
    Find(FindArgs),
    Req(ReqArgs),
    Facts(FactsArgs),
}

/// How a command ended and what it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) result: Result<Verdict, CommandError>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ended {
    pub(crate) fn code(&self) -> u8 {
        match &self.result {
            Ok(verdict) => verdict.code(),
            Err(error) => error.verdict().code(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap()
    }
}

/// Runs a command line through a client, with `input` on its standard input.
pub(crate) async fn run_with(client: &mut Client, line: &str, input: &str) -> Ended {
    let (out, err) = (Written::default(), Written::default());
    let mut console = Console {
        out: Box::new(out.clone()),
        err: Box::new(err.clone()),
        input: Box::new(std::io::Cursor::new(input.to_owned())),
        style: Style::Plain,
        progress: false,
        stop: client.stop.clone(),
    };
    let result = match Command::try_parse_from(line.split_whitespace()).unwrap() {
        Command::Ping(ping) => ping.ping(client, &mut console, tokio::time::Instant::now()).await,
        Command::Find(find) => find.find(client, &mut console).await,
        Command::Req(req) => req.req(client, &mut console).await,
        Command::Facts(facts) => facts.facts(client, &mut console).await,
    };
    Ended { result, out: out.text(), err: err.text() }
}

/// Runs a command line through a client.
pub(crate) async fn run(client: &mut Client, line: &str) -> Ended {
    run_with(client, line, "").await
}

/// What a node does with an RPC request: the bodies of its replies, perhaps none, perhaps several.
pub(crate) type Script = fn(identity: &str, body: &Value) -> Vec<String>;

/// A node that answers `rpcutil ping` well.
pub(crate) fn good(_: &str, body: &Value) -> Vec<String> {
    vec![ok(body, json!({"pong": 1_795_489_910}))]
}

/// A good reply's body.
pub(crate) fn ok(body: &Value, data: Value) -> String {
    json!({"action": body["action"], "statuscode": 0, "statusmsg": "OK", "data": data}).to_string()
}

/// What nodes have seen, in order: subject and request.
pub(crate) type Log = Arc<Mutex<Vec<(String, Request)>>>;

/// Starts a node; returns once it listens.
pub(crate) async fn node(broker: Broker, identity: &'static str, script: Script, log: &Log) {
    let Broker { commands, mut events, .. } = broker;
    until(&mut events, |event| matches!(event, BrokerEvent::Connected(_))).await;
    for (id, subject) in (0..).zip([
        "mcollective.broadcast.agent.discovery".to_owned(),
        "eu.broadcast.agent.discovery".to_owned(),
        "choria.broadcast.agent.discovery".to_owned(),
        "mcollective.broadcast.service.>".to_owned(),
        format!("*.node.{identity}"),
    ]) {
        let id = SubscriptionId(id);
        commands.send(BrokerCommand::Subscribe { id, subject, group: None }).await.unwrap();
    }
    let id = antiphon_broker::BarrierId(0);
    commands.send(BrokerCommand::Barrier { id }).await.unwrap();
    until(&mut events, |event| matches!(event, BrokerEvent::BarrierPassed { .. })).await;
    let log = log.clone();
    tokio::spawn(async move {
        while let Some(event) = events.recv().await {
            let BrokerEvent::Message(message) = event else { continue };
            let transport = Transport::decode(message.payload).unwrap();
            let request = transport.request().unwrap();
            verify(&request);
            for publication in answers(&transport, &request, identity, script) {
                commands.send(BrokerCommand::Publish(publication)).await.unwrap();
            }
            log.lock().unwrap().push((message.subject, request));
        }
    });
}

/// Passes over events until the one that is wanted.
pub(crate) async fn until(
    events: &mut mpsc::Receiver<BrokerEvent>,
    wanted: impl Fn(&BrokerEvent) -> bool,
) -> BrokerEvent {
    let found = async {
        loop {
            let event = events.recv().await.unwrap();
            if wanted(&event) {
                break event;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), found).await.unwrap()
}

/// A request that a real node would refuse is a defect of the client.
fn verify(request: &Request) {
    request.check_schema().unwrap();
    let Credentials::X509 { pubcert } = &request.proof.credentials else { return };
    let trust = TrustBundle::from_file(&vectors().join("keys/ca.pem")).unwrap();
    let secure = SecureRequest {
        message: &request.proof.signed,
        signature: request.proof.signature.as_ref().unwrap(),
        pubcert,
        caller_id: request.head.caller.as_str(),
    };
    let verifier = Verifier::new(Arc::new(trust), CallerLists::default());
    verifier.verify(&secure, UnixTime::now()).unwrap();
}

fn answers(
    transport: &Transport,
    request: &Request,
    identity: &str,
    script: Script,
) -> Vec<Publication> {
    let bodies = match request.head.agent.as_str() {
        "discovery" => {
            assert_eq!(&*request.payload(), b"ping");
            script(identity, &json!("ping"))
        }
        _ => script(identity, &serde_json::from_slice(&request.message).unwrap()),
    };
    let reply_to = transport.reply_to().unwrap().to_owned();
    let publish = |body: String| Publication {
        subject: reply_to.clone(),
        headers: Vec::new(),
        payload: reply(request, identity, &body),
    };
    bodies.into_iter().map(publish).collect()
}

/// A reply's payload. A body that begins with `!` is published as it is, without it.
fn reply(request: &Request, identity: &str, body: &str) -> Bytes {
    if let Some(raw) = body.strip_prefix('!') {
        return Bytes::copy_from_slice(raw.as_bytes());
    }
    let version = request.head.version;
    let reply = NewReply {
        version,
        request_id: &request.head.id,
        sender: identity,
        agent: &request.head.agent,
        time: request.head.time,
        message: body.as_bytes(),
    };
    let reply = reply.encode().unwrap();
    let secure = match version {
        Version::V1 => NewSecureReply::V1 { reply: &reply },
        Version::V2 => NewSecureReply::V2 { reply: &reply, proof: None },
    };
    let data = secure.encode().unwrap();
    NewTransport {
        version,
        data: &data,
        reply_to: None,
        sender: identity,
        seen_by: &[],
        federation: None,
    }
    .encode()
}
