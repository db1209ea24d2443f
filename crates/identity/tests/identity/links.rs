//! Links between gateways: who is let in, and why the others are not.

use antiphon_identity::tls::{broker_client_config, link_client_config, link_server_config};
use antiphon_identity::{CommonName, Credentials, PeerIdentity, first_to_end};
use rcgen::ExtendedKeyUsagePurpose::{Any, ClientAuth, ServerAuth};
use rustls::ProtocolVersion;

use crate::handshake::{Handshake, handshake};
use crate::pki::{Authority, Subject, YEAR_2000, at, names};

const EU_1: &str = "antiphon://acme/eu/eu-1";
const US_1: &str = "antiphon://acme/us/us-1";

fn link(client: &Credentials, server: &Credentials) -> Handshake {
    link_with(client, server, CommonName::Ignored)
}

fn link_with(client: &Credentials, server: &Credentials, common_name: CommonName) -> Handshake {
    let names = names(common_name);
    let client = link_client_config(client, &names);
    handshake(client, link_server_config(server, &names), "anything.example.net")
}

fn peer(region: &str, gateway: Option<&str>) -> PeerIdentity {
    PeerIdentity { region: region.to_owned(), gateway: gateway.map(str::to_owned) }
}

/// What a good server says of a client with this certificate.
fn refusal_of_client(subject: &Subject) -> &'static str {
    let ca = Authority::new("ca");
    let server = ca.issue(&Subject::uri(EU_1)).credentials();
    link(&ca.issue(subject).credentials(), &server).server_refusal()
}

/// What a good client says of a server with this certificate.
fn refusal_of_server(subject: &Subject) -> &'static str {
    let ca = Authority::new("ca");
    let client = ca.issue(&Subject::uri(EU_1)).credentials();
    link(&client, &ca.issue(subject).credentials()).client_refusal()
}

