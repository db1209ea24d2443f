//! A user of Choria who calls agents of the node, with the key of the recordings.

use std::time::Duration;

use antiphon_identity::v1::SigningKey;
use antiphon_wire::{
    CallerId, Filter, NewRequest, NewSecureRequest, NewTransport, RequestId, Version,
};
use serde_json::{Value, json};

use super::broker::NatsServer;
use super::client::Client;
use super::nodes::N1;
use super::vectors;

/// Alice.
pub(crate) struct Caller {
    client: Client,
    key: SigningKey,
    pubcert: String,
    calls: u32,
    /// The collective that requests are for.
    pub(crate) collective: &'static str,
}

impl Caller {
    /// When the caller lives: within the validity of the certificate.
    pub(crate) const AT_MS: u64 = 1_795_489_888_000;

    pub(crate) async fn connect(server: &NatsServer) -> Self {
        let client = Client::connect(server, &["mcollective.reply.>", "choria.lifecycle.>"]).await;
        let key = SigningKey::from_file(&vectors::key("alice.mcollective-key.pem")).unwrap();
        let pubcert = std::fs::read_to_string(vectors::key("alice.mcollective.pem")).unwrap();
        Self { client, key, pubcert, calls: 0, collective: "mcollective" }
    }

    pub(crate) async fn wait_for_startup(&mut self) {
        while !self.client.next().await.subject.contains(".startup.") {}
    }

    /// The body of the node's answer.
    pub(crate) async fn call(&mut self, agent: &str, action: &str, data: &Value) -> Value {
        let subject = format!("{}.node.{N1}", self.collective);
        self.call_on(&subject, agent, action, data).await
    }

    /// The body of the first answer to a request on `subject`.
    pub(crate) async fn call_on(
        &mut self,
        subject: &str,
        agent: &str,
        action: &str,
        data: &Value,
    ) -> Value {
        self.calls += 1;
        let id = format!("{:032x}", self.calls);
        let reply_to = format!("mcollective.reply.0123456789abcdef0123456789abcdef.{id}");
        let body = json!({"agent": agent, "action": action, "data": data}).to_string();
        let payload = self.sign(&id, agent, &body, &reply_to);
        self.client.publish(subject, payload).await;
        loop {
            let received = self.client.next().await;
            if received.subject == reply_to {
                return received.body();
            }
        }
    }

    fn sign(&self, id: &str, agent: &str, body: &str, reply_to: &str) -> bytes::Bytes {
        let request = NewRequest {
            version: Version::V1,
            id: &RequestId::try_from(id).unwrap(),
            caller: &CallerId::try_from("choria=alice.mcollective").unwrap(),
            sender: "shell1.example.net",
            collective: &self.collective.try_into().unwrap(),
            agent: &agent.try_into().unwrap(),
            ttl: Duration::from_secs(60),
            time: Duration::from_millis(Self::AT_MS),
            filter: &Filter { agent: vec![agent.to_owned()], ..Filter::default() },
            message: body.as_bytes(),
        };
        let request = request.encode().unwrap();
        let signature = self.key.sign(&request).unwrap();
        let pubcert = &self.pubcert;
        let secure = NewSecureRequest::X509 { request: &request, signature: &signature, pubcert };
        let transport = NewTransport {
            version: Version::V1,
            data: &secure.encode().unwrap(),
            reply_to: Some(reply_to),
            sender: "shell1.example.net",
            seen_by: &[],
            federation: None,
        };
        transport.encode()
    }
}
