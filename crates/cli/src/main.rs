//! The `antiphon` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    antiphon_cli::main(std::env::args_os())
}
