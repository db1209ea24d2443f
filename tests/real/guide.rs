//! The guide for operators, done.

use std::fs;

use antiphon_tests::{Fabric, program, workspace_root};
use tokio::process::Command;

/// Runs every command of the guide's blocks that are marked so, at gateway eu-1; each must succeed.
pub(crate) async fn works(fabric: &Fabric) {
    let gateway = fabric.gateways().find(|one| one.name() == "eu-1").unwrap();
    let guide = fs::read_to_string(workspace_root().join("docs/operations.md")).unwrap();
    let blocks = guide.split("```sh run\n").skip(1);
    let lines = blocks.flat_map(|part| part.split("```").next().unwrap_or_default().lines());
    // A block in a list is indented.
    let lines = lines.map(str::trim).filter(|line| !line.is_empty());
    let mut ran = 0;
    for line in lines {
        let mut words = line.split_whitespace();
        assert_eq!(words.next(), Some("antiphon"), "{line}");
        let mut command = Command::new(program());
        command.args(words).current_dir(workspace_root()).env("ANTIPHON_ADMIN", gateway.admin());
        let output = command.kill_on_drop(true).output().await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{line}: {said}{shown}");
        ran += 1;
    }
    assert!(ran > 10, "{ran}");
}
