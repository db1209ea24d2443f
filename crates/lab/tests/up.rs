//! A lab comes up and goes down as a whole. Brokers are real; gateways and nodes are stand-ins.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use antiphon_lab::cli::{UpCommandError, UpOptions, down, status, up_with};
use antiphon_lab::relay::Direction;
use antiphon_lab::{Lab, Manifest, Options, Relayed, UpError, http, wait};
use toml::Table;

const LONG: Duration = Duration::from_secs(30);

/// The example of that name; `cargo test` builds it beside this test.
fn stand_in() -> PathBuf {
    let test = env::current_exe().expect("a test knows its own path");
    let target = test.parent().and_then(Path::parent).expect("tests lie in target/debug/deps");
    let program = target.join("examples/stand_in");
    assert!(program.is_file(), "cargo test -p antiphon-lab builds {}", program.display());
    program
}

fn small(dir: &Path) -> Options {
    Options { regions: 2, gateways: 2, nodes: 2, v2_nodes: 1, ..Options::new(dir, &stand_in()) }
}

fn small_up(dir: &Path) -> UpOptions {
    UpOptions { dir: dir.to_owned(), regions: 1, gateways: 1, nodes: 1, v2_nodes: 1, brokers: 2 }
}

fn is_alive(pid: u32) -> bool {
    // A process that ended, and that nobody waited for, has no command line.
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

fn pids(manifest: &Manifest) -> Vec<u32> {
    let regions = manifest.regions.values();
    regions
        .flat_map(|region| {
            let gateways = region.gateways.values().map(|gateway| gateway.pid);
            region.broker_pids.iter().copied().chain(gateways)
        })
        .collect()
}

#[tokio::test]
async fn a_lab_says_where_everything_is_and_ends_with_its_owner() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::up(&small(dir.path()), Arc::new(())).await.unwrap();

    let manifest = Manifest::read(dir.path()).unwrap();
    assert_eq!(manifest, lab.manifest());
    assert_eq!(manifest.regions.keys().collect::<Vec<_>>(), ["eu", "us"]);
    let eu = &manifest.regions["eu"];
    assert_eq!(eu.nodes, ["n1.eu.example.net", "n2.eu.example.net", "n3.eu.example.net"]);
    let v2 = fs::read_to_string(dir.path().join("eu/nodes/n3.eu.example.net.toml")).unwrap();
    assert!(v2.contains("[security.v2]") && v2.contains("choria"), "{v2}");
    assert_eq!(eu.gateways.keys().collect::<Vec<_>>(), ["eu-1", "eu-2"]);
    assert!(eu.brokers[0].starts_with("nats://localhost:"));
    for gateway in eu.gateways.values() {
        let answer = http::get(gateway.http.parse().unwrap(), "/readyz").await.unwrap();
        assert_eq!(answer.status, 200);
        let socket = gateway.admin.strip_prefix("unix:").unwrap();
        assert!(socket.len() <= 107 && Path::new(socket).is_absolute(), "{socket}");
    }
    let client = &manifest.client;
    for file in [&client.certificate, &client.key, &client.ca, &client.token, &client.seed] {
        assert!(file.is_absolute() && file.is_file(), "{}", file.display());
    }
    let pids = pids(&manifest);
    assert_eq!(pids.len(), 6);
    assert!(pids.iter().all(|pid| is_alive(*pid)));

    drop(lab);

    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

#[tokio::test]
async fn gateways_are_told_about_their_broker_their_region_and_their_seed() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::up(&small(dir.path()), Arc::new(())).await.unwrap();

    let gateway = lab.gateway("us-2").unwrap();
    let config: Table = fs::read_to_string(gateway.config()).unwrap().parse().unwrap();

    let manifest = lab.manifest();
    let seed = &manifest.regions["eu"].gateways["eu-1"].link;
    assert_eq!(config["region"].as_str(), Some("us"));
    assert_eq!(config["gateway"].as_str(), Some("us-2"));
    assert_eq!(config["link"]["seeds"][0].as_str(), Some(seed.as_str()));
    assert_eq!(
        config["broker"]["servers"][0].as_str(),
        Some(manifest.regions["us"].brokers[0].as_str())
    );
    assert_eq!(config["federation"]["names"]["eu"].as_str(), Some("eu"));
    assert_eq!(config["transit"]["allow"].as_bool(), Some(true));
    assert_eq!(config["export"]["collectives"][1].as_str(), Some("choria"));
}

