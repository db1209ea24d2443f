//! `antiphon top`: the terminal around [`crate::top`].

use std::{io::IsTerminal, panic, process, thread, time::Duration};

use anyhow::anyhow;
use ratatui::{
    DefaultTerminal,
    crossterm::event::{self, Event, KeyEvent, KeyEventKind},
};
use tokio::{
    signal::unix::{SignalKind, signal},
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
    /// Somebody ends us, or the terminal has gone.
    Signal,
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
    runtime.spawn(await_signals(inputs.clone()));
    let mut state = State::default();
    state.take(first);
    let ended = on_terminal(|terminal| {
        thread::spawn(move || read_keys(&inputs));
        runtime.block_on(show(terminal, &mut state, &mut received))
    });
    // Whoever waits for a gateway is not waited for.
    runtime.shutdown_background();
    ended
}

/// Has the whole terminal meanwhile, and leaves it as it was: in the end, and when something panics,
/// on whatever thread. A panic ends the process: nobody draws over its message.
fn on_terminal(
    show: impl FnOnce(&mut DefaultTerminal) -> Result<Exit, Failure>,
) -> Result<Exit, Failure> {
    let mut terminal = ratatui::try_init()?;
    let restore = panic::take_hook();
    panic::set_hook(Box::new(move |panicked| {
        restore(panicked);
        process::exit(101);
    }));
    let ended = show(&mut terminal);
    drop(panic::take_hook());
    ratatui::try_restore()?;
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
            Some(Input::Signal) | None => return Ok(Exit::Good),
            Some(Input::Answer(Ok(view))) => state.take(view),
            Some(Input::Answer(Err(failure))) => state.fail(format!("{:#}", failure.error)),
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

/// What would end us with the terminal as we have it; with Ctrl-C, a key, the state deals.
async fn await_signals(inputs: mpsc::Sender<Input>) {
    let signals = [SignalKind::terminate(), SignalKind::hangup(), SignalKind::quit()].map(signal);
    let [Ok(mut terminated), Ok(mut hung_up), Ok(mut quit)] = signals else { return };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
        _ = quit.recv() => {}
    }
    // Whoever has stopped listening ends already.
    let _sent = inputs.send(Input::Signal).await;
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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const LEAVES: &str = "\u{1b}[?1049l";

    /// This test again, of its name, in a terminal of its own; what appeared there, and the settings
    /// of the terminal before and after.
    fn in_a_terminal(name: &str) -> String {
        let me = std::env::current_exe().unwrap();
        let again = format!("{} --exact {name} --ignored --nocapture", me.display());
        let commands =
            format!("stty -a > $$.before; {again}; stty -a | cmp - $$.before && echo SAME");
        let folder = tempfile::tempdir().unwrap();
        let mut script = Command::new("script");
        script.args(["--quiet", "--return", "--command", &commands, "/dev/null"]);
        let output = script.current_dir(folder.path()).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    #[test]
    fn a_panic_leaves_the_terminal_as_it_was_and_its_message_on_it() {
        let shown = in_a_terminal("command::top::tests::panics_elsewhere_on_the_terminal");
        let (_, after) = shown.split_once(LEAVES).unwrap_or_else(|| panic!("never left: {shown}"));
        assert!(after.contains("out of luck"), "{shown}");
        assert!(after.contains("SAME"), "{shown}");
        assert!(!shown.contains("drawn over"), "{shown}");
    }

    #[test]
    #[ignore = "has the terminal: run by the test above"]
    fn panics_elsewhere_on_the_terminal() {
        let _ended = on_terminal(|_| {
            let _joined = thread::spawn(|| panic!("out of luck")).join();
            panic!("drawn over");
        });
    }
}
