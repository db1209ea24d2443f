use std::fs;

use antiphon_broker::Secret;

use super::*;
use crate::testing::Authority;

/// The example of the documentation; `{}` is replaced.
const EXAMPLE: &str = r#"
fabric = "acme"
region = "eu"
gateway = "eu-1"
[broker]
servers = ["nats://localhost:4222"]
tls = { certificate = "gw.pem", key = "gw-key.pem", ca = "ca.pem" }
monitors = ["http://localhost:8222"]
reply_subject = "choria.federation.{region}.collective"
[link]
listen = "0.0.0.0:7440"
advertise = "eu-1.example.net:7440"
tls = { certificate = "gw.pem", key = "gw-key.pem", ca = "ca.pem" }
seeds = ["us-1.example.net:7440"]
peers = "all"
dial = { "us-1" = "10.1.0.7:7440" }
[identity]
names = { us = ["gw1.us.example.net"] }
common_name = false
[transit]
allow = false
[export]
collectives = ["mcollective"]
reply_subjects = []
[federation]
names = { london = "eu" }
[policy]
callers = { ca = "ca.pem" }
[admin]
listen = "unix:/run/antiphon/eu-1.sock"
[http]
listen = "127.0.0.1:7442"
"#;

const SMALLEST: &str = r#"
fabric = "acme"
region = "eu"
[broker]
servers = ["nats://localhost:4222"]
[link]
listen = "0.0.0.0:7440"
advertise = "eu-1.example.net:7440"
tls = { certificate = "gw.pem", key = "gw-key.pem", ca = "ca.pem" }
[export]
collectives = ["mcollective"]
"#;

fn authority() -> Authority {
    let authority = Authority::new();
    authority.issue("gw", &["antiphon://acme/eu/eu-1"], &[]);
    authority
}

fn check_text(authority: &Authority, text: &str) -> Result<Config, Problems> {
    let path = authority.folder().join("gateway.toml");
    fs::write(&path, text).unwrap();
    check(&path)
}

/// The problems as `line key: reason`, and all name the file.
fn problems(authority: &Authority, text: &str) -> Vec<String> {
    let problems = check_text(authority, text).expect_err("it has problems");
    let show = |problem: &Problem| {
        assert!(problem.file.ends_with("gateway.toml"));
        let line = problem.line.map_or("-".to_owned(), |line| line.to_string());
        format!("{line} {}: {}", problem.key, problem.reason)
    };
    problems.list().iter().map(show).collect()
}

fn assert_problem(problems: &[String], expected: &str) {
    assert!(problems.iter().any(|one| one.contains(expected)), "{expected:?} not in {problems:#?}");
}

#[test]
fn the_documented_example_is_good() {
    let config = check_text(&authority(), EXAMPLE).unwrap();
    assert_eq!(config.gateway.as_str(), "eu-1");
    assert_eq!(config.admin, Admin::Unix { path: "/run/antiphon/eu-1.sock".into() });
    assert_eq!(config.link.dial.len(), 1);
    assert_eq!(config.federation["london"].as_str(), "eu");
    assert!(config.broker.tls.is_some() && config.link.peers.is_none());
}

#[test]
fn the_defaults_are_those_documented() {
    let config = check_text(&authority(), SMALLEST).unwrap();
    assert_eq!(config.gateway.as_str(), "eu-1", "from the certificate");
    assert_eq!(config.broker.reply_subject, REPLY_SUBJECT_DEFAULT);
    assert_eq!(config.broker.auth, Auth::Anonymous);
    assert_eq!(config.admin, Admin::Unix { path: "/run/antiphon/eu-1.sock".into() });
    assert_eq!((config.http, config.transit), (None, false));
    assert_eq!(config.drain_grace, DRAIN_GRACE_DEFAULT);
    assert_eq!(config.periods, Periods::default());
    assert_eq!(config.limits, Limits::default());
    assert!(config.federation.is_empty());
}

/// Complete with Vault, whose files do not exist.
const VAULT: &str = r#"
fabric = "acme"
region = "eu"
gateway = "eu-9"
[broker]
servers = ["nats://localhost:4222"]
[link]
listen = "0.0.0.0:7440"
advertise = "eu-9.example.net:7440"
tls = { certificate = "new/gw.pem", key = "new/gw-key.pem", ca = "new/ca.pem" }
[identity.vault]
address = "https://vault.example.net:8200"
namespace = "choria"
ca = "ca.pem"
role_id = "7f4b"
secret_id_file = "secret-id"
role = "antiphon-eu"
dns_names = ["eu-9.example.net"]
ttl = "72h"
[export]
collectives = ["mcollective"]
"#;