#[tokio::test]
async fn relays_stand_between_gateways_and_before_brokers() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { relayed: Relayed::LinksAndBrokers, nodes: 0, v2_nodes: 0, ..small(dir.path()) };
    let lab = Lab::up(&options, Arc::new(())).await.unwrap();

    let relay = lab.link_relay("us-1", "eu-1").unwrap();
    let config = fs::read_to_string(lab.gateway("us-1").unwrap().config()).unwrap();
    let config: Table = config.parse().unwrap();
    let address = relay.address().to_string();
    assert_eq!(config["link"]["dial"]["eu-1"].as_str(), Some(address.as_str()));
    assert_eq!(config["link"]["seeds"][0].as_str(), Some(address.as_str()));
    assert_eq!(lab.link_relays("eu", "us").len(), 8);
    assert_eq!(lab.link_relays("eu", "eu").len(), 2);

    let [broker] = lab.broker_relays("us") else { panic!("one server, one relay") };
    let url = format!("nats://localhost:{}", broker.address().port());
    assert_eq!(config["broker"]["servers"][0].as_str(), Some(url.as_str()));
    let _stream = tokio::net::TcpStream::connect(broker.address()).await.unwrap();
    let greeted = wait::until(LONG, async || (broker.bytes(Direction::Backward) > 0).then_some(()));
    assert!(greeted.await.is_some(), "the broker greets through the relay");
}

#[tokio::test]
async fn a_gateway_that_was_killed_comes_back_in_the_same_place() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { regions: 1, nodes: 0, v2_nodes: 0, ..small(dir.path()) };
    let mut lab = Lab::up(&options, Arc::new(())).await.unwrap();
    let gateway = lab.gateway_mut("eu-1").unwrap();
    let (place, pid) = (gateway.http(), gateway.process().pid().unwrap());

    gateway.process_mut().kill();
    assert!(!is_alive(pid));
    assert_eq!(http::get(place, "/readyz").await, None);

    gateway.start().await.unwrap();
    assert!(http::get(place, "/readyz").await.is_some());
}

#[tokio::test]
async fn a_start_that_fails_ends_what_was_started_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let gateway_settings = "fail = true".parse().unwrap();
    let options = Options { gateway_settings, ..small(dir.path()) };

    let Err(error) = Lab::up(&options, Arc::new(())).await else { panic!("gateways fail") };

    let text = error.to_string();
    assert!(text.contains("gateway eu-1 ended") && text.contains("told to fail"), "{text}");
    assert!(!Manifest::file(dir.path()).exists());
    assert!(!dir.path().join("sockets").exists());
    assert_eq!(down(dir.path()).await.unwrap().processes, 0);
}

#[tokio::test]
async fn a_lab_waits_until_the_fabric_is_whole() {
    let dir = tempfile::tempdir().unwrap();
    let asked = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let whole: antiphon_lab::Whole = Box::new(move |manifest| {
        let times = counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(manifest.regions.len(), 1);
        Box::pin(async move { if times < 2 { Err("eu sees nobody".into()) } else { Ok(()) } })
    });
    let options =
        Options { regions: 1, nodes: 0, v2_nodes: 0, whole: Some(whole), ..small(dir.path()) };

    Lab::up(&options, Arc::new(())).await.unwrap();

    assert_eq!(asked.load(std::sync::atomic::Ordering::Relaxed), 3);
}

#[tokio::test]
async fn a_lab_in_the_background_outlives_its_start_and_goes_down_once() {
    let dir = tempfile::tempdir().unwrap();
    let up = up_with(&stand_in(), &small_up(dir.path()), None, Arc::new(())).await.unwrap();
    let pids = pids(&up.manifest);
    let text = up.to_string();
    assert!(text.contains("antiphon lab down --dir"), "{text}");

    let running = status(dir.path()).unwrap();
    assert!(running.is_whole(), "{running}");
    let kinds: Vec<_> = running.rows.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, ["broker", "broker", "gateway", "nodes"]);
    let again = up_with(&stand_in(), &small_up(dir.path()), None, Arc::new(())).await.unwrap_err();
    assert!(matches!(again, UpCommandError::Up(UpError::Running { processes: 4, .. })), "{again}");

    assert_eq!(down(dir.path()).await.unwrap().processes, 4);

    assert!(!pids.iter().any(|pid| is_alive(*pid)));
    assert!(!status(dir.path()).unwrap().is_whole());
    assert_eq!(down(dir.path()).await.unwrap().processes, 0);
    assert!(Manifest::read(dir.path()).is_ok(), "files stay");
    assert!(!dir.path().join("sockets").exists());
}

#[tokio::test]
async fn down_ends_a_gateway_that_was_started_by_hand() {
    let dir = tempfile::tempdir().unwrap();
    let up = up_with(&stand_in(), &small_up(dir.path()), None, Arc::new(())).await.unwrap();
    let entry = &up.manifest.regions["eu"].gateways["eu-1"];
    down(dir.path()).await.unwrap();
    let mut by_hand = std::process::Command::new(stand_in())
        .current_dir(entry.config.parent().unwrap())
        .args(["gateway", "run", "--config", "eu-1.toml"])
        .spawn()
        .unwrap();
    let found = wait::until(LONG, async || {
        status(dir.path()).unwrap().rows.into_iter().find(|row| row.pids == [by_hand.id()])
    });
    assert!(found.await.is_some());

    assert_eq!(down(dir.path()).await.unwrap().processes, 1);

    by_hand.wait().unwrap();
}

#[tokio::test]
async fn numbers_out_of_bounds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { regions: 0, ..small(dir.path()) };
    let Err(error) = Lab::up(&options, Arc::new(())).await else { panic!("no regions") };
    assert_eq!(error.to_string(), "regions: 0 is not in 1 to 100");
}
