//! Agents that manage the machine, with programs of the same names put first on the path.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod harness;

use harness::broker::NatsServer;
use harness::caller::Caller;
use harness::client::CLIENT;
use harness::nodes::{N1, TestNode, write_config, write_program};
use serde_json::{Value, json};

/// A node whose programs lie in a folder of the test.
struct Machine {
    server: NatsServer,
    node: TestNode,
    caller: Caller,
}

impl Machine {
    async fn start(more: &str, programs: &[(&str, &str)]) -> Self {
        let server = NatsServer::start(&[N1, CLIENT]).await;
        let folder = server.file("programs");
        std::fs::create_dir(&folder).unwrap();
        for (name, script) in programs {
            write_program(&folder.join(name), script);
        }
        let more = more.replace("PROGRAMS", &folder.display().to_string());
        let caller = Caller::connect(&server).await;
        let node = TestNode::start(write_config(&server, &more), Caller::AT_MS).await;
        let mut machine = Self { server, node, caller };
        machine.caller.wait_for_startup().await;
        machine
    }

    async fn call(&mut self, agent: &str, action: &str, data: Value) -> Value {
        self.caller.call(agent, action, &data).await
    }
}

const REAL: &str = r#"
backends.path = "PROGRAMS"
agents.machine = ["package", "service", "puppet"]
agents.puppet_state = "."
agents.shell = true
authorization.enabled = false
"#;

/// As dpkg and apt-get behave, with the state of one package in a file beside them.
const DPKG_QUERY: &str = r#"
for name; do :; done
if [ "$name" = zsh ] && [ -e "$(dirname "$0")/zsh" ]; then printf 'installed 5.9-4 amd64\n'; exit 0; fi
echo "dpkg-query: no packages found matching $name" >&2; exit 1"#;

const APT_GET: &str = r#"
here=$(dirname "$0")
case "$*" in
  *"install -- zsh") : > "$here/zsh" ;;
  *"remove -- zsh") unlink "$here/zsh" 2>/dev/null || exec /bin/rm "$here/zsh" ;;
  *dist-upgrade) echo 'Inst zsh [5.8-1] (5.9-4 Debian:13/stable [amd64])' ;;
  *) echo "E: Unable to locate package" >&2; exit 100 ;;
esac"#;

const SYSTEMCTL: &str = r#"
here=$(dirname "$0")
case "$1 $3" in
  "show sshd") if [ -e "$here/down" ]; then state=inactive; else state=active; fi
    printf 'LoadState=loaded\nActiveState=%s\n' "$state" ;;
  "show "*) printf 'LoadState=not-found\nActiveState=inactive\n' ;;
  "stop sshd") : > "$here/down" ;;
  "start sshd"|"restart sshd") /bin/rm -f "$here/down" ;;
  *) echo "Unit $3.service not found." >&2; exit 5 ;;
