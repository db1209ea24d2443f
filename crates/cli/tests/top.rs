//! `antiphon top` on a terminal in memory, from fixed reports, by its keys.

use std::{fs, path::Path, time::Duration};

use antiphon_cli::{
    archive::Archive,
    top::{Flow, State, Tab, draw},
    view::View,
};
use antiphon_gateway::shell::Report;
use ratatui::{
    Terminal,
    backend::TestBackend,
    crossterm::event::{KeyCode, KeyEvent, KeyModifiers},
};

fn report() -> Report {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/report.json");
    serde_json::from_slice(&fs::read(path).expect("the report is there")).expect("readable")
}

/// Two answers, ten seconds apart; between them 100 messages were sent to us, of which 5 were lost.
fn state() -> State {
    let mut state = State::default();
    let first = report();
    let mut second = report();
    second.at += Duration::from_secs(10);
    let us = second.core.tallies.iter_mut().find(|one| one.key.to.as_str() == "us");
    let us = us.expect("an account of us");
    us.tally.created += 100;
    us.tally.in_doubt += 5;
    for report in [first, second] {
        let gateway = report.core.gateway.clone();
        state.take(View::of_all(Archive::new(gateway, vec![report], Vec::new())));
    }
    state
}

fn screen(state: &State, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
    terminal.draw(|frame| draw(frame, state, true)).expect("it draws");
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content().chunks(usize::from(width));
    let text = |line: &[ratatui::buffer::Cell]| -> String {
        line.iter().map(ratatui::buffer::Cell::symbol).collect()
    };
    lines.map(|line| text(line).trim_end().to_owned() + "\n").collect()
}

fn press(state: &mut State, keys: &str) -> Flow {
    let mut flow = Flow::Stay;
    for letter in keys.chars() {
        let code = match letter {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            letter => KeyCode::Char(letter),
        };
        flow = state.press(KeyEvent::new(code, KeyModifiers::NONE));
    }
    flow
}

/// The row of the matrix that begins with our region.
fn eu(state: &State) -> String {
    let text = screen(state, 80, 24);
    let row = text.lines().find(|line| line.starts_with("eu ")).unwrap_or_else(|| panic!("{text}"));
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn the_matrix_shows_rate_round_trip_and_loss() {
    let mut state = state();
    assert_eq!(eu(&state), "eu · 0/s cut 10/s");
    press(&mut state, "m");
    assert_eq!(eu(&state), "eu · - cut 85ms");
    press(&mut state, "m");
    assert_eq!(eu(&state), "eu · - cut 5.0%");
}

#[test]
fn each_page_is_as_recorded() {
    let mut state = state();
    for tab in Tab::ALL {
        for (width, height) in [(80, 24), (160, 24)] {
            let actual = screen(&state, width, height);
            let name = format!("top-{}.{width}.txt", &tab.title()[2..]);
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(&name);
            if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
                fs::write(&path, &actual).expect("golden files can be written");
            }
            assert_eq!(actual, fs::read_to_string(&path).expect(&name), "{name}");
        }
        press(&mut state, "\t");
    }
    assert_eq!(state.tab, Tab::Regions);
}

#[test]
fn rows_are_filtered_and_ordered_by_keys() {
    let mut state = state();
    press(&mut state, "3/us-\n");
    let text = screen(&state, 80, 24);
    assert!(text.contains("us-1") && text.contains("us-2") && !text.contains("sa-1"), "{text}");
    press(&mut state, "sr");
    let text = screen(&state, 80, 24);
    let order = (text.find("us-2"), text.find("us-1"));
    assert!(order.0 < order.1 && text.contains('▼'), "{text}");
}

#[test]
fn a_picture_that_stands_still_takes_no_news() {
    let mut state = state();
    press(&mut state, "p");
    let before = screen(&state, 80, 24);
    assert!(before.contains("paused"), "{before}");
    let mut news = report();
    news.core.fabric = "other".parse().expect("a name");
    state.take(View::of_one(news));
    assert_eq!(screen(&state, 80, 24), before);
}

#[test]
fn help_shows_every_key_and_any_key_ends_it() {
    let mut state = state();
    press(&mut state, "?");
    assert!(screen(&state, 80, 24).contains("ctrl-c"));
    press(&mut state, "x");
    assert!(!screen(&state, 80, 24).contains("ctrl-c"));
}

#[test]
fn a_gateway_that_falls_silent_is_told_and_what_was_shown_stays() {
    let mut state = state();
    state.fail("unix:/run/eu-1.sock: cannot be reached".to_owned());
    let text = screen(&state, 80, 24);
    assert!(text.contains("cannot be reached") && text.contains("fabric acme"), "{text}");
}

#[test]
fn it_leaves_when_asked_and_draws_on_any_terminal() {
    let mut state = state();
    assert_eq!(press(&mut state, "q"), Flow::Quit);
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(state.press(interrupt), Flow::Quit);
    for (width, height) in [(1, 1), (5, 3), (300, 100)] {
        for keys in ["1", "2", "3", "4", "?"] {
            press(&mut state, keys);
            screen(&state, width, height);
        }
    }
    screen(&State::default(), 80, 24);
}
