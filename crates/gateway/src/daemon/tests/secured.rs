//! Whole gateways with real certificates on real sockets: who is believed changes while they run.

use std::{fs, path::PathBuf};

use super::*;
use crate::{config::Tls, shell::RefusalFacts};

/// Certificates and lists in one folder, a CA file for each gateway, and the gateways.
struct Secured {
    fabric: Fabric,
    endpoints: BTreeMap<String, antiphon_core::Endpoint>,
}

impl Secured {
    /// Starts gateways that all believe the fabric's authority; the first is the seed.
    async fn of(gateways: &[&str]) -> Self {
        let fabric = Fabric::of(&[]).await;
        let mut secured = Self { fabric, endpoints: BTreeMap::new() };
        for gateway in gateways {
            secured.trust(gateway, &[&secured.fabric.authority]);
            secured.revoke(gateway, &[]);
            secured.issue(gateway, &secured.fabric.authority);
            secured.start(gateway).await;
        }
        secured.fabric.until_meshed().await;
        secured
    }

    fn path(&self, file: &str) -> PathBuf {
        self.fabric.authority.folder().join(file)
    }

    /// From now on this gateway believes these authorities.
    fn trust(&self, gateway: &str, authorities: &[&Authority]) {
        let bundle: String = authorities.iter().map(|one| one.pem()).collect();
        fs::write(self.path(&format!("{gateway}-ca.pem")), bundle).unwrap();
    }

    /// From now on this gateway holds the certificates of those for revoked.
    fn revoke(&self, gateway: &str, revoked: &[&str]) {
        self.fabric.authority.revoke(&format!("{gateway}-crl.pem"), revoked);
    }

    /// From now on this gateway has a new certificate of this authority.
    fn issue(&self, gateway: &str, authority: &Authority) {
        let uri = format!("antiphon://acme/{}/{gateway}", region_of(gateway));
        let made = authority.issue(gateway, &[&uri], &[]);
        for (file, end) in [(made.certificate, ".pem"), (made.key, "-key.pem")] {
            let place = self.path(&format!("{gateway}{end}"));
            if file != place {
                fs::copy(file, place).unwrap();
            }
        }
    }

    async fn start(&mut self, gateway: &str) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint: antiphon_core::Endpoint =
            listener.local_addr().unwrap().to_string().parse().unwrap();
        let mut config = self.fabric.config(gateway, Vec::new());
        let of = |end: &str| self.path(&format!("{gateway}{end}"));
        let files = Tls::new(of(".pem"), of("-key.pem"), of("-ca.pem"));
        config.link.tls = Tls { crl: vec![of("-crl.pem")], ..files };
        config.link.advertise = endpoint.clone();
        config.link.seeds = self.endpoints.values().take(1).cloned().collect();
        let world = World {
            clock: self.fabric.clock,
            seed: 7,
            broker: self.fabric.bus(region_of(gateway)).connect(),
            monitors: None,
            links: LinkWorld::Sockets(listener),
            enrolment: None,
            certificates: OwnCertificates::default(),
        };
        self.endpoints.insert(gateway.to_owned(), endpoint);
        let daemon = Daemon::start(config, world).await.unwrap();
        self.fabric.gateways.insert(gateway.to_owned(), daemon);
    }

    /// Waits until a gateway's report fulfils the condition.
    async fn until(&self, gateway: &str, what: &str, condition: impl Fn(&Report) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let report = self.fabric.report(gateway).await;
            if condition(&report) {
                return;
            }
            assert!(Instant::now() < deadline, "in vain: {gateway} {what}: {report:#?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn is_linked(report: &Report) -> bool {
    report.core.links.iter().any(|link| link.state == "up")
}

fn refusals(report: &Report, kind: &str) -> u64 {
    report.daemon.refusals.get("link").and_then(|kinds| kinds.get(kind)).copied().unwrap_or(0)
}

fn last_refusal(report: &Report) -> Option<&RefusalFacts> {
    report.daemon.troubles.refusals.iter().find(|one| one.kind == "revoked")
}

/// Once as the side that dialled, once as the one that accepted.
#[tokio::test]
async fn a_revoked_peer_is_cut_and_cannot_return() {
    for (judge, revoked) in [("eu-1", "us-1"), ("us-1", "eu-1")] {
        let secured = Secured::of(&["eu-1", "us-1"]).await;
        let before = secured.fabric.report(judge).await;
        let page = crate::metrics::Metrics::new().text(&before);
        let due = "antiphon_revocation_list_next_update_timestamp_seconds{issuer=\"";
        assert!(page.contains(due), "{page}");
        let known = refusals(&before, "revoked");
        let began = Instant::now();
        secured.revoke(judge, &[revoked]);
        secured
            .until(judge, "cuts it", |report| {
                !is_linked(report) && refusals(report, "revoked") > known
            })
            .await;
        assert!(began.elapsed() < Duration::from_secs(60));
        let report = secured.fabric.report(judge).await;
        assert!(last_refusal(&report).unwrap().detail.contains(revoked), "{report:#?}");
        // It tries, whoever dials, and gets no further.
        secured
            .until(judge, "refuses its attempts", |report| {
                assert!(!is_linked(report));
                let dials = report.daemon.troubles.dials.iter().map(|dial| dial.count).sum::<u64>();
                refusals(report, "revoked") + dials > known + 1
            })
            .await;
    }
}

/// Both orders in which two regions may take each step.
#[tokio::test]
async fn a_rollover_of_the_authority_takes_no_link_away() {
    let secured = Secured::of(&["eu-1", "us-1"]).await;
    // A list of revoked certificates is found by the name of whoever signed it.
    let (old, new) = (&secured.fabric.authority, Authority::named("new authority"));
    let order = ["us-1", "eu-1", "eu-1", "us-1", "us-1", "eu-1"];
    for (step, gateway) in order.into_iter().enumerate() {
        let before = secured.fabric.report(gateway).await.daemon;
        let trusted = |count: usize| {
            secured.until(gateway, "has read its bundle", move |report| {
                report.daemon.trust.link.len() == count
            })
        };
        match step / 2 {
            0 => {
                secured.trust(gateway, &[old, &new]);
                trusted(2).await;
            }
            1 => {
                secured.issue(gateway, &new);
                secured
                    .until(gateway, "uses its new certificate", |report| {
                        report.daemon.certificate.fingerprint != before.certificate.fingerprint
                    })
                    .await;
            }
            _ => {
                secured.trust(gateway, &[&new]);
                trusted(1).await;
            }
        }
        for name in ["eu-1", "us-1"] {
            let report = secured.fabric.report(name).await;
            assert!(is_linked(&report), "step {step} of {gateway}: {:#?}", report.core.links);
        }
    }
    // What was shown before is not believed by anybody now: the links that stand are of the new CA.
    for name in ["eu-1", "us-1"] {
        secured
            .until(name, "has links of the new authority alone", |report| {
                is_linked(report) && report.daemon.links.len() == 1 && report.daemon.handovers > 0
            })
            .await;
        let report = secured.fabric.report(name).await;
        assert!(report.daemon.refusals.is_empty(), "{:?}", report.daemon.refusals);
    }
}
