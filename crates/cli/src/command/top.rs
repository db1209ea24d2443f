//! `antiphon top`: the terminal around [`crate::top`].

use std::{io::IsTerminal, thread, time::Duration};

use anyhow::anyhow;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEvent, KeyEventKind},
};
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use super::runtime;
use crate::{
    Exit, Failure,
    admin::AdminArgs,
    screen::Screen,
    source::{everybody, only},
    top::{Flow, State, draw},
    view::View,
};

/// A gateway is not asked more often.
const PERIOD_MIN: Duration = Duration::from_millis(250);
/// How long a gateway that is asked by way of another may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Its arguments.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// How often to ask
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = humantime::parse_duration)]
    period: Duration,
    /// Ask only the gateway that we talk to
    #[arg(long)]
    only: bool,
    #[command(flatten)]
    admin: AdminArgs,
}

/// What the loop waits for.
enum Input {
    Key(KeyEvent),
    Resized,
    Answer(Result<View, Failure>),
}

/// Shows the fabric until the user has seen enough.
///
/// # Errors
/// There is no terminal, or the gateway does not answer to begin with.
pub fn run(args: &Args) -> Result<Exit, Failure> {
    if !std::io::stdout().is_terminal() || !std::io::stdin().is_terminal() {
        let instead = "antiphon links --watch shows one answer after another";
        return Err(Failure::usage(anyhow!("top needs a terminal; {instead}")));
    }
    let runtime = runtime()?;
    let first = runtime.block_on(ask(args))?;
    let (inputs, mut received) = mpsc::channel(64);
    runtime.spawn(keep_asking(args.clone(), inputs.clone()));
    // It also puts back the terminal when something panics.
    let mut terminal = ratatui::try_init()?;
    thread::spawn(move || read_keys(&inputs));
    let mut state = State::default();
    state.take(first);
    let ended = runtime.block_on(show(&mut terminal, &mut state, &mut received));
    ratatui::try_restore()?;
    // Whoever waits for a gateway is not waited for.
    runtime.shutdown_background();
    ended
}

async fn show(
    terminal: &mut DefaultTerminal,
    state: &mut State,
    inputs: &mut mpsc::Receiver<Input>,
) -> Result<Exit, Failure> {
    let colour = Screen::detect().colour;
    loop {
        terminal.draw(|frame| draw(frame, state, colour))?;
        match inputs.recv().await {
            Some(Input::Key(key)) => {
                if state.press(key) == Flow::Quit {
                    return Ok(Exit::Good);
                }
            }
            Some(Input::Resized) => {}
            Some(Input::Answer(Ok(view))) => state.take(view),
            Some(Input::Answer(Err(failure))) => state.fail(format!("{:#}", failure.error)),
            None => return Ok(Exit::Good),
        }
    }
}

async fn ask(args: &Args) -> Result<View, Failure> {
    let asked = args.admin.connect().await?;
    if args.only {
        return only(asked).await;
    }
    everybody(&asked, PATIENCE).await.map(View::of_all)
}

async fn keep_asking(args: Args, inputs: mpsc::Sender<Input>) {
    let mut ticks = interval(args.period.max(PERIOD_MIN));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    loop {
        ticks.tick().await;
        if inputs.send(Input::Answer(ask(&args).await)).await.is_err() {
            return;
        }
    }
}

/// Ends with the process: reading a terminal cannot be cancelled.
fn read_keys(inputs: &mpsc::Sender<Input>) {
    while let Ok(event) = event::read() {
        let input = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => Input::Key(key),
            Event::Resize(..) => Input::Resized,
            Event::Key(_)
            | Event::FocusGained
            | Event::FocusLost
            | Event::Mouse(_)
            | Event::Paste(_) => continue,
        };
        if inputs.blocking_send(input).is_err() {
            return;
        }
    }
}
