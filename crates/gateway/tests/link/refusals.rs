//! Who is turned away, and with which word.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use antiphon_core::{DialFailure, Endpoint, Incarnation};
use antiphon_gateway::link::{LinkConfig, LinkEvent};
use antiphon_identity::{CommonName, Credentials, Names};
use antiphon_proto::{
    Greeting,
    v1::{Batch, SequencedFrame, control_message, data_message},
};
use bytes::Bytes;
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::TlsConnector;

use crate::{
    pki::{Authority, Life},
    raw::RawPeer,
    side::{Side, linked},
};

/// `eu-1` as given dials an ordinary `us-1`: how the dial ended, and what `us-1` said of it.
async fn answered(
    uri: &str,
    life: Life,
    bend: impl FnOnce(&mut Greeting, &mut LinkConfig),
) -> (DialFailure, String) {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let mut eu = Side::over_tls("eu-1", authority.tls_of(uri, life), bend).await;
    eu.dial(&us.hello.endpoint);
    (eu.dial_failure().await, us.refusal().await)
}

const EU_1: &str = "antiphon://acme/eu/eu-1";

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let (_, kind) = answered(EU_1, Life::Past, |_, _| {}).await;
    assert_eq!(kind, "expired");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_by_both() {
    let mut us = Side::over_tls("us-1", Authority::new().tls("us-1"), |_, _| {}).await;
    let mut eu = Side::over_tls("eu-1", Authority::new().tls("eu-1"), |_, _| {}).await;
    eu.dial(&us.hello.endpoint);
    assert_eq!(eu.refusal().await, "untrusted");
    assert!(matches!(eu.dial_failure().await, DialFailure::Refused { .. }));

    // Its alert is no refusal of ours; a dial in the other direction is.
    us.dial(&eu.hello.endpoint);
    assert_eq!(us.refusal().await, "untrusted");
}

#[tokio::test]
async fn another_fabric_is_refused_by_its_certificate() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let other = authority.tls_of("antiphon://other/eu/eu-1", Life::Long);
    let mut eu = Side::over_tls("eu-1", other, |_, _| {}).await;
    us.dial(&eu.hello.endpoint);
    assert_eq!(us.refusal().await, "wrong-fabric");
    eu.dial(&us.hello.endpoint);
    assert_eq!(eu.refusal().await, "wrong-fabric");
}

#[tokio::test]
async fn another_fabric_is_refused_by_its_hello() {
    let (failure, kind) = answered(EU_1, Life::Long, |own, _| {
        own.fabric = "other".parse().unwrap();
    })
    .await;
    assert_eq!(kind, "wrong-fabric");
    let DialFailure::Refused { reason } = failure else { panic!("{failure:?}") };
    assert_eq!(reason, "refused by the peer: wrong-fabric: of fabric other, not of acme");
}

#[tokio::test]
async fn a_hello_must_agree_with_the_certificate() {
    let (_, kind) = answered("antiphon://acme/ap/eu-1", Life::Long, |_, _| {}).await;
    assert_eq!(kind, "region-mismatch");
    let (_, kind) = answered("antiphon://acme/eu/eu-2", Life::Long, |_, _| {}).await;
    assert_eq!(kind, "gateway-mismatch");
}

#[tokio::test]
async fn a_protocol_that_we_do_not_speak_is_refused() {
    let (_, kind) = answered(EU_1, Life::Long, |own, _| {
        (own.protocol_oldest, own.protocol) = (2, 3);
    })
    .await;
    assert_eq!(kind, "version");
}

#[tokio::test]
async fn only_the_gateway_that_was_dialled_may_answer() {
    let authority = Authority::new();
    let us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    eu.dial_member("us-2", &us.hello.endpoint);
    assert_eq!(eu.refusal().await, "wrong-gateway");
    let failure = eu.dial_failure().await;
    let reason = "wrong-gateway: us-1 answered for us-2".to_owned();
    assert_eq!(failure, DialFailure::Refused { reason });
}

#[tokio::test]
async fn a_gateway_that_dials_itself_notices() {
    let authority = Authority::new();
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let endpoint = eu.hello.endpoint.clone();
    eu.dial(&endpoint);
    let LinkEvent::DialFailed { failure, .. } = eu.next().await else { panic!("no refusal") };
    assert_eq!(failure, DialFailure::Ourselves);
}