#[test]
fn two_gateways_learn_who_the_other_is() {
    let ca = Authority::new("ca");
    let [eu, us] = [EU_1, US_1].map(|uri| ca.issue(&Subject::uri(uri)).credentials());
    let done = link(&eu, &us);
    assert!(done.succeeded());
    let names = names(CommonName::Ignored);
    assert_eq!(names.peer_identity(done.client.peer_certificates()), Ok(peer("us", Some("us-1"))));
    assert_eq!(names.peer_identity(done.server.peer_certificates()), Ok(peer("eu", Some("eu-1"))));
    assert_eq!(done.client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(done.server.alpn_protocol(), Some(b"h2".as_slice()));
    let chain = done.client.peer_certificates().unwrap();
    assert_eq!(first_to_end(chain).unwrap().not_after, us.not_after());
}

#[test]
fn a_second_handshake_shows_certificates_again_instead_of_resuming() {
    let ca = Authority::new("ca");
    let [eu, us] = [EU_1, US_1].map(|uri| ca.issue(&Subject::uri(uri)).credentials());
    let names = names(CommonName::Ignored);
    let (client, server) = (link_client_config(&eu, &names), link_server_config(&us, &names));
    for _ in 0..2 {
        let done = handshake(client.clone(), server.clone(), "us-1.example.net");
        assert_eq!(done.client.handshake_kind(), Some(rustls::HandshakeKind::Full));
    }
}

#[test]
fn a_dns_name_stands_for_its_region() {
    let ca = Authority::new("ca");
    let server = ca.issue(&Subject::uri(EU_1)).credentials();
    let done = link(&ca.issue(&Subject::dns("GW.us.example.net")).credentials(), &server);
    assert!(done.succeeded());
    let names = names(CommonName::Ignored);
    assert_eq!(names.peer_identity(done.server.peer_certificates()), Ok(peer("us", None)));
}

#[test]
fn a_common_name_counts_only_where_enabled() {
    let ca = Authority::new("ca");
    let server = ca.issue(&Subject::uri(EU_1)).credentials();
    let client = ca.issue(&Subject::common_name("gw.us.example.net")).credentials();
    assert_eq!(link(&client, &server).server_refusal(), "unknown-region");
    assert!(link_with(&client, &server, CommonName::LastResort).succeeded());
}

#[test]
fn another_fabric_is_refused_by_either_side() {
    let foreign = "antiphon://other/eu/eu-2";
    assert_eq!(refusal_of_client(&Subject::uri(foreign)), "wrong-fabric");
    assert_eq!(refusal_of_server(&Subject::uri(foreign)), "wrong-fabric");
}

#[test]
fn a_name_that_stands_for_no_region_is_refused_by_either_side() {
    let unknown = || Subject::dns("gw.mars.example.net");
    assert_eq!(refusal_of_client(&unknown()), "unknown-region");
    assert_eq!(refusal_of_server(&unknown()), "unknown-region");
}

#[test]
fn names_of_two_members_are_refused() {
    let twice = Subject::uri(EU_1).and_uri(US_1);
    assert_eq!(refusal_of_client(&twice), "ambiguous");
}

#[test]
fn a_malformed_uri_is_refused() {
    assert_eq!(refusal_of_server(&Subject::uri("antiphon://acme")), "malformed-uri");
}

#[test]
fn a_client_without_certificate_is_refused() {
    let ca = Authority::new("ca");
    let server = ca.issue(&Subject::dns("eu-1.example.net").and_uri(EU_1)).credentials();
    let mut client = broker_client_config(&ca.bundle(), None);
    client.alpn_protocols = vec![b"h2".to_vec()];
    let names = names(CommonName::Ignored);
    let done = handshake(client.into(), link_server_config(&server, &names), "eu-1.example.net");
    assert_eq!(done.server_refusal(), "no-client-certificate");
}

#[test]
fn a_certificate_out_of_its_dates_is_refused_by_either_side() {
    let ca = Authority::new("ca");
    let good = ca.issue(&Subject::uri(EU_1)).credentials();
    let expired = ca.issue(&Subject::uri(US_1).long_expired()).load(at(YEAR_2000)).unwrap();
    assert_eq!(link(&expired, &good).server_refusal(), "expired");
    assert_eq!(link(&good, &expired).client_refusal(), "expired");
    let year_4001 = at(64_092_211_200);
    let early = ca.issue(&Subject::uri(US_1).far_future()).load(year_4001).unwrap();
    assert_eq!(link(&early, &good).server_refusal(), "not-yet-valid");
}

#[test]
fn a_certificate_of_another_authority_is_refused_by_either_side() {
    let (ours, theirs) = (Authority::new("ca"), Authority::new("ca"));
    let good = ours.issue(&Subject::uri(EU_1)).credentials();
    // It trusts us; we do not trust it.
    let stranger = theirs.issue_with(&Subject::uri(US_1), &[], &[&ours]).credentials();
    assert_eq!(link(&stranger, &good).server_refusal(), "untrusted");
    assert_eq!(link(&good, &stranger).client_refusal(), "untrusted");
}

#[test]
fn a_certificate_for_another_use_is_refused_by_either_side() {
    assert_eq!(refusal_of_client(&Subject::uri(US_1).for_usages(&[ServerAuth])), "wrong-usage");
    assert_eq!(refusal_of_server(&Subject::uri(US_1).for_usages(&[ClientAuth])), "wrong-usage");
}

#[test]
fn an_unrestricted_certificate_is_good_for_both_sides() {
    let ca = Authority::new("ca");
    for usages in [&[][..], &[Any][..]] {
        let free = ca.issue(&Subject::uri(US_1).for_usages(usages)).credentials();
        assert!(link(&free, &free).succeeded());
    }
}

#[test]
fn during_a_rollover_members_of_both_authorities_meet() {
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let [eu, us] = [(&old, EU_1), (&new, US_1)]
        .map(|(ca, uri)| ca.issue_with(&Subject::uri(uri), &[], &[&old, &new]).credentials());
    assert!(link(&eu, &us).succeeded());
    assert!(link(&us, &eu).succeeded());
}

#[test]
fn an_intermediate_may_be_presented_or_be_in_the_bundle() {
    let root = Authority::new("root");
    let issuing = root.intermediate("issuing");
    let presented = issuing.issue_with(&Subject::uri(EU_1), &[&issuing], &[&root]).credentials();
    let bare = issuing.issue_with(&Subject::uri(US_1), &[], &[&root, &issuing]).credentials();
    assert_eq!(link(&bare, &presented).server_refusal(), "untrusted");
    assert!(link(&presented, &presented).succeeded());
    assert!(link(&bare, &bare).succeeded());
}
