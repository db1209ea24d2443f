//! The `antiphon` command.

use std::process::ExitCode;

use tikv_jemallocator::Jemalloc;

/// A message is allocated by one thread and let go of by another, in many pieces: that is what this one is
/// made for. It also gives back what a storm of links has left.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    antiphon_cli::main(std::env::args_os())
}
