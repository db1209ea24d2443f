//! `antiphon config check FILE...`.

use std::path::PathBuf;

use antiphon_gateway::config;

use crate::{Exit, Failure, screen};

/// What to do with configuration files.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Check gateway configurations, and report every problem at once
    Check {
        /// The files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

/// Does it.
///
/// # Errors
/// Standard output is gone. Bad files are no error but [`Exit::Usage`], after all of them are read.
pub fn run(Command::Check { files }: Command) -> Result<Exit, Failure> {
    let mut exit = Exit::Good;
    for file in files {
        match config::check(&file) {
            Ok(config) => screen::print(&format!("{}: {}\n", file.display(), good(&config)))?,
            Err(problems) => {
                problems.list().iter().for_each(screen::message);
                exit = Exit::Usage;
            }
        }
    }
    Ok(exit)
}

fn good(config: &config::Config) -> String {
    let config::Config { fabric, region, gateway, .. } = config;
    format!("good: gateway {gateway} of region {region} in fabric {fabric}")
}
