//! `antiphon lab up | down | status`.

mod down;
mod status;

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use down::{Down, DownError, down};
pub use status::{Status, StatusError, StatusRow, status};

use crate::lab::{Lab, Options, UpError, Whole};
use crate::manifest::Manifest;
use crate::process::Life;
use crate::progress::Progress;
use crate::wait;

/// The options of `antiphon lab up`.
#[derive(Clone, Debug, clap::Args)]
pub struct UpOptions {
    /// Folder for everything the lab writes; created if it is missing
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// Regions: eu, us, ap, ...
    #[arg(long, default_value_t = 3, value_name = "N")]
    pub regions: usize,
    /// Gateways of each region
    #[arg(long, default_value_t = 2, value_name = "N")]
    pub gateways: usize,
    /// Nodes of each region that speak protocol v1
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub nodes: usize,
    /// Nodes of each region that speak protocol v2, besides
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub v2_nodes: usize,
    /// Servers of each region's broker
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub brokers: usize,
}

/// The options of `antiphon lab down` and `antiphon lab status`.
#[derive(Clone, Debug, clap::Args)]
pub struct DirOptions {
    /// The lab's folder
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

/// A lab that runs in the background. Displays as how to use it.
#[derive(Clone, Debug)]
pub struct Up {
    /// Where.
    pub dir: PathBuf,
    /// What is in `lab.json`.
    pub manifest: Manifest,
}

/// Why `antiphon lab up` failed. What had been started was ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpCommandError {
    /// We do not know which program we are.
    #[error("the path of this program is not known")]
    Program(#[source] std::io::Error),
    /// The lab did not come up.
    #[error(transparent)]
    Up(#[from] UpError),
    /// Ctrl-C, or a request to end.
    #[error("interrupted; everything that was started has been ended")]
    Interrupted,
}

/// Starts a lab of processes of this very program and leaves it running. `whole` is asked until it
/// agrees before it is called ready.
///
/// # Errors
/// It did not come up, or was interrupted.
pub async fn up(
    options: &UpOptions,
    whole: Option<Whole>,
    progress: Arc<dyn Progress>,
) -> Result<Up, UpCommandError> {
    let program = env::current_exe().map_err(UpCommandError::Program)?;
    up_with(&program, options, whole, progress).await
}

/// As [`up`], with another program.
///
/// # Errors
/// As [`up`].
pub async fn up_with(
    program: &Path,
    options: &UpOptions,
    whole: Option<Whole>,
    progress: Arc<dyn Progress>,
) -> Result<Up, UpCommandError> {
    let options = Options {
        regions: options.regions,
        gateways: options.gateways,
        nodes: options.nodes,
        v2_nodes: options.v2_nodes,
        brokers: options.brokers,
        whole,
        life: Life::Detachable,
        ..Options::new(&options.dir, program)
    };
    let lab = tokio::select! {
        lab = Lab::up(&options, progress) => lab?,
        () = wait::interrupted() => return Err(UpCommandError::Interrupted),
    };
    let up = Up { dir: lab.dir().to_owned(), manifest: lab.manifest() };
    lab.release();
    Ok(up)
}

impl fmt::Display for Up {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = self.dir.display();
        writeln!(f, "A fabric runs in {dir}; {dir}/lab.json says where everything is.")?;
        for (name, region) in &self.manifest.regions {
            let gateways: Vec<_> = region.gateways.keys().map(String::as_str).collect();
            writeln!(
                f,
                "  {name}: broker {}, gateways {}, {} nodes",
                region.brokers.join(" "),
                gateways.join(" "),
                region.nodes.len(),
            )?;
        }
        writeln!(f, "Call the nodes:     antiphon ping --lab {dir}")?;
        writeln!(f, "Ask a gateway:      antiphon regions --lab {dir}")?;
        writeln!(f, "See what runs:      antiphon lab status --dir {dir}")?;
        write!(f, "End it all:         antiphon lab down --dir {dir}")
    }
}
