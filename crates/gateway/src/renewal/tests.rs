use std::{fs, path::PathBuf};

use antiphon_identity::CommonName;
use tokio::time::timeout;

use super::*;
use crate::testing::Authority;

const EU: &[&str] = &["antiphon://acme/eu/eu-1"];

struct Watched {
    authority: Authority,
    own: OwnCertificates,
    renewed: mpsc::Receiver<Credentials>,
    links: latest::Receiver<LinkTls>,
}

async fn watched() -> Watched {
    watched_by(|_| {}).await
}

async fn watched_by(adjust: impl FnOnce(&mut Files)) -> Watched {
    let authority = Authority::new();
    let files = authority.issue("gw", EU, &[]);
    let names = Arc::new(Names::new("acme", &[].into(), CommonName::Ignored).unwrap());
    let first = Found::load(&files).unwrap();
    let (links, receiver) = latest::channel(LinkTls::new(&first.credentials, &names));
    let (shell, renewed) = mpsc::channel(1);
    let check = Renewal::same_identity(&names, "eu".to_owned(), "eu-1".to_owned());
    let own = OwnCertificates::default();
    let mut files = Files::new((Use::Link, files), &first, own.clone(), check);
    adjust(&mut files);
    tokio::spawn(Renewal { files, names, links, shell }.run());
    tokio::task::yield_now().await;
    Watched { authority, own, renewed, links: receiver }
}

impl Watched {
    fn key(&self) -> PathBuf {
        self.authority.folder().join("gw-key.pem")
    }

    /// Waits until what the files hold is refused; the reason.
    async fn refusal(&mut self) -> String {
        let told = async {
            loop {
                if let Some(reason) = self.own.all()[0].refused.clone() {
                    return reason;
                }
                sleep(RETRY).await;
            }
        };
        let reason = timeout(10 * PERIOD, told).await.expect("it is told");
        assert!(self.renewed.try_recv().is_err());
        assert!(!self.links.has_changed().unwrap(), "the old one serves");
        reason
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_reaches_the_next_handshake_and_the_shell() {
    let mut watched = watched().await;
    let files = watched.authority.issue("gw", EU, &[]);
    let renewed = watched.renewed.recv().await.unwrap();
    assert!(watched.links.has_changed().unwrap());
    let expected = files.load().unwrap();
    assert_eq!(renewed.fingerprint(), expected.fingerprint());
    let own = &watched.own.all()[0];
    assert_eq!((own.of, own.renewals), (Use::Link, 1));
    assert_eq!(own.fingerprint, expected.fingerprint().to_string());
}

/// A gateway reads its files first and watches them when everything else is built.
#[tokio::test(start_paused = true)]
async fn what_was_replaced_before_anybody_watched_is_found() {
    let authority = Authority::new();
    let files = authority.issue("gw", EU, &[]);
    let first = Found::load(&files).unwrap();
    let second = authority.issue("gw", EU, &[]).load().unwrap();
    let own = OwnCertificates::default();
    let mut files = Files::new((Use::Link, files), &first, own, Box::new(|_| Ok(())));
    let renewed = timeout(PERIOD, files.renewed()).await.expect("the first look finds it");
    assert_eq!(renewed.fingerprint(), second.fingerprint());
}

#[tokio::test(start_paused = true)]
async fn another_regions_certificate_stays_out_and_the_file_is_named() {
    let mut watched = watched().await;
    watched.authority.issue("gw", &["antiphon://acme/us/us-1"], &[]);
    let reason = watched.refusal().await;
    assert!(reason.contains("gw.pem") && reason.contains("us"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_half_written_file_stays_out_until_it_is_whole() {
    let mut watched = watched().await;
    fs::write(watched.key(), "-----BEGIN PRIVATE KEY-----\nMIIE").unwrap();
    let reason = watched.refusal().await;
    assert!(reason.contains("gw-key.pem"), "{reason}");
    watched.authority.issue("gw", EU, &[]);
    assert!(watched.renewed.recv().await.is_some());
    assert_eq!(watched.own.all()[0].refused, None);
}

#[tokio::test(start_paused = true)]
async fn another_certificates_key_stays_out() {
    let mut watched = watched().await;
    let other = watched.authority.issue("other", EU, &[]);
    fs::copy(other.key, watched.key()).unwrap();
    let reason = watched.refusal().await;
    assert!(reason.contains("gw-key.pem") && reason.contains("does not belong"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn an_expired_certificate_stays_out() {
    let mut watched = watched().await;
    watched.authority.issue_ended("gw", EU);
    let reason = watched.refusal().await;
    assert!(reason.contains("gw.pem") && reason.contains("expired"), "{reason}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_file_stays_out_and_its_return_is_no_renewal() {
    let mut watched = watched().await;
    let key = fs::read(watched.key()).unwrap();
    fs::remove_file(watched.key()).unwrap();
    watched.refusal().await;
    fs::write(watched.key(), key).unwrap();
    let whole = async {
        while watched.own.all()[0].refused.is_some() {
            sleep(RETRY).await;
        }
    };
    timeout(10 * PERIOD, whole).await.expect("it is usable again");
    assert!(watched.renewed.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_slow_look_finds_what_nobody_told() {
    let mut watched = watched_by(|files| files.watch = Watch::new(Vec::new())).await;
    watched.authority.issue("gw", EU, &[]);
    let began = Instant::now();
    assert!(watched.renewed.recv().await.is_some());
    assert!((Duration::from_secs(1)..=PERIOD).contains(&began.elapsed()));
}

#[tokio::test]
async fn word_of_a_change_is_faster_than_the_slow_look() {
    let mut watched = watched().await;
    for _ in 0..3 {
        watched.authority.issue("gw", EU, &[]);
        let renewed = timeout(PERIOD / 2, watched.renewed.recv()).await;
        assert!(renewed.expect("the change is told").is_some());
    }
}
