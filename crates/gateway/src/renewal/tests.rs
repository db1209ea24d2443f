use std::fs;

use antiphon_identity::CommonName;
use tokio::time::advance;

use super::*;
use crate::testing::Authority;

struct Watched {
    authority: Authority,
    renewed: mpsc::Receiver<Credentials>,
    links: watch::Receiver<LinkTls>,
}

async fn watched() -> Watched {
    let authority = Authority::new();
    let files = authority.issue("gw", &["antiphon://acme/eu/eu-1"], &[]);
    let names = Arc::new(Names::new("acme", &[].into(), CommonName::Ignored).unwrap());
    let first = files.load().unwrap();
    let (links, receiver) = watch::channel(LinkTls::new(&first, &names));
    let (shell, renewed) = mpsc::channel(1);
    let check = Renewal::same_identity(&names, "eu".to_owned(), "eu-1".to_owned());
    let files = Files::new(files, check);
    tokio::spawn(Renewal { files, names, links, shell }.run());
    tokio::task::yield_now().await;
    Watched { authority, renewed, links: receiver }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_reaches_the_next_handshake_and_the_shell() {
    let mut watched = watched().await;
    let files = watched.authority.issue("gw", &["antiphon://acme/eu/eu-1"], &[]);
    let renewed = watched.renewed.recv().await.unwrap();
    assert!(watched.links.has_changed().unwrap());
    let expected = files.load().unwrap();
    assert_eq!(renewed.fingerprint(), expected.fingerprint());
}

#[tokio::test(start_paused = true)]
async fn another_regions_certificate_and_half_a_renewal_are_not_used() {
    let mut watched = watched().await;
    watched.authority.issue("gw", &["antiphon://acme/us/us-1"], &[]);
    pass_a_round().await;
    fs::write(watched.authority.folder().join("gw-key.pem"), "half").unwrap();
    pass_a_round().await;
    assert!(watched.renewed.try_recv().is_err());
    assert!(!watched.links.has_changed().unwrap());
    watched.authority.issue("gw", &["antiphon://acme/eu/eu-1"], &[]);
    assert!(watched.renewed.recv().await.is_some());
}

async fn pass_a_round() {
    advance(PERIOD).await;
    tokio::task::yield_now().await;
}
