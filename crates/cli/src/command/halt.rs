//! `antiphon halt`, `antiphon resume`: the emergency stop.

use std::time::Duration;

use antiphon_core::{ORDER_LASTS_MAX, OrderGiven, OrderView, RegionId, Stop, policy::Pattern};
use antiphon_wire::Collective;
use anyhow::anyhow;

use super::{
    read::{self, ReadArgs},
    runtime,
};
use crate::{
    Exit, Failure,
    admin::{AdminArgs, Asked},
    human,
    noun::{Held, Noun},
    screen::{Screen, message},
};

/// What to halt.
#[derive(Clone, Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct HaltArgs {
    #[command(subcommand)]
    list: Option<List>,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    terms: Terms,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What to resume.
#[derive(Clone, Debug, clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    what: What,
    /// Everything that is halted here
    #[arg(long, conflicts_with_all = ["collective", "caller", "between"])]
    all: bool,
    /// Why, for everybody who looks
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    #[command(flatten)]
    admin: AdminArgs,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum List {
    /// Show what is halted and which links are held down, in every region
    List(ReadArgs),
}

#[derive(Clone, Debug, clap::Args)]
#[group(multiple = false)]
struct What {
    /// Requests of this collective
    #[arg(long, value_name = "NAME")]
    collective: Option<Collective>,
    /// Requests of this caller, as choria=alice.mcollective; * stands for any characters
    #[arg(long, value_name = "CALLER")]
    caller: Option<Pattern>,
    /// Requests between two regions, either way
    #[arg(long, num_args = 2, value_names = ["REGION", "REGION"])]
    between: Option<Vec<RegionId>>,
}

/// For how long, and why.
#[derive(Clone, Debug, clap::Args)]
pub struct Terms {
    /// For how long, as 30m or 12h, 30d at most [default: until it is lifted, 30d at most]
    #[arg(long = "for", value_name = "TIME", value_parser = lasts)]
    pub(super) lasts: Option<Duration>,
    /// Why, for everybody who looks
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(super) reason: String,
}

fn lasts(text: &str) -> Result<Duration, String> {
    let lasts = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let fits = (Duration::from_secs(1)..=ORDER_LASTS_MAX).contains(&lasts);
    if fits { Ok(lasts) } else { Err("from 1s to 30d".to_owned()) }
}

impl What {
    fn stop(&self) -> Result<Option<Stop>, Failure> {
        let collective = self.collective.clone().map(|collective| Stop::Collective { collective });
        let caller = self.caller.clone().map(|caller| Stop::Caller { caller });
        let pair = match self.between.as_deref() {
            None => None,
            Some([one, other]) => Some(Stop::pair(one.clone(), other.clone())),
            Some(_) => return Err(Failure::usage(anyhow!("--between wants two regions"))),
        };
        Ok(collective.or(caller).or(pair))
    }
}

/// Stops a collective, a caller, or everything between two regions, at once and in every region that
/// follows ours; without anything to stop, shows what is.
///
/// # Errors
/// The order makes no sense or is refused, or nobody answers.
pub fn halt(args: &HaltArgs) -> Result<Exit, Failure> {
    if let Some(List::List(args)) = &args.list {
        return read::run(&Noun::Halts, args);
    }
    let Terms { lasts, reason } = &args.terms;
    match args.what.stop()? {
        Some(stop) => give(&args.admin, vec![order(stop, true, reason, *lasts)]),
        None if lasts.is_some() || !reason.is_empty() => {
            let wanted = "halt what? name --collective, --caller or --between";
            Err(Failure::usage(anyhow!(wanted)))
        }
        None => runtime()?.block_on(async {
            let report = args.admin.connect().await?.report().await?;
            Screen::detect().show_tables(&Noun::Halts.tables(&report, &Held::new()))?;
            Ok(Exit::Good)
        }),
    }
}

/// Lets go on what was halted.
///
/// # Errors
/// Nothing of the kind is halted, or nobody answers.
pub fn resume(args: &ResumeArgs) -> Result<Exit, Failure> {
    if let Some(stop) = args.what.stop()? {
        return give(&args.admin, vec![order(stop, false, &args.reason, None)]);
    }
    if !args.all {
        let wanted = "resume what? name --collective, --caller, --between or --all";
        return Err(Failure::usage(anyhow!(wanted)));
    }
    let asking = async { args.admin.connect().await?.report().await };
    let orders = runtime()?.block_on(asking)?.core.orders;
    let halts = orders.into_iter().filter(|view| view.holds && view.order.stop.is_halt());
    let lifts: Vec<_> =
        halts.map(|view| order(view.order.stop, false, &args.reason, None)).collect();
    if lifts.is_empty() {
        message("nothing is halted");
    }
    give(&args.admin, lifts)
}

pub(super) fn order(stop: Stop, stands: bool, reason: &str, lasts: Option<Duration>) -> OrderGiven {
    OrderGiven { stop, stands, by: String::new(), reason: reason.to_owned(), lasts }
}

/// Gives orders, one after the other, and says what came of each.
pub(super) fn give(admin: &AdminArgs, orders: Vec<OrderGiven>) -> Result<Exit, Failure> {
    runtime()?.block_on(async {
        let mut asked = admin.connect().await?;
        for order in orders {
            let known = asked.order(order.clone()).await?;
            tell(&asked, &order, &known);
        }
        Ok(Exit::Good)
    })
}

fn tell(asked: &Asked, given: &OrderGiven, known: &[OrderView]) {
    let OrderGiven { stop, stands, .. } = given;
    let (held, lifted) = match stop.is_halt() {
        true => ("halted", "resumed"),
        false => ("held down", "may be used again"),
    };
    let ours = known.iter().find(|view| view.order.stop == *stop && view.holds);
    match ours.filter(|_| *stands) {
        Some(view) => {
            let until = human::moment(view.order.until);
            message(format_args!("{}: {stop}: {held} until {until}", asked.address()));
        }
        None => message(format_args!("{}: {stop}: {lifted}", asked.address())),
    }
}