#[test]
fn files_that_vault_makes_need_not_be_there() {
    let authority = authority();
    fs::write(authority.folder().join("secret-id"), "s").unwrap();
    let config = check_text(&authority, VAULT).unwrap();
    let vault = config.vault.unwrap();
    assert_eq!(vault.subject.uris, ["antiphon://acme/eu/eu-9"]);
    assert_eq!((vault.auth_mount.as_str(), vault.mount.as_str()), ("approle", "pki"));
    assert_eq!(vault.ttl, Some(Duration::from_secs(72 * 3600)));
    assert!(!config.link.tls.certificate.exists());
}

#[test]
fn vault_needs_a_safe_way_and_whom_to_trust() {
    let authority = authority();
    let plain = VAULT.replace("https://", "http://");
    let found = problems(&authority, &plain);
    assert_problem(&found, "identity.vault.address: http is for this machine only");
    assert_problem(&found, "identity.vault.secret_id_file: ");
    let blind = VAULT.replacen("ca = \"ca.pem\"\n", "", 1);
    assert_problem(&problems(&authority, &blind), "identity.vault.ca: is missing");
}

#[test]
fn a_key_that_others_may_read_is_refused_unless_that_is_wanted() {
    use std::os::unix::fs::PermissionsExt as _;
    let authority = authority();
    let key = authority.folder().join("gw-key.pem");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let found = problems(&authority, SMALLEST);
    assert_problem(&found, "gw-key.pem: others may read or write it (mode 644)");
    let allowed = format!("{SMALLEST}[identity]\nreadable_keys = true\n");
    check_text(&authority, &allowed).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    check_text(&authority, SMALLEST).unwrap();
}

#[test]
fn a_crl_that_cannot_be_read_is_named() {
    let authority = authority();
    fs::write(authority.folder().join("crl.pem"), "half a list").unwrap();
    let text = SMALLEST.replace("ca = \"ca.pem\" }", "ca = \"ca.pem\", crl = [\"crl.pem\"] }");
    assert_problem(&problems(&authority, &text), "crl.pem: no CRL inside");
}

#[test]
fn optional_tuning_is_taken() {
    let text = format!(
        "{SMALLEST}[drain]\ngrace = \"40s\"\n[limits]\nhops = 4\nframe_bytes = 1048576\n\
         [log]\nformat = \"json\"\nfilter = \"debug\"\n"
    );
    let text = text.replace("[export]", "ping = \"500ms\"\ntimeout = \"2s\"\n[export]");
    let config = check_text(&authority(), &text).unwrap();
    assert_eq!(config.periods.ping, Duration::from_millis(500));
    assert_eq!(config.periods.link_timeout, Duration::from_secs(2));
    assert_eq!(config.drain_grace, Duration::from_secs(40));
    assert_eq!((config.limits.hops, config.limits.frame_bytes_max), (4, 1 << 20));
    assert_eq!(config.log, Log { json: true, filter: "debug".to_owned() });
}

#[test]
fn an_empty_file_misses_everything_that_has_no_default() {
    let problems = problems(&authority(), "");
    for key in [
        "fabric",
        "region",
        "broker.servers",
        "link.listen",
        "link.advertise",
        "link.tls",
        "export.collectives",
    ] {
        assert_problem(&problems, &format!("- {key}: is missing"));
    }
}

