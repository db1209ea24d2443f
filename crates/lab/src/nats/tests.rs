use std::fs;

use super::*;
use crate::pki::{Pki, Profile};
use crate::wait;

const LONG: Duration = Duration::from_secs(30);

fn options(folder: &Path) -> ClusterOptions {
    ClusterOptions::plain("eu", folder).unwrap_or_else(|missing| panic!("{missing}"))
}

#[tokio::test]
async fn a_server_accepts_once_started_and_comes_back_in_the_same_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster::start(&options(folder.path())).await.unwrap();
    let server = &mut cluster.servers_mut()[0];
    let (url, pid) = (server.url(), server.process().pid());

    server.process_mut().kill();
    assert!(!server.process_mut().is_running());
    server.start().await.unwrap();

    assert_eq!(server.url(), url);
    assert_ne!(server.process().pid(), pid);
}

#[tokio::test]
async fn servers_of_a_cluster_find_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let options = ClusterOptions { servers: 3, ..options(folder.path()) };
    let cluster = Cluster::start(&options).await.unwrap();

    let logs: Vec<_> = cluster.servers().iter().map(|server| server.process().log()).collect();
    let joined = wait::until(LONG, async || {
        let route = |log: &&Path| fs::read_to_string(log).unwrap().contains("Route connection");
        logs.iter().all(route).then_some(())
    });
    assert!(joined.await.is_some(), "each server has a route to another");
    assert_eq!(cluster.urls().len(), 3);
}

#[tokio::test]
async fn ports_that_are_taken_are_a_race_worth_another_try() {
    let folder = tempfile::tempdir().unwrap();
    let first = Cluster::start(&options(folder.path())).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let taken = config::Config {
        options: &options(other.path()),
        number: 1,
        ports: config::Ports {
            client: first.servers()[0].port(),
            monitor: ports::free().unwrap(),
            route: ports::free().unwrap(),
        },
        routes: &[],
    };
    let mut server = Server::spawn(&taken).unwrap();

    let ended = server.process_mut().ready(LONG, "does not end", async || None::<()>).await;

    assert!(ended.unwrap_err().is_port_race());
}

#[tokio::test]
async fn with_tls_only_holders_of_a_certificate_are_let_in() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::create(folder.path()).unwrap();
    let profiles = [Profile::broker("nats-eu-1"), Profile::client("alice.mcollective")];
    pki.issue(&profiles, &|_| ()).unwrap();
    let tls = Some(pki.files("nats-eu-1"));
    let cluster = Cluster::start(&ClusterOptions { tls, ..options(folder.path()) }).await.unwrap();
    let port = cluster.servers()[0].port();

    let alice = tls::Client::with_certificate(&pki.files("alice.mcollective"));
    assert!(alice.gets_pong(port).await);
    let stranger = tls::Client::without_certificate(&pki.ca());
    assert!(!stranger.gets_pong(port).await);
}

/// Just enough of a NATS client to see whether it is let in.
mod tls {
    use std::sync::Arc;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types};

    use super::*;
    use pki_types::pem::PemObject;

    pub(super) struct Client(TlsConnector);

    impl Client {
        pub(super) fn with_certificate(files: &TlsFiles) -> Self {
            let chain = pki_types::CertificateDer::from_pem_file(&files.certificate).unwrap();
            let key = pki_types::PrivateKeyDer::from_pem_file(&files.key).unwrap();
            Self::new(builder(&files.ca).with_client_auth_cert(vec![chain], key).unwrap())
        }

        pub(super) fn without_certificate(ca: &Path) -> Self {
            Self::new(builder(ca).with_no_client_auth())
        }

        fn new(config: ClientConfig) -> Self {
            Self(TlsConnector::from(Arc::new(config)))
        }

        pub(super) async fn gets_pong(&self, port: u16) -> bool {
            let answer = async {
                let mut plain = BufReader::new(TcpStream::connect(("127.0.0.1", port)).await?);
                plain.read_line(&mut String::new()).await?;
                let name = pki_types::ServerName::try_from("localhost").unwrap();
                let mut stream = BufReader::new(self.0.connect(name, plain.into_inner()).await?);
                stream.write_all(b"CONNECT {\"verbose\":false}\r\nPING\r\n").await?;
                let mut line = String::new();
                stream.read_line(&mut line).await?;
                std::io::Result::Ok(line)
            };
            answer.await.is_ok_and(|line| line.starts_with("PONG"))
        }
    }

    type Builder = tokio_rustls::rustls::ConfigBuilder<
        ClientConfig,
        tokio_rustls::rustls::client::WantsClientCert,
    >;

    fn builder(ca: &Path) -> Builder {
        let mut roots = RootCertStore::empty();
        roots.add(pki_types::CertificateDer::from_pem_file(ca).unwrap()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }
}
