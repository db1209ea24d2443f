//! Questions of operators, as they cross the fabric.

use super::*;
use crate::{Answer, AnswerPart, AskFailure, Asked, PART_BYTES_MAX, PARTS_MAX, Question};

fn ask(to: &str) -> Event {
    Event::Ask {
        ticket: 5,
        to: to.parse().unwrap(),
        topic: "report".to_owned(),
        body: Bytes::from_static(b"{}"),
        patience: Duration::from_secs(3),
    }
}

fn asked(from: &str) -> Asked {
    Asked { from: from.parse().unwrap(), incarnation: Incarnation(1), number: 1 }
}

fn question(from: &str, to: &str, part: u32) -> Event {
    let message = Control::Question(Question {
        asked: asked(from),
        to: to.parse().unwrap(),
        limit: 3,
        part,
        topic: "report".to_owned(),
        body: Bytes::new(),
    });
    Event::FromPeer { link: LINK, message }
}

fn answer(to: &str, from: &str, content: AnswerPart) -> Event {
    let from = from.parse().unwrap();
    let message = Control::Answer(Answer { asked: asked(to), from, limit: 3, content });
    Event::FromPeer { link: LINK, message }
}

fn part(part: u32, parts: u32, body: &'static [u8]) -> AnswerPart {
    AnswerPart::Part { part, parts, body: Bytes::from_static(body) }
}

/// The questions that were sent: for whom, and which part.
fn questions(actions: &[Action]) -> Vec<(String, u32)> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Control { message: Control::Question(one), .. } => Some(one),
        _ => None,
    });
    sent.map(|one| (one.to.to_string(), one.part)).collect()
}

fn answers(actions: &[Action]) -> Vec<AnswerPart> {
    let sent = actions.iter().filter_map(|action| match action {
        Action::Control { message: Control::Answer(one), .. } => Some(one.content.clone()),
        _ => None,
    });
    sent.collect()
}

/// How our question ended.
fn end(actions: &[Action]) -> Option<Result<Bytes, AskFailure>> {
    actions.iter().find_map(|action| match action {
        Action::Answered { ticket: 5, answer } => Some(answer.clone()),
        _ => None,
    })
}

#[test]
fn an_answer_is_fetched_part_by_part() {
    let mut bench = Bench::new();
    assert_eq!(questions(&bench.handle(ask("us-1"))), [("us-1".to_owned(), 0)]);
    let first = bench.handle(answer("eu-1", "us-1", part(0, 2, b"an")));
    assert_eq!((questions(&first), end(&first)), (vec![("us-1".to_owned(), 1)], None));
    let second = bench.handle(answer("eu-1", "us-1", part(1, 2, b"swer")));
    assert_eq!(end(&second), Some(Ok(Bytes::from_static(b"answer"))));
    assert_eq!(end(&bench.handle(answer("eu-1", "us-1", part(1, 2, b"swer")))), None);
}

#[test]
fn only_the_gateway_that_was_asked_answers() {
    let mut bench = Bench::new();
    bench.handle(ask("us-1"));
    for (from, content) in [("ap-1", part(0, 1, b"lie")), ("us-1", part(1, 2, b"later"))] {
        assert_eq!(end(&bench.handle(answer("eu-1", from, content))), None, "{from}");
    }
    let refused = bench.handle(answer("eu-1", "ap-1", AnswerPart::Refused("no route".to_owned())));
    assert_eq!(end(&refused), Some(Err(AskFailure::Refused("no route".to_owned()))));
}

#[test]
fn a_question_without_a_way_or_an_answer_ends_too() {
    let mut bench = Bench::new();
    assert_eq!(end(&bench.handle(ask("ap-1"))), Some(Err(AskFailure::NoRoute)));
    bench.handle(ask("us-1"));
    assert_eq!(end(&bench.wait(2)), None);
    assert_eq!(end(&bench.wait(1)), Some(Err(AskFailure::Late)));
}

#[test]
fn a_gateway_that_asks_itself_is_answered() {
    let mut bench = Bench::new();
    let actions = bench.handle(ask("eu-1"));
    let asked = actions.iter().find_map(|action| match action {
        Action::Answer { asked, .. } => Some(asked.clone()),
        _ => None,
    });
    let done = Event::Answer { asked: asked.unwrap(), answer: Ok(Bytes::from_static(b"me")) };
    assert_eq!(end(&bench.handle(done)), Some(Ok(Bytes::from_static(b"me"))));
}

#[test]
fn a_large_answer_is_kept_until_its_last_part_is_fetched() {
    let mut bench = Bench::new();
    let actions = bench.handle(question("us-1", "eu-1", 0));
    assert!(actions.iter().any(|one| matches!(one, Action::Answer { .. })), "{actions:?}");
    let large = Bytes::from(vec![7; PART_BYTES_MAX + 1]);
    let done = Event::Answer { asked: asked("us-1"), answer: Ok(large) };
    let lengths = |actions: &[Action]| -> Vec<usize> {
        let parts = answers(actions).into_iter();
        let body = |part| match part {
            AnswerPart::Part { parts: 2, body, .. } => body.len(),
            other => panic!("{other:?}"),
        };
        parts.map(body).collect()
    };
    assert_eq!(lengths(&bench.handle(done)), [PART_BYTES_MAX]);
    assert_eq!(lengths(&bench.handle(question("us-1", "eu-1", 1))), [1]);
    let forgotten = answers(&bench.handle(question("us-1", "eu-1", 1)));
    assert!(matches!(forgotten[..], [AnswerPart::Refused(_)]), "{forgotten:?}");
}

#[test]
fn an_answer_that_is_too_large_is_refused() {
    let mut bench = Bench::new();
    bench.handle(question("us-1", "eu-1", 0));
    let huge = Bytes::from(vec![7; PART_BYTES_MAX * PARTS_MAX as usize + 1]);
    let done = Event::Answer { asked: asked("us-1"), answer: Ok(huge) };
    let refused = answers(&bench.handle(done));
    assert!(matches!(refused[..], [AnswerPart::Refused(_)]), "{refused:?}");
}

#[test]
fn a_peer_that_asks_without_end_gets_few_answers() {
    let mut bench = Bench::new();
    let mut worked = 0;
    for number in 0..100 {
        let Event::FromPeer { link, message: Control::Question(mut one) } =
            question("us-1", "eu-1", 0)
        else {
            panic!()
        };
        one.asked.number = number;
        let actions = bench.handle(Event::FromPeer { link, message: Control::Question(one) });
        worked += actions.iter().filter(|one| matches!(one, Action::Answer { .. })).count();
    }
    assert_eq!(worked, 8);
    for _ in 0..10 {
        bench.wait(1);
    }
    let later = bench.handle(question("us-1", "eu-1", 0));
    assert!(later.iter().any(|one| matches!(one, Action::Answer { .. })), "{later:?}");
}

#[test]
fn relays_pass_questions_and_answers_on_as_far_as_they_may() {
    let mut bench = Bench::new();
    assert_eq!(questions(&bench.handle(question("ap-1", "us-1", 0))), [("us-1".to_owned(), 0)]);
    assert_eq!(answers(&bench.handle(answer("us-1", "ap-1", part(0, 1, b"yes")))).len(), 1);
    let lost = answers(&bench.handle(question("us-1", "ap-1", 0)));
    assert!(matches!(lost[..], [AnswerPart::Refused(_)]), "{lost:?}");
}
