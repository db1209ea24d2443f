//! A name server that knows nothing but SRV records.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};

use hickory_resolver::proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, rdata::SRV},
};
use tokio::{net::UdpSocket, task::JoinHandle};

/// Priority, weight, port and target.
pub(crate) type Entry = (u16, u16, u16, &'static str);

/// Records by the name that they are asked for by; `None` is a failure of the server.
type Zone = BTreeMap<String, Option<Vec<Entry>>>;

/// A name server on a free UDP port of 127.0.0.1, ended with this value.
#[derive(Debug)]
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    task: JoinHandle<()>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let zone = Arc::<Mutex<Zone>>::default();
        let known = zone.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let answer = answer(&buffer[..length], &known.lock().unwrap());
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address, zone, task }
    }

    /// What is answered for `name` from now on.
    pub(crate) fn set(&self, name: &str, entries: &[Entry]) {
        self.zone.lock().unwrap().insert(format!("{name}."), Some(entries.to_vec()));
    }

    /// `name` cannot be answered from now on.
    pub(crate) fn fail(&self, name: &str) {
        self.zone.lock().unwrap().insert(format!("{name}."), None);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn answer(question: &[u8], zone: &Zone) -> Vec<u8> {
    let request = Message::from_vec(question).unwrap();
    let query = request.queries[0].clone();
    let mut response = Message::response(request.metadata.id, request.metadata.op_code);
    match zone.get(&query.name().to_string().to_lowercase()) {
        None => response.metadata.response_code = ResponseCode::NXDomain,
        Some(None) => response.metadata.response_code = ResponseCode::ServFail,
        Some(Some(entries)) => {
            response.answers = entries.iter().map(|entry| record(query.name(), *entry)).collect();
        }
    }
    response.add_query(query);
    response.to_vec().unwrap()
}

fn record(name: &Name, (priority, weight, port, target): Entry) -> Record {
    let record = SRV::new(priority, weight, port, Name::from_ascii(target).unwrap());
    Record::from_rdata(name.clone(), 60, RData::SRV(record))
}
