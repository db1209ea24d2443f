//! What the page for operators shows is what a fabric says.
//!
//! `UPDATE=1` writes into docs/operating.md what was said.

use std::{fs, path::PathBuf};

use antiphon_lab::Gateway;
use antiphon_tests::{program, workspace_root};
use tokio::process::Command;

/// Wide enough for what is shown on a page.
const COLUMNS: &str = "118";
const FENCE: &str = "```";

fn page() -> PathBuf {
    workspace_root().join("docs/operating.md")
}

/// Runs every command that the page shows in this state at a gateway, and compares.
pub(crate) async fn in_state(gateway: &Gateway, state: &str) {
    let mark = format!("{FENCE}console {state}\n");
    let text = fs::read_to_string(page()).unwrap();
    let mut parts = text.split(&mark);
    let mut written = parts.next().unwrap().to_owned();
    let (mut shown, mut wrong) = (0, Vec::new());
    for part in parts {
        let (block, rest) = part.split_once(FENCE).unwrap();
        let (command, before) = block.split_once('\n').unwrap();
        let said = say(gateway, command).await;
        if skeleton(before) != skeleton(&said) {
            wrong.push(format!("{command}\n{said}"));
        }
        written.push_str(&format!("{mark}{command}\n{said}{FENCE}{rest}"));
        shown += 1;
    }
    assert!(shown > 0, "the page shows nothing of {state}");
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        fs::write(page(), written).unwrap();
        return;
    }
    assert!(wrong.is_empty(), "docs/operating.md shows another answer:\n{}", wrong.join("\n"));
}

/// What a command says, and how it ends if not well.
async fn say(gateway: &Gateway, command: &str) -> String {
    let words = command.strip_prefix("$ antiphon ").unwrap().split(' ');
    let mut process = Command::new(program());
    process.args(words).env("ANTIPHON_ADMIN", gateway.admin()).env("COLUMNS", COLUMNS);
    let output = process.kill_on_drop(true).output().await.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut said = text(&output.stdout) + &text(&output.stderr);
    if !output.status.success() {
        said += &format!("(exit code {})\n", output.status.code().unwrap());
    }
    said
}

/// What does not change from one run to the next: how each line begins, numbers aside. Lines that
/// begin with blanks go on with what others began; of several that begin alike one is kept. By which of
/// two gateways a trace comes back is open.
fn skeleton(text: &str) -> Vec<String> {
    let open = |line: &str| ["back ", "paths "].iter().any(|one| line.starts_with(one));
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with(' '));
    let lines = lines.filter(|line| !open(line));
    let beginning = |line: &str| {
        let word = line.split("  ").next().unwrap_or_default();
        let numbers = word.chars().map(|one| if one.is_ascii_digit() { '0' } else { one });
        numbers.collect::<String>()
    };
    lines.map(beginning).fold(Vec::new(), |mut kept, line| {
        if !kept.contains(&line) {
            kept.push(line);
        }
        kept
    })
}
