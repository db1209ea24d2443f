//! The command line.

use antiphon_client::cli::{FactsArgs, FindArgs, PingArgs, ReqArgs};
use antiphon_core::RegionId;
use clap::{Parser, Subcommand};

use crate::command::{
    archive, check, completions, config, drain, explain, gateway, halt, identity, lab, link,
    log_level, man, node, policy, read::ReadArgs, replay, requests, sim, top, topology, trace,
    undrain,
};

/// What was typed.
#[derive(Debug, Parser)]
#[command(name = "antiphon", version, max_term_width = 100)]
#[command(about = "Joins regional Choria/NATS broker clusters into one fabric")]
#[command(
    after_help = "Exit codes: 0 good, 1 warning (with --strict), 2 problem, undeliverable or \
    some nodes failed, 3 nobody answered, 64 wrong usage or a bad file."
)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show one gateway in about ten lines, with a verdict
    Status {
        /// Exit with 1 if there is a warning
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        args: ReadArgs,
    },
    /// List the regions of the fabric
    Regions(ReadArgs),
    /// List the gateways of the fabric
    Gateways(ReadArgs),
    /// List the links of the gateway
    Links(ReadArgs),
    /// Show how messages reach other regions
    Routes {
        /// Show the routes to every gateway of this region
        region: Option<RegionId>,
        /// Show every way, used or not, what it costs, and why it is not used
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        args: ReadArgs,
    },
    /// List collectives, the regions that hold them, and how messages fared there
    Collectives(ReadArgs),
    /// Show what was dropped, and why
    Drops {
        /// How many of the latest to show
        #[arg(long, value_name = "N", default_value_t = 10)]
        examples: usize,
        #[command(flatten)]
        args: ReadArgs,
    },
    /// Look for everything that can be wrong with the fabric, and say what to do
    Check(check::Args),
    /// Write what every gateway says into one file, for --archive
    Archive(archive::Args),
    /// Watch the whole fabric on the whole terminal
    Top(top::Args),
    /// Draw regions, gateways and links
    Topology(topology::Args),
    /// Explain where a message would go and why, without sending it
    Explain(explain::Args),
    /// Follow the way of a message to a region and back, gateway by gateway
    Trace(trace::Args),
    /// Show what became of requests: who asked, where they went, what came back
    Requests(requests::Args),
    /// Make the gateway leave the fabric without losing anything, and end
    Drain(drain::Args),
    /// Stop a drain that has not gone too far: back to work
    Undrain(undrain::Args),
    /// Stop a collective, a caller or a pair of regions at once; show what is stopped
    Halt(halt::HaltArgs),
    /// Let go on what was halted
    Resume(halt::ResumeArgs),
    /// Have the links between our region and another not used, or used again
    #[command(subcommand)]
    Link(link::Command),
    /// Show or change what the gateway lets out, in and through
    #[command(subcommand)]
    Policy(policy::Command),
    /// Show or change what the gateway logs, until it ends
    LogLevel(log_level::Args),
    /// See which nodes answer, and how fast
    Ping(PingArgs),
    /// Find nodes
    Find(FindArgs),
    /// Ask nodes to do something
    Req(ReqArgs),
    /// Show what nodes say of a fact
    Facts(FactsArgs),
    /// Run a gateway
    #[command(subcommand)]
    Gateway(gateway::Command),
    /// Run nodes
    #[command(subcommand)]
    Node(node::Command),
    /// Look at certificates, and have new ones made
    #[command(subcommand)]
    Identity(identity::Command),
    /// Work with configuration files
    #[command(subcommand)]
    Config(config::Command),
    /// Try a whole fabric on this machine
    #[command(subcommand)]
    Lab(lab::Command),
    /// Try what would happen, in a virtual fabric
    #[command(subcommand)]
    Sim(sim::Command),
    /// Feed a recording to a gateway machine, and see what it decides
    Replay(replay::Args),
    /// Print completions for a shell
    Completions(completions::Args),
    /// Write manual pages
    Man(man::Args),
}