#[tokio::test]
async fn another_gateway_with_our_name_is_refused() {
    let authority = Authority::new();
    let mut one = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let mut two = Side::over_tls("eu-1", authority.tls("eu-1"), |own, _| {
        own.hello.incarnation = Incarnation(2);
    })
    .await;
    two.dial(&one.hello.endpoint);
    assert_eq!(one.refusal().await, "duplicate-gateway");
    assert!(matches!(two.dial_failure().await, DialFailure::Refused { .. }));
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let authority = Authority::new();
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BelievesAnyone))
        .with_no_client_auth();
    let tcp = TcpStream::connect(("127.0.0.1", eu.port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await;
    // The client's part of a TLS 1.3 handshake ends before the server judges.
    if let Ok(mut tls) = tls {
        assert!(tls.read_u8().await.is_err());
    }
    assert_eq!(eu.refusal().await, "no-client-certificate");
}

#[tokio::test]
async fn what_is_no_tls_is_refused() {
    let authority = Authority::new();
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let mut tcp = TcpStream::connect(("127.0.0.1", eu.port)).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut tcp, b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert_eq!(eu.refusal().await, "tls");
}

#[tokio::test]
async fn silent_clients_hold_up_nobody_for_longer_than_the_setup_may_take() {
    let authority = Authority::new();
    let impatient = |_: &mut Greeting, config: &mut LinkConfig| {
        config.setups_max = 2;
        config.setup_timeout = Duration::from_secs(3);
    };
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), impatient).await;
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let connect = || TcpStream::connect(("127.0.0.1", us.port));
    let silent = (connect().await.unwrap(), connect().await.unwrap());

    eu.dial(&us.hello.endpoint);

    assert_eq!(us.refusal().await, "handshake-timeout");
    eu.up().await;
    us.up().await;
    drop(silent);
}

#[tokio::test]
async fn silent_clients_do_not_block_others_while_there_is_room() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(("127.0.0.1", us.port)).await.unwrap());
    }
    linked(&mut eu, &mut us).await;
}

#[tokio::test]
async fn who_waits_for_the_data_connection_does_not_keep_it_out() {
    let authority = Authority::new();
    let one_slot = |_: &mut Greeting, config: &mut LinkConfig| config.setups_max = 1;
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), one_slot).await;
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    linked(&mut eu, &mut us).await;
}

#[tokio::test]
async fn more_links_in_setup_than_there_may_be_are_refused() {
    let authority = Authority::new();
    let nobody_waits = |_: &mut Greeting, config: &mut LinkConfig| config.pending_max = 0;
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), nobody_waits).await;
    let mut eu = Side::over_tls("eu-1", authority.tls("eu-1"), |_, _| {}).await;
    eu.dial(&us.hello.endpoint);
    assert_eq!(us.refusal().await, "busy");
    assert!(matches!(eu.dial_failure().await, DialFailure::Refused { .. }));
}

#[tokio::test]
async fn a_stolen_token_opens_nothing_and_harms_nothing() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let endpoint = us.hello.endpoint.clone();
    let mut control = raw(&authority, "eu-1", &endpoint).await;
    let (answer, _control) = control.hello(hello_of("eu-1", &endpoint)).await;
    let control_message::Body::Welcome(welcome) = answer else { panic!("{answer:?}") };
    assert_eq!(welcome.token.len(), 16);

    let mut thief = raw(&authority, "ap-1", &endpoint).await;
    let (answer, _) = thief.data(welcome.token.clone()).await;
    let data_message::Body::Refusal(refusal) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.kind, "foreign-token");
    assert_eq!(us.refusal().await, "foreign-token");

    let mut owner = raw(&authority, "eu-1", &endpoint).await;
    let (answer, _data) = owner.data(welcome.token).await;
    assert!(matches!(answer, data_message::Body::Welcome(_)), "{answer:?}");
    assert_eq!(us.up().await.peer.gateway.as_str(), "eu-1");
}