#[test]
fn every_problem_is_reported_at_once_with_its_line() {
    let text = r#"
fabric = "a b"
region = 5
[broker]
servers = ["http://x:1", "nats://localhost:x"]
reply_subject = "a.{what}.*"
password_file = "no-such-file"
[link]
listen = "localhost"
advertise = "eu-1"
tls = { certificate = "gw.pem", key = "absent.pem", ca = "ca.pem" }
seeds = ["us-1:0"]
peers = "some"
ping = "soon"
[export]
collectives = ["a.b"]
reply_subjects = ["a..b"]
[limits]
frame_bytes = 0
[drain]
grace = "0s"
"#;
    let problems = problems(&authority(), text);
    for expected in [
        "2 fabric: \"a b\" is not a fabric: 1 to 63 characters",
        "3 region: invalid type: integer",
        "5 broker.servers: server URL \"http://x:1\" has a scheme other than nats and tls",
        "5 broker.servers: server URL \"nats://localhost:x\" has a port",
        "6 broker.reply_subject:",
        "7 broker.password_file:",
        "- broker.user: is missing",
        "9 link.listen: \"localhost\" is not address:port",
        "10 link.advertise: \"eu-1\" is not host:port",
        "11 link.tls.key:",
        "12 link.seeds: \"us-1:0\"",
        "13 link.peers: expected \"all\" or a list of regions",
        "14 link.ping:",
        "16 export.collectives: \"a.b\" is not a collective",
        "17 export.reply_subjects: \"a..b\"",
        "19 limits.frame_bytes: must be more than zero",
        "21 drain.grace: must be longer than zero",
    ] {
        assert_problem(&problems, expected);
    }
}

#[test]
fn every_unknown_key_is_named_with_its_line() {
    let text = SMALLEST
        .replace("[link]\n", "colour = \"red\"\n[link]\nlisten_on = \"x\"\n")
        .replace("ca = \"ca.pem\" }", "ca = \"ca.pem\", cipher = \"x\" }")
        + "[gossip]\nport = 1\n";
    let problems = problems(&authority(), &text);
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_problem(&problems, "6 broker.colour: is unknown");
    assert_problem(&problems, "8 link.listen_on: is unknown");
    assert_problem(&problems, "11 link.tls.cipher: is unknown");
    assert_problem(&problems, "gossip: is unknown");
}

#[test]
fn what_is_no_toml_names_every_line() {
    let problems = problems(&authority(), "fabric = \nregion = \"eu\"\n[broker\n");
    assert_problem(&problems, "1 : ");
    assert_problem(&problems, "3 : ");
}

#[test]
fn a_section_that_is_no_table_names_its_key() {
    let problems = problems(&authority(), "fabric = \"acme\"\nlink = 7440\n");
    assert_problem(&problems, "2 link: invalid type");
}

#[test]
fn another_regions_certificate_is_refused_with_its_own_reason() {
    let authority = authority();
    authority.issue("gw", &["antiphon://acme/us/us-1"], &[]);
    let problems = problems(&authority, EXAMPLE);
    assert_problem(
        &problems,
        "3 region: eu is configured, but the certificate is of region us, expected eu",
    );
    assert_problem(&problems, "4 gateway: eu-1 is configured, but the certificate is of gateway");
}

#[test]
fn another_fabrics_certificate_is_refused() {
    let authority = authority();
    authority.issue("gw", &["antiphon://other/eu/eu-1"], &[]);
    let problems = problems(&authority, EXAMPLE);
    assert_problem(&problems, "link.tls.certificate:");
    assert_problem(&problems, "certificate is of fabric other, not of acme");
}

#[test]
fn a_certificate_without_gateway_leaves_the_name_to_the_host() {
    let authority = authority();
    authority.issue("gw", &["antiphon://acme/eu"], &[]);
    let config = check_text(&authority, SMALLEST).unwrap();
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy();
    assert_eq!(config.gateway.as_str(), host.split('.').next().unwrap());
    assert_eq!(check_text(&authority, EXAMPLE).unwrap().gateway.as_str(), "eu-1");
}

#[test]
fn a_key_of_another_certificate_names_both_files() {
    let authority = authority();
    let other = authority.issue("other", &["antiphon://acme/eu/eu-2"], &[]);
    fs::copy(other.key, authority.folder().join("gw-key.pem")).unwrap();
    let problems = problems(&authority, EXAMPLE);
    assert_problem(&problems, "gw-key.pem does not belong to certificate file");
}

