//! Keys that do not fit, and an AAA service that signs in the caller's stead.

use std::process::ExitCode;
use std::sync::Arc;

use antiphon_client::cli::{PingArgs, ReqArgs};
use antiphon_client::config::{Config, RemoteSigner, Security};
use antiphon_client::render::Style;
use antiphon_client::{Console, Environment, SignError, Signer, SignerError, one_line};
use antiphon_identity::v1::SigningKey;
use antiphon_identity::v2::Seed;
use antiphon_wire::NewSecureRequest;
use data_encoding::{BASE64, HEXLOWER};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{Written, config, config_v2, vectors};

fn refused(config: &Config) -> String {
    let error = Signer::new(config).err().unwrap();
    one_line(&error).replace(&format!("{}/", vectors().join("keys").display()), "")
}

#[test]
fn keys_that_do_not_fit_are_named() {
    let keys = vectors().join("keys");
    let v1 = |certificate: &str, key: &str, name: Option<&str>| Config {
        security: Security::V1 {
            certificate: keys.join(certificate),
            key: keys.join(key),
            ca: keys.join("ca.pem"),
            name: name.map(str::to_owned),
        },
        ..config()
    };
    assert_eq!(
        refused(&v1("alice.mcollective.pem", "n1.example.net-key.pem", None)),
        "key file n1.example.net-key.pem does not belong to certificate file alice.mcollective.pem"
    );
    assert_eq!(
        refused(&v1("alice.mcollective.pem", "alice.mcollective-key.pem", Some("bob.mcollective"))),
        "certificate alice.mcollective.pem is of alice.mcollective, not of \"bob.mcollective\" (set MCOLLECTIVE_CERTNAME)"
    );
    let missing = refused(&v1("alice.mcollective.pem", "nosuch.pem", None));
    assert!(missing.starts_with("key file nosuch.pem: cannot be read: No such file"), "{missing}");
    let v2 = |token: &str, seed: &str| Config {
        security: Security::V2 { token: keys.join(token), seed: keys.join(seed) },
        ..config_v2()
    };
    assert_eq!(
        refused(&v2("v2-alice.jwt", "v2-n4.seed")),
        "seed v2-n4.seed does not belong to token v2-alice.jwt"
    );
    assert_eq!(refused(&v2("v2-n4.jwt", "v2-n4.seed")), "token v2-n4.jwt is not a client's");
}

#[tokio::test]
async fn a_command_ends_with_one_line_and_the_fitting_code() {
    for (args, line, code) in [
        (
            ["--config", "/nonexistent/client.conf"],
            "error: cannot read /nonexistent/client.conf: No such file or directory (os error 2)\n",
            64,
        ),
        (
            ["--lab", "/nonexistent"],
            "error: cannot read /nonexistent/lab.json: No such file or directory (os error 2)\n",
            64,
        ),
    ] {
        let err = Written::default();
        let mut console = Console {
            out: Box::new(Written::default()),
            err: Box::new(err.clone()),
            input: Box::new(std::io::empty()),
            style: Style::Plain,
            progress: false,
            stop: tokio_util::sync::CancellationToken::new(),
        };
        let ping = PingArgs::parse(&args);
        let exit = ping.run(&mut console, &Environment::default()).await;
        assert_eq!(err.text(), line);
        assert_eq!(format!("{exit:?}"), format!("{:?}", ExitCode::from(code)));
    }
}

/// Options parsed without a command around them.
pub(crate) trait Parse: clap::Args {
    fn parse(words: &[&str]) -> Self
    where
        Self: Sized,
    {
        let command = Self::augment_args(clap::Command::new("test").no_binary_name(true));
        let matches = command.try_get_matches_from(words).unwrap();
        <Self as clap::FromArgMatches>::from_arg_matches(&matches).unwrap()
    }
}

impl Parse for PingArgs {}
impl Parse for ReqArgs {}

/// An AAA service that gives one answer, over TLS; returns its address and what it was asked.
async fn service(answer: fn(&Value) -> Value) -> (String, tokio::task::JoinHandle<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/choria/v1/sign", listener.local_addr().unwrap().port());
    let acceptor = acceptor();
    let asked = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(tcp).await.unwrap();
        let body = read_request(&mut stream).await;
        let answer = answer(&body).to_string();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", answer.len());
        stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        body
    });
    (url, asked)
}

async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Value {
    let mut text = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap();
        text.extend_from_slice(&chunk[..read]);
        let Some(end) = text.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        if let Ok(body) = serde_json::from_slice(&text[end + 4..]) {
            return body;
        }
        assert_ne!(read, 0, "the request ends before its body");
    }
}

