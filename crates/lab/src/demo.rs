//! The demonstration: a fabric of three regions, shown at work and in trouble, in under a minute.
//!
//! What a client or an operator would type is run as a command of its own, and printed as such.

mod story;

use std::{
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;

use crate::{Lab, Options, Relayed, UpError, Whole, progress::Terminal, wait};

/// Nodes of each region.
const NODES: usize = 10;
/// How long the fabric may take to find another way after a fault.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why the demonstration did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemoError {
    /// The lab did not come up.
    #[error("bring up the fabric")]
    Up(#[from] UpError),
    /// A folder for it could not be made.
    #[error("make a folder for the fabric")]
    Folder(#[source] std::io::Error),
    /// A command could not be run.
    #[error("run `antiphon {command}`")]
    Run {
        /// Its arguments.
        command: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A command said something else than it promises.
    #[error("`antiphon {command}` ended with {status}: {output}")]
    Unexpected {
        /// Its arguments.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it printed.
        output: String,
    },
    /// The fabric did not do what the demonstration is there to show.
    #[error("{0}")]
    Failed(String),
}

/// Runs the demonstration with this `antiphon` binary, and cleans up.
///
/// # Errors
/// [`DemoError`], after everything that was started has been ended.
pub async fn run(program: &Path, whole: Whole) -> Result<(), DemoError> {
    let folder = std::env::temp_dir().join(format!("antiphon-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(DemoError::Folder)?;
    let shown = tokio::select! {
        shown = show(&folder, program, whole) => shown,
        () = wait::interrupted() => Err(DemoError::Failed("interrupted".to_owned())),
    };
    // Everything in it is of no use to anybody.
    std::fs::remove_dir_all(&folder).ok();
    shown
}

async fn show(folder: &Path, program: &Path, whole: Whole) -> Result<(), DemoError> {
    let mut options = Options::new(&folder.join("lab"), program);
    options.nodes = NODES;
    options.relayed = Relayed::Links;
    options.whole = Some(whole);
    let lab = Lab::up(&options, Arc::new(Terminal::new())).await?;
    let stage = Stage { lab, program: program.to_owned() };
    story::tell(stage).await
}

/// The lab, and the binary that plays client and operator.
struct Stage {
    lab: Lab,
    program: PathBuf,
}

impl Stage {
    /// Runs a command and gives its output.
    async fn antiphon(&self, arguments: &[&str]) -> Result<String, DemoError> {
        let command = arguments.join(" ");
        let mut process = tokio::process::Command::new(&self.program);
        process.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        let output = process
            .output()
            .await
            .map_err(|source| DemoError::Run { command: command.clone(), source })?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        let said = text + &String::from_utf8_lossy(&output.stderr);
        Err(DemoError::Unexpected { command, status: output.status, output: said })
    }

    /// The same with JSON.
    async fn json(&self, arguments: &[&str]) -> Result<Value, DemoError> {
        let text = self.antiphon(arguments).await?;
        serde_json::from_str(&text).map_err(|error| {
            DemoError::Failed(format!("antiphon {}: {error}", arguments.join(" ")))
        })
    }

    fn dir(&self) -> String {
        self.lab.dir().display().to_string()
    }
}