#[test]
fn a_login_is_one_of_several() {
    let authority = authority();
    let file = |name: &str, text: &str| {
        let path = authority.folder().join(name);
        fs::write(&path, text).unwrap();
        Secret::File(path)
    };
    let (secret, seed) = (file("secret", "x\n"), file("seed", &"0f".repeat(32)));
    let with = |lines: &str| SMALLEST.replace("[link]", &format!("{lines}\n[link]"));
    let auth = |lines: &str| check_text(&authority, &with(lines)).unwrap().broker.auth;
    assert_eq!(
        auth("user = \"gw\"\npassword_file = \"secret\""),
        Auth::Password { user: "gw".to_owned(), password: secret.clone() }
    );
    assert_eq!(auth("token_file = \"secret\""), Auth::Token { token: secret.clone() });
    assert_eq!(
        auth("choria = { token = \"secret\", seed = \"seed\" }"),
        Auth::Choria { token: secret, seed }
    );
    let both = problems(&authority, &with("token_file = \"secret\"\ncredentials = \"secret\""));
    assert_problem(&both, "broker: has more than one of");
    let no_credentials = problems(&authority, &with("credentials = \"secret\""));
    assert_problem(&no_credentials, "4 broker: ");
    assert_problem(&no_credentials, "secret");
}

#[test]
fn a_server_named_by_tls_needs_certificates() {
    let text = SMALLEST.replace("nats://", "tls://");
    assert_problem(&problems(&authority(), &text), "broker.tls: is missing");
}

#[test]
fn an_admin_address_on_tcp_needs_certificates() {
    let tcp = format!("{SMALLEST}[admin]\nlisten = \"127.0.0.1:7441\"\n");
    assert_problem(&problems(&authority(), &tcp), "admin.tls: is missing");
    assert_problem(&problems(&authority(), &tcp), "admin.allow: is missing");
    let tls = "tls = { certificate = \"gw.pem\", key = \"gw-key.pem\", ca = \"ca.pem\" }\n\
               allow = [\"ops\"]\n";
    let config = check_text(&authority(), &(tcp + tls)).unwrap();
    assert!(matches!(config.admin, Admin::Tcp { .. }));
}

#[test]
fn a_socket_path_has_a_longest_length() {
    let text = format!("{SMALLEST}[admin]\nlisten = \"unix:/{}\"\n", "x".repeat(107));
    assert_problem(&problems(&authority(), &text), "admin.listen: is longer than the 107 bytes");
}

#[test]
fn a_file_that_is_not_there_is_one_problem() {
    let problems = check(Path::new("/no/such/gateway.toml")).unwrap_err();
    assert!(problems.to_string().starts_with("/no/such/gateway.toml: cannot be read"));
}

#[test]
fn a_problem_reads_as_file_line_key_reason() {
    let authority = authority();
    let problems = check_text(&authority, &EXAMPLE.replace("\"all\"", "7")).unwrap_err();
    let file = authority.folder().join("gateway.toml");
    let expected = format!("{}:15: link.peers: ", file.display());
    assert!(problems.to_string().starts_with(&expected), "{problems}");
}

#[test]
fn the_problems_of_the_policy_file_are_among_the_others() {
    let authority = authority();
    fs::write(authority.folder().join("policy.toml"), "[[export]]\nname = \"a\"\n").unwrap();
    let text = format!("{SMALLEST}colour = 1\n[policy]\nfile = \"policy.toml\"\n");
    let problems = check_text(&authority, &text).unwrap_err();
    let told: Vec<String> = problems.list().iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("gateway.toml:12: export.colour: is unknown"), "{told:#?}");
    assert!(told[1].contains("policy.toml:1: export.0.effect: is missing"), "{told:#?}");
}

#[test]
fn a_rule_that_names_callers_needs_to_know_whose_signatures_prove_them() {
    let authority = authority();
    let rule = "[[accept]]\nname = \"ops\"\ncallers = [\"choria=*\"]\neffect = \"allow\"\n";
    fs::write(authority.folder().join("policy.toml"), rule).unwrap();
    let file = format!("{SMALLEST}[policy]\nfile = \"policy.toml\"\n");
    let problems = check_text(&authority, &file).unwrap_err();
    assert!(problems.to_string().contains("a rule names callers"), "{problems}");
    let with = format!("{file}callers = {{ ca = \"ca.pem\" }}\n");
    let config = check_text(&authority, &with).unwrap();
    assert_eq!(config.policy.policy.accept.rules.len(), 1);
    let nobody = format!("{SMALLEST}[policy]\ncallers = {{}}\n");
    assert_problem(&self::problems(&authority, &nobody), "policy.callers: needs ca");
    let no_key = format!("{SMALLEST}[policy]\ncallers = {{ issuers = {{ a = \"b\" }} }}\n");
    assert_problem(&self::problems(&authority, &no_key), "policy.callers.issuers: ");
}