/// A certificate for localhost by the test CA, and its key, in PEM.
pub(crate) fn server_certificate() -> (String, String) {
    let keys = vectors().join("keys");
    let read = |name: &str| std::fs::read_to_string(keys.join(name)).unwrap();
    let ca_key = KeyPair::from_pem(&read("ca-key.pem")).unwrap();
    let issuer = Issuer::from_ca_cert_pem(&read("ca.pem"), ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

fn acceptor() -> TlsAcceptor {
    let (certificate, key) = server_certificate();
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn remote(url: String, base: Config) -> Config {
    let keys = vectors().join("keys");
    let signer = RemoteSigner {
        url,
        token: keys.join("v2-alice.jwt"),
        seed: Some(keys.join("v2-alice.seed")),
        ca: Some(keys.join("ca.pem")),
    };
    Config { remote_signer: Some(signer), ..base }
}

/// Signs as an AAA service with a certificate of its own does.
fn sign_v1(asked: &Value) -> Value {
    let keys = vectors().join("keys");
    let request = BASE64.decode(asked["request"].as_str().unwrap().as_bytes()).unwrap();
    let key = SigningKey::from_file(&keys.join("alice.mcollective-key.pem")).unwrap();
    let pubcert = std::fs::read_to_string(keys.join("alice.mcollective.pem")).unwrap();
    let signature = key.sign(&request).unwrap();
    let secure =
        NewSecureRequest::X509 { request: &request, signature: &signature, pubcert: &pubcert };
    json!({"secure_request": BASE64.encode(&secure.encode().unwrap()), "error": ""})
}

fn sign_v2(_: &Value) -> Value {
    let secure = json!({"protocol": "io.choria.protocol.v2.secure_request", "request": "cg==",
        "signature": "cw==", "caller": "theirs", "signer": "the delegator"});
    json!({"secure_request": BASE64.encode(secure.to_string().as_bytes())})
}

fn sign_v2_without_signer(_: &Value) -> Value {
    json!({"secure_request": BASE64.encode(b"{\"caller\":\"theirs\"}")})
}

#[tokio::test]
async fn an_aaa_service_signs_for_a_v1_client() {
    let (url, asked) = service(sign_v1).await;
    let signer = Signer::new(&remote(url, config())).unwrap();

    let secure: Value =
        serde_json::from_slice(&signer.secure(b"{\"a\":1}").await.unwrap()).unwrap();

    assert_eq!(secure["message"], "{\"a\":1}");
    let asked = asked.await.unwrap();
    let keys = vectors().join("keys");
    let token = std::fs::read_to_string(keys.join("v2-alice.jwt")).unwrap();
    assert_eq!(asked["token"], token.trim());
    let signature = HEXLOWER.decode(asked["signature"].as_str().unwrap().as_bytes()).unwrap();
    let seed = Seed::from_file(&keys.join("v2-alice.seed")).unwrap();
    assert!(seed.public().verify(b"{\"a\":1}", &signature));
}

#[tokio::test]
async fn a_v2_client_puts_its_own_token_into_what_was_signed_for_it() {
    let (url, _asked) = service(sign_v2).await;
    let signer = Signer::new(&remote(url, config_v2())).unwrap();

    let secure: Value = serde_json::from_slice(&signer.secure(b"r").await.unwrap()).unwrap();

    assert_eq!(secure["signer"], "the delegator");
    assert!(secure["caller"].as_str().unwrap().starts_with("ey"));
}

#[tokio::test]
async fn an_aaa_service_that_refuses_is_quoted() {
    let (url, _asked) = service(|_| json!({"error": "not today"})).await;
    let refused = Signer::new(&remote(url, config())).unwrap().secure(b"r").await.unwrap_err();
    assert!(refused.to_string().ends_with("refused: not today"), "{refused}");

    let (url, _asked) = service(sign_v2_without_signer).await;
    let refused = Signer::new(&remote(url, config_v2())).unwrap().secure(b"r").await.unwrap_err();
    assert!(refused.to_string().ends_with("refused: its answer names no signer"), "{refused}");
}

#[tokio::test]
async fn an_aaa_service_that_is_not_there_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    drop(listener);
    let signer = Signer::new(&remote(url.clone(), config())).unwrap();
    let error = signer.secure(b"r").await.unwrap_err();
    assert!(
        matches!(&error, SignError::Unreachable { url: named, .. } if *named == url),
        "{error}"
    );

    let bad = Signer::new(&remote("ftp://aaa".into(), config())).err().unwrap();
    assert!(matches!(bad, SignerError::RemoteUrl { .. }), "{bad}");
}
