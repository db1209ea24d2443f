use std::os::unix::fs::PermissionsExt;

use antiphon_identity::v2::{Claims, PublicKey, Seed, Token};
use antiphon_identity::{Credentials, Names, Purpose, UnixTime};

use super::*;

fn issued(profile: Profile) -> (tempfile::TempDir, Pki, TlsFiles) {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::create(folder.path()).unwrap();
    let files = pki.files(profile.name());
    pki.issue(&[profile], &|_| ()).unwrap();
    (folder, pki, files)
}

fn credentials(files: &TlsFiles) -> Credentials {
    Credentials::from_files(&files.certificate, &files.key, &files.ca).unwrap()
}

#[test]
fn a_broker_is_localhost_in_both_roles_of_tls() {
    let (_folder, _pki, files) = issued(Profile::broker("nats-eu-1"));
    let broker = credentials(&files);
    assert_eq!(broker.leaf().dns_names, ["localhost"]);
    for purpose in [Purpose::ClientAuthentication, Purpose::ServerAuthentication] {
        broker.trust().verify(broker.certificate(), &[], UnixTime::now(), purpose).unwrap();
    }
}

#[test]
fn a_gateway_is_named_by_its_uri() {
    let (_folder, _pki, files) = issued(Profile::gateway("lab", "eu", "eu-1"));
    let gateway = credentials(&files);
    let names = Names::new("lab", &Default::default(), antiphon_identity::CommonName::Ignored);
    let identity = names.unwrap().identify(gateway.certificate()).unwrap();
    assert_eq!((identity.region.as_str(), identity.gateway.as_deref()), ("eu", Some("eu-1")));
    for purpose in [Purpose::ClientAuthentication, Purpose::ServerAuthentication] {
        gateway.trust().verify(gateway.certificate(), &[], UnixTime::now(), purpose).unwrap();
    }
}

#[test]
fn a_user_is_a_client_only() {
    let (_folder, _pki, files) = issued(Profile::client("alice.mcollective"));
    let user = credentials(&files);
    assert_eq!(user.leaf().common_names, ["alice.mcollective"]);
    assert_eq!(user.leaf().dns_names, ["alice.mcollective"]);
    let verify = |purpose| user.trust().verify(user.certificate(), &[], UnixTime::now(), purpose);
    verify(Purpose::ClientAuthentication).unwrap();
    verify(Purpose::ServerAuthentication).unwrap_err();
}

#[test]
fn keys_are_readable_by_their_owner_only() {
    let (_folder, pki, files) = issued(Profile::client("n1.eu.example.net"));
    for key in [files.key, pki.ca_key()] {
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn every_profile_gets_a_key_of_its_own_and_progress_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let pki = Pki::create(folder.path()).unwrap();
    let profiles = ["a", "b", "c"].map(Profile::client);
    let told = AtomicUsize::new(0);
    pki.issue(&profiles, &|_| {
        told.fetch_add(1, Ordering::Relaxed);
    })
    .unwrap();
    let keys = ["a", "b", "c"].map(|name| fs::read(pki.files(name).key).unwrap());
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
    assert_eq!(told.into_inner(), 3);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let Err(error) = Pki::create(Path::new("/proc/pki")) else { panic!("nobody can write there") };
    assert_eq!(error.to_string(), "/proc/pki cannot be written");
}

#[test]
fn tokens_verify_with_the_issuers_public_key() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = Tokens::create(folder.path()).unwrap();
    let issuer = PublicKey::from_file(&tokens.public()).unwrap();
    assert_eq!(Seed::from_file(&tokens.seed()).unwrap().public(), issuer);

    let user = tokens.user("alice").unwrap();
    let token = Token::parse(&fs::read_to_string(&user.token).unwrap()).unwrap();
    let claims = token.verify(&issuer, UnixTime::now()).unwrap();
    let key = Seed::from_file(&user.seed).unwrap().public();
    assert_eq!(claims.public_key().unwrap(), key);
    let Claims::Client(client) = claims else { panic!("a user's token") };
    assert_eq!(client.callerid, "up=alice");
    assert!(client.permissions.as_ref().is_some_and(|rights| rights.fleet_management));

    let node = tokens.server("v1.eu.example.net", &["choria"]).unwrap();
    let token = Token::parse(&fs::read_to_string(&node.token).unwrap()).unwrap();
    let claims = token.verify(&issuer, UnixTime::now()).unwrap();
    let Claims::Server(server) = claims else { panic!("a node's token") };
    assert_eq!(server.identity, "v1.eu.example.net");
    assert_eq!(server.collectives, ["choria"]);
}