#[tokio::test]
async fn an_unknown_token_is_refused() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    for token in [Bytes::from_static(&[0; 16]), Bytes::from_static(b"short")] {
        let mut peer = raw(&authority, "eu-1", &us.hello.endpoint).await;
        let (answer, _) = peer.data(token).await;
        assert!(matches!(answer, data_message::Body::Refusal(_)), "{answer:?}");
        assert_eq!(us.refusal().await, "unknown-token");
    }
}

#[tokio::test]
async fn a_control_connection_that_never_gets_its_data_connection_is_closed() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, config| {
        config.setup_timeout = Duration::from_secs(3);
    })
    .await;
    let mut control = raw(&authority, "eu-1", &us.hello.endpoint).await;
    let (_, mut answers) = control.hello(hello_of("eu-1", &us.hello.endpoint)).await;
    assert_eq!(us.refusal().await, "setup-timeout");
    assert!(answers.message().await.is_err(), "the connection is gone");
}

#[tokio::test]
async fn a_peer_that_breaks_the_protocol_loses_its_link() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let mut control = raw(&authority, "eu-1", &us.hello.endpoint).await;
    let twice = [hello_of("eu-1", &us.hello.endpoint), hello_of("eu-1", &us.hello.endpoint)];
    let (answer, _answers) = control.hellos(twice).await;
    let control_message::Body::Welcome(welcome) = answer else { panic!("{answer:?}") };
    let mut data = raw(&authority, "eu-1", &us.hello.endpoint).await;
    // The link may be gone before the answer is read: only the other side's words count.
    let call = tokio::spawn(async move { data.join_quietly(welcome.token).await });
    assert_eq!(us.down().await.1, "control connection: a second hello");
    call.abort();
}

#[tokio::test]
async fn a_frame_that_makes_no_sense_costs_only_itself() {
    let authority = Authority::new();
    let mut us = Side::over_tls("us-1", authority.tls("us-1"), |_, _| {}).await;
    let mut control = raw(&authority, "eu-1", &us.hello.endpoint).await;
    let (answer, _answers) = control.hello(hello_of("eu-1", &us.hello.endpoint)).await;
    let control_message::Body::Welcome(welcome) = answer else { panic!("{answer:?}") };
    let mut data = raw(&authority, "eu-1", &us.hello.endpoint).await;
    let bad = |number| SequencedFrame {
        epoch: 1,
        number,
        weight: 300,
        hop: None,
        end: Bytes::from_static(b"\xff"),
    };
    let batch = Batch { frames: vec![bad(1), bad(2)], ..Default::default() };
    let (_, _data) = data.data_then(welcome.token, [data_message::Body::Batch(batch)]).await;
    for expected in 1..=2 {
        let read = us
            .until(|event| match event {
                LinkEvent::Frame { number, weight, frame, .. } => Some((number, weight, frame)),
                _ => None,
            })
            .await;
        assert_eq!((read.0, read.1), (expected, 300));
        assert_eq!(read.2.unwrap_err().reason, "hop: missing");
    }
}

async fn raw(authority: &Authority, gateway: &str, to: &Endpoint) -> RawPeer {
    let region = gateway.rsplit_once('-').unwrap().0;
    let uri = format!("antiphon://acme/{region}/{gateway}");
    let credentials: Credentials = authority.credentials(&uri, Life::Long);
    let names = Names::new("acme", &BTreeMap::new(), CommonName::Ignored).unwrap();
    RawPeer::connect(to, &credentials, &names).await
}

fn hello_of(gateway: &str, endpoint: &Endpoint) -> antiphon_proto::v1::Hello {
    let hello = antiphon_core::Hello {
        region: gateway.rsplit_once('-').unwrap().0.parse().unwrap(),
        gateway: gateway.parse().unwrap(),
        incarnation: Incarnation(1),
        version: "0.1.0".into(),
        endpoint: endpoint.clone(),
    };
    (&Greeting::own("acme".parse().unwrap(), hello)).into()
}

/// A client that does not care who answers.
#[derive(Debug)]
struct BelievesAnyone;

impl ServerCertVerifier for BelievesAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        vec![SignatureScheme::ECDSA_NISTP256_SHA256]
    }
}