esac"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_are_managed_with_apt() {
    let programs = [
        ("dpkg-query", &*DPKG_QUERY.replace("$(dirname \"$0\")", "${0%/*}")),
        ("apt-get", &APT_GET.replace("$(dirname \"$0\")", "${0%/*}")),
    ];
    let mut machine = Machine::start(REAL, &programs).await;
    let zsh = json!({"package": "zsh"});
    let status = machine.call("package", "status", zsh.clone()).await;
    assert_eq!((&status["statuscode"], &status["data"]["ensure"]), (&json!(0), &json!("absent")));
    let installed = machine.call("package", "install", zsh.clone()).await;
    assert_eq!(installed["data"]["ensure"], "5.9-4", "{installed}");
    assert_eq!(installed["data"].get("simulated"), None);
    let outdated = machine.call("package", "checkupdates", json!({})).await;
    assert_eq!(outdated["data"]["package_manager"], "apt");
    assert_eq!(outdated["data"]["outdated_packages"][0]["package"], "zsh");
    let removed = machine.call("package", "uninstall", zsh).await;
    assert_eq!(removed["data"]["ensure"], "absent");
    let unknown = machine.call("package", "install", json!({"package": "nosuch"})).await;
    assert_eq!(unknown["statuscode"], 1);
    assert!(unknown["statusmsg"].as_str().unwrap().contains("Unable to locate"), "{unknown}");
    for (action, data) in [
        ("install", json!({"package": "zsh-"})),
        ("update", json!({"package": "zsh-"})),
        ("install", json!({"package": "zsh", "version": "5.9-"})),
        ("uninstall", json!({"package": "zsh+"})),
    ] {
        let opposite = machine.call("package", action, data.clone()).await;
        assert_eq!(opposite["statuscode"], 1, "{data}: {opposite}");
        let message = opposite["statusmsg"].as_str().unwrap();
        assert!(message.contains("would not take"), "{message}");
    }
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inputs_are_checked_before_anything_runs() {
    let mut machine = Machine::start(REAL, &[]).await;
    for (data, code) in [
        (json!({}), 3),
        (json!({"package": "--force"}), 4),
        (json!({"package": "a;b"}), 4),
        (json!({"package": "zsh", "other": 1}), 4),
        (json!({"package": 1}), 4),
    ] {
        let answer = machine.call("package", "status", data.clone()).await;
        assert_eq!(answer["statuscode"], code, "{data}");
    }
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_program_is_an_error_and_never_a_guess() {
    let mut machine = Machine::start(REAL, &[]).await;
    for (agent, action, data, program) in [
        ("package", "status", json!({"package": "zsh"}), "dpkg-query"),
        ("service", "status", json!({"service": "sshd"}), "systemctl"),
        ("puppet", "runonce", json!({}), "puppet"),
    ] {
        let answer = machine.call(agent, action, data).await;
        assert_eq!(answer["statuscode"], 1, "{answer}");
        let message = answer["statusmsg"].as_str().unwrap();
        assert!(message.contains(program) && message.contains("not installed"), "{message}");
    }
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_are_managed_with_systemctl() {
    let systemctl = SYSTEMCTL.replace("$(dirname \"$0\")", "${0%/*}").replace("$1 $3", "$1 $name");
    let systemctl = format!("for name; do :; done\n{systemctl}");
    let mut machine = Machine::start(REAL, &[("systemctl", &systemctl)]).await;
    for (action, status) in
        [("status", "running"), ("stop", "stopped"), ("start", "running"), ("restart", "running")]
    {
        let answer = machine.call("service", action, json!({"service": "sshd"})).await;
        assert_eq!(answer["data"]["status"], status, "{action}: {answer}");
    }
    let unknown = machine.call("service", "status", json!({"service": "nosuch"})).await;
    assert_eq!(unknown["data"]["status"], "unknown");
    let failed = machine.call("service", "start", json!({"service": "nosuch"})).await;
    assert_eq!(failed["statuscode"], 1);
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn puppet_is_disabled_enabled_and_run() {
    let puppet = "printf '%s\\n' \"$@\" > \"${0%/*}/arguments.new\"\n/bin/mv \"${0%/*}/arguments.new\" \"${0%/*}/arguments\"";
    let mut machine = Machine::start(REAL, &[("puppet", puppet)]).await;
    let disabled = machine.call("puppet", "disable", json!({"message": "change freeze"})).await;
    assert_eq!(disabled["data"]["enabled"], false, "{disabled}");
    assert!(machine.server.file("agent_disabled.lock").exists());
    let status = machine.call("puppet", "status", json!({})).await;
    assert_eq!(status["data"]["disable_message"], "change freeze");
    let refused = machine.call("puppet", "runonce", json!({})).await;
    assert_eq!(refused["statuscode"], 1);
    assert!(refused["statusmsg"].as_str().unwrap().contains("change freeze"));
    let again = machine.call("puppet", "disable", json!({})).await;
    assert_eq!(again["statuscode"], 1);
    let enabled = machine.call("puppet", "enable", json!({})).await;
    assert_eq!(enabled["data"]["enabled"], true);
    let run = machine.call("puppet", "runonce", json!({"noop": true, "tags": "ntp,ssh"})).await;
    assert_eq!(run["statuscode"], 0, "{run}");
    let arguments = machine.server.file("programs/arguments");
    harness::wait_for("a Puppet run", || arguments.exists()).await;
    let arguments = std::fs::read_to_string(arguments).unwrap();
    assert!(arguments.contains("--onetime") && arguments.contains("--tags=ntp,ssh"), "{arguments}");
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shell_commands_run_where_they_are_allowed() {
    let mut machine = Machine::start(REAL, &[]).await;
    let answer =
        machine.call("shell", "run", json!({"command": "echo out; echo err >&2; exit 3"})).await;
    assert_eq!(
        answer["data"],
        json!({"stdout": "out\n", "stderr": "err\n", "success": false, "exitcode": 3})
    );
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn simulated_machines_say_so_in_every_reply() {
    let mut machine = Machine::start("backends.simulated = true", &[]).await;
    for (agent, action, data) in [
        ("package", "status", json!({"package": "bash"})),
        ("package", "install", json!({"package": "zsh"})),
        ("package", "checkupdates", json!({})),
        ("service", "restart", json!({"service": "sshd"})),
        ("service", "start", json!({"service": "nosuch"})),
        ("puppet", "disable", json!({"message": "freeze"})),
        ("puppet", "disable", json!({"message": "freeze"})),
        ("puppet", "status", json!({})),
        ("puppet", "enable", json!({})),
        ("puppet", "runonce", json!({})),
        ("puppet", "last_run_summary", json!({})),
    ] {
        let answer = machine.call(agent, action, data).await;
        assert_eq!(answer["data"]["simulated"], true, "{agent} {action}: {answer}");
    }
    machine.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_no_policy_allows_is_denied_and_what_is_allowed_is_recorded() {
    let more = REAL.replace("authorization.enabled = false", "audit_file = \"audit.log\"");
    let mut machine = Machine::start(&more, &[]).await;
    let denied = machine.call("shell", "run", json!({"command": "true"})).await;
    assert_eq!(denied["statuscode"], 1);
    assert_eq!(denied["statusmsg"], "You are not authorized to call this agent or action");
    std::fs::create_dir(machine.server.file("policies")).unwrap();
    let policy = "policy default deny\nallow\tchoria=alice.mcollective\trun\tcountry=mt\tone\n";
    std::fs::write(machine.server.file("policies/shell.policy"), policy).unwrap();
    let allowed = machine.call("shell", "run", json!({"command": "true"})).await;
    assert_eq!(allowed["statuscode"], 0, "{allowed}");
    let log = std::fs::read_to_string(machine.server.file("audit.log")).unwrap();
    let line: Value = serde_json::from_str(log.lines().next().unwrap()).unwrap();
    assert_eq!(line["caller"], "choria=alice.mcollective");
    assert_eq!((&line["agent"], &line["action"]), (&json!("shell"), &json!("run")));
    assert_eq!(line["data"]["command"], "true");
    assert_eq!(log.lines().count(), 1, "what is denied is not recorded as a call");
    machine.node.stop().await;
}

/// As rpm and dnf behave.
const RPM: &str = r#"
for name; do :; done
if [ "$name" = bash ]; then printf '0 5.1.8 9.el9 x86_64\n'; exit 0; fi
echo "package $name is not installed"; exit 1"#;

const DNF: &str = r#"
case "$*" in
  *check-update) printf '\nbash.x86_64 5.2.0-1.el9 baseos\n'; exit 100 ;;
  *) echo "Error: Unable to find a match" >&2; exit 1 ;;
esac"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn packages_are_managed_with_dnf_where_there_is_no_dpkg() {
    let mut machine = Machine::start(REAL, &[("rpm", RPM), ("dnf", DNF)]).await;
    let status = machine.call("package", "status", json!({"package": "bash"})).await;
    assert_eq!(status["data"]["ensure"], "5.1.8-9.el9", "{status}");
    assert_eq!(status["data"]["provider"], "dnf");
    let absent = machine.call("package", "status", json!({"package": "zsh"})).await;
    assert_eq!(absent["data"]["ensure"], "absent");
    let outdated = machine.call("package", "checkupdates", json!({})).await;
    assert_eq!(outdated["data"]["outdated_packages"][0]["version"], "5.2.0-1.el9");
    let failed = machine.call("package", "update", json!({"package": "zsh"})).await;
    assert_eq!(failed["statuscode"], 1);
    machine.node.stop().await;
}
