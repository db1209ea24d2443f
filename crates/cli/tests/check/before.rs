//! Before the first start: a good place passes, and each thing that is wrong fails its check alone.

use std::{collections::BTreeSet, time::Duration};

use antiphon_cli::check::{self, State, before::Before, facts::ServerFacts};
use antiphon_gateway::{
    Lifetime,
    preflight::{
        AdvertiseTry, BrokerTry, CertificateTry, Denied, HeardBeacon, PlaceTry, Preflight, SeedTry,
        Server, VaultTry, Who,
    },
    shell::{ProcessFacts, Settings},
};

use super::{cases::NOW, failed};

/// Breaks something.
type Break = fn(&mut Before);

const DAY: Duration = Duration::from_secs(86_400);

fn place(setting: &'static str) -> PlaceTry {
    PlaceTry { setting, place: "127.0.0.1:7440".to_owned(), error: None }
}

fn good() -> Before {
    let who = Who {
        fabric: "acme".parse().unwrap(),
        region: "eu".parse().unwrap(),
        gateway: "eu-1".parse().unwrap(),
    };
    let certificate = CertificateTry {
        setting: "[link] tls",
        file: "gw.pem".to_owned(),
        lifetime: Lifetime { end: NOW + DAY * 90, life: Some(DAY * 90) },
        not_after_date: "2027-02-24T00:00:00Z".to_owned(),
        untrusted: None,
        open_key: None,
    };
    let server = Server {
        url: "nats://localhost:4222".to_owned(),
        version: "2.11.4".to_owned(),
        max_payload: 1 << 20,
        headers: true,
    };
    let beacon = HeardBeacon { region: "eu".to_owned(), gateway: "eu-2".to_owned() };
    let tried = Preflight {
        at: NOW,
        who: Some(who),
        settings: Settings::default(),
        certificates: vec![certificate],
        places: ["link.listen", "http.listen", "admin.listen"].map(place).into(),
        broker: BrokerTry {
            server: Some(server),
            tried: 9,
            beacons: vec![beacon],
            ..BrokerTry::default()
        },
        seeds: vec![seed(Ok("antiphon://acme/us/us-1".to_owned()))],
        advertise: AdvertiseTry {
            place: "eu-1.example.net:7440".to_owned(),
            ..AdvertiseTry::default()
        },
        process: ProcessFacts { open_files_max: 65_536, ..ProcessFacts::default() },
        frame_bytes_max: 8 << 20,
        ..Preflight::default()
    };
    let server = ServerFacts {
        url: "http://localhost:8222".to_owned(),
        max_pending: 64 << 20,
        ping_interval: Duration::from_secs(5),
        skew_millis: Some(-3),
        ..ServerFacts::default()
    };
    Before { tried, servers: vec![server] }
}

fn seed(answer: Result<String, String>) -> SeedTry {
    let place = "us-1.example.net:7440".to_owned();
    SeedTry { place, unresolved: None, answer: Some(answer) }
}

fn deny(before: &mut Before, operation: &'static str, certain: bool) {
    let (tried, subject) = ("c.node.antiphon_check".to_owned(), "c.node.>".to_owned());
    before.tried.broker.denied.push(Denied { operation, tried, subject, certain });
}

fn taken(before: &mut Before, index: usize) {
    before.tried.places[index].error = Some("Address already in use".to_owned());
}

fn server(before: &mut Before) -> &mut Server {
    before.tried.broker.server.as_mut().unwrap()
}

pub(crate) fn cases() -> Vec<(&'static str, Break)> {
    vec![
        ("PRE-001", |before| {
            let problems = vec!["gateway.toml:3: region: is missing".to_owned()];
            before.tried = Preflight { problems, ..Preflight::default() };
            before.servers.clear();
        }),
        ("PRE-002", |before| {
            before.tried.certificates[0].untrusted = Some("its issuer is unknown".to_owned());
        }),
        ("PRE-003", |before| before.tried.certificates[0].lifetime.end = NOW + DAY * 5),
        ("PRE-004", |before| {
            before.tried.certificates[0].open_key = Some("gw-key.pem".to_owned());
        }),
        ("PRE-005", |before| before.tried.process.open_files_max = 256),
        ("PRE-006", |before| before.servers[0].skew_millis = Some(90_000)),
        ("PRE-023", |before| {
            let by = "pki/sign/gw at https://vault:8200".to_owned();
            let outcome = Err("Vault at https://vault:8200 is sealed".to_owned());
            before.tried.vault = Some(VaultTry { by, outcome });
        }),
        ("PRE-007", |before| taken(before, 0)),
        ("PRE-008", |before| taken(before, 1)),
        ("PRE-009", |before| taken(before, 2)),
        ("PRE-010", |before| before.tried.seeds.clear()),
        ("PRE-011", |before| {
            before.tried.seeds[0].unresolved = Some("no such name".to_owned());
            before.tried.seeds[0].answer = None;
        }),
        ("PRE-012", |before| before.tried.seeds.push(seed(Err("no answer".to_owned())))),
        ("PRE-013", |before| before.tried.advertise.loopback = true),
        ("PRE-014", |before| {
            before.tried.broker = BrokerTry::default();
            before.tried.broker.error = Some("connection refused".to_owned());
        }),
        ("PRE-015", |before| deny(before, "subscribe", true)),
        ("PRE-016", |before| deny(before, "publish", true)),
        ("PRE-017", |before| server(before).headers = false),
        ("PRE-018", |before| server(before).max_payload = 1 << 16),
        ("PRE-018", |before| server(before).max_payload = 64 << 20),
        ("PRE-019", |before| {
            let beacon = HeardBeacon { region: "us".to_owned(), gateway: "us-1".to_owned() };
            before.tried.broker.beacons.push(beacon);
        }),
        ("PRE-020", |before| before.servers[0].error = Some("connection refused".to_owned())),
        ("PRE-021", |before| before.servers[0].max_pending = 1 << 20),
        ("PRE-022", |before| before.servers[0].ping_interval = Duration::from_secs(120)),
    ]
}

#[test]
fn a_good_place_passes_every_check_before_the_start() {
    for answer in check::look_before(&good()) {
        assert_eq!(answer.outcome.state(), State::Good, "{answer:#?}");
    }
}

#[test]
fn what_is_wrong_before_the_start_fails_its_check_and_no_other() {
    for (code, broken) in cases() {
        let mut before = good();
        broken(&mut before);
        assert_eq!(failed(&check::look_before(&before)), BTreeSet::from([code]));
    }
}

#[test]
fn what_could_not_be_tried_without_harm_is_unknown() {
    let mut before = good();
    deny(&mut before, "subscribe", false);
    let answers = check::look_before(&before);
    assert_eq!(failed(&answers), BTreeSet::new());
    let unsure = answers.iter().find(|answer| answer.check.code == "PRE-015").unwrap();
    assert_eq!(unsure.outcome.state(), State::Unknown);
}
