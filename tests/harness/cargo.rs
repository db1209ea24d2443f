//! Asking cargo about the workspace. Never over the network: whoever runs these tests has built
//! them, and everything that cargo needs to know is there.

use std::collections::BTreeSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// The folder of the workspace.
///
/// # Panics
/// Not in a checkout.
#[must_use]
pub fn workspace_root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this package lies in the workspace's folder").to_owned()
}

/// Every package that takes part in a build for this machine, and what depends on what.
///
/// # Panics
/// Cargo fails.
#[must_use]
pub fn metadata() -> Metadata {
    let only_this_machine = ["--locked", "--offline", "--filter-platform", &host()];
    MetadataCommand::new()
        .current_dir(workspace_root())
        .other_options(only_this_machine.map(str::to_owned))
        .exec()
        .unwrap_or_else(|error| panic!("cargo metadata: {error}"))
}

/// The names of all packages that end up in a build of `package` alone, itself included; neither
/// tests nor build scripts count.
///
/// # Panics
/// Cargo fails.
#[must_use]
pub fn normal_tree(package: &str) -> BTreeSet<String> {
    let arguments = ["tree", "--locked", "--offline", "-e", "normal", "--prefix", "none"];
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()));
    cargo.args(arguments).args(["--format", "{p}", "-p", package]);
    let text = output(&mut cargo);
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The target triple of this machine.
fn host() -> String {
    let text = output(Command::new(env::var_os("RUSTC").unwrap_or("rustc".into())).arg("-vV"));
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc -vV names the host").to_owned()
}

fn output(command: &mut Command) -> String {
    let output = command.current_dir(workspace_root()).output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {problem}");
    String::from_utf8(output.stdout).expect("cargo and rustc write UTF-8")
}
