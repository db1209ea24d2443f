//! Questions of operators to other gateways, and theirs to us.
//!
//! They travel on the control connections as receipts do, towards a gateway, by our routes. Nothing
//! depends on them: one that is lost is late.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use crate::{
    Action, Answer, AnswerPart, AskFailure, Asked, Control, Gateway, GatewayId, Now,
    PART_BYTES_MAX, PARTS_MAX, Question, TOPIC_BYTES_MAX,
};

/// Questions of ours that are open at a time.
const OPEN_MAX: usize = 64;
/// Longest time that one of ours waits.
const PATIENCE_MAX: Duration = Duration::from_secs(30);
/// Questions of others that are worked on, or whose answer is fetched in parts, at a time.
const ANSWERS_MAX: usize = 32;
/// The same of one gateway.
const ANSWERS_OF_ONE_MAX: usize = 8;
/// How long an answer is kept for whoever fetches it in parts.
const KEEP: Duration = Duration::from_secs(10);

/// Open questions. Bound: [`OPEN_MAX`] of ours, [`ANSWERS_MAX`] of others, each with an answer of
/// [`PARTS_MAX`] parts at most; expiry: their patience, and [`KEEP`].
#[derive(Debug, Default)]
pub(super) struct Questions {
    last_number: u64,
    open: BTreeMap<u64, Open>,
    answers: BTreeMap<Asked, Held>,
}

/// A question of ours.
#[derive(Debug)]
struct Open {
    ticket: u64,
    question: Question,
    deadline: Duration,
    /// What has come of the answer.
    parts: Vec<Bytes>,
}

/// A question of another gateway.
#[derive(Debug)]
struct Held {
    until: Duration,
    /// `None` until the driver has worked it out.
    parts: Option<Vec<Bytes>>,
}

/// [`crate::Event::Ask`].
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) ticket: u64,
    pub(super) to: GatewayId,
    pub(super) topic: String,
    pub(super) body: Bytes,
    pub(super) patience: Duration,
}

impl Questions {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        let ours = self.open.values().map(|open| open.deadline);
        ours.chain(self.answers.values().map(|held| held.until)).min()
    }

    pub(super) fn expire(&mut self, now: Duration, out: &mut Vec<Action>) {
        self.answers.retain(|_, held| held.until > now);
        self.open.retain(|_, open| {
            let late = open.deadline <= now;
            out.extend(late.then(|| ended(open.ticket, Err(AskFailure::Late))));
            !late
        });
    }

    fn is_busy_for(&self, gateway: &GatewayId) -> bool {
        let of_one = self.answers.keys().filter(|asked| asked.from == *gateway).count();
        self.answers.len() >= ANSWERS_MAX || of_one >= ANSWERS_OF_ONE_MAX
    }
}

impl Gateway {
    pub(super) fn on_ask(&mut self, ask: Ask, now: Now, out: &mut Vec<Action>) {
        let Ask { ticket, to, topic, body, patience } = ask;
        if self.questions.open.len() >= OPEN_MAX {
            return out.push(ended(ticket, Err(AskFailure::Busy)));
        }
        self.questions.last_number += 1;
        let number = self.questions.last_number;
        let from = self.me.gateway.clone();
        let asked = Asked { from, incarnation: self.me.incarnation, number };
        let question = Question { asked, to, limit: self.config.limits.hops, part: 0, topic, body };
        if question.to == self.me.gateway {
            let Question { asked, topic, body, .. } = question.clone();
            out.push(Action::Answer { asked, topic, body });
        } else if !self.send_towards(&question.to.clone(), Control::Question(question.clone()), out)
        {
            return out.push(ended(ticket, Err(AskFailure::NoRoute)));
        }
        let deadline = now.mono + patience.min(PATIENCE_MAX);
        let open = Open { ticket, question, deadline, parts: Vec::new() };
        self.questions.open.insert(number, open);
    }

    /// Takes a question for us, or passes it on.
    pub(super) fn on_question(&mut self, question: Question, now: Now, out: &mut Vec<Action>) {
        if question.asked.from == self.me.gateway {
            return; // Only a peer that lies, or a loop, brings back our own.
        }
        if question.to == self.me.gateway {
            return self.on_question_for_us(question, now, out);
        }
        let asked = question.asked.clone();
        let on = question.limit.checked_sub(1).is_some_and(|limit| {
            let to = question.to.clone();
            self.send_towards(&to, Control::Question(Question { limit, ..question }), out)
        });
        if !on {
            self.refuse_question(asked, "a gateway on the way has no route to it", out);
        }
    }

    fn on_question_for_us(&mut self, question: Question, now: Now, out: &mut Vec<Action>) {
        let Question { asked, part, topic, body, .. } = question;
        match self.questions.answers.get(&asked) {
            Some(Held { parts: None, .. }) => {}
            Some(Held { parts: Some(_), .. }) => self.send_part(asked, part, out),
            None if part > 0 => self.refuse_question(asked, "the answer is forgotten", out),
            None if self.questions.is_busy_for(&asked.from) => {
                self.refuse_question(asked, "too many questions at a time", out);
            }
            None => {
                let held = Held { until: now.mono + KEEP, parts: None };
                self.questions.answers.insert(asked.clone(), held);
                out.push(Action::Answer { asked, topic, body });
            }
        }
    }

    /// The driver has worked out an answer.
    pub(super) fn on_worked_out(
        &mut self,
        asked: Asked,
        answer: Result<Bytes, String>,
        now: Now,
        out: &mut Vec<Action>,
    ) {
        if asked.from == self.me.gateway {
            let Some(open) = self.questions.open.remove(&asked.number) else { return };
            return out.push(ended(open.ticket, answer.map_err(AskFailure::Refused)));
        }
        let Some(held) = self.questions.answers.get_mut(&asked) else { return };
        match answer.map(split) {
            Ok(Some(parts)) => {
                *held = Held { until: now.mono + KEEP, parts: Some(parts) };
                self.send_part(asked, 0, out);
            }
            Ok(None) => self.refuse_question(asked, "the answer is too large", out),
            Err(reason) => self.refuse_question(asked, &reason, out),
        }
    }

    /// Sends one part; after the last, the answer is forgotten.
    fn send_part(&mut self, asked: Asked, part: u32, out: &mut Vec<Action>) {
        let held = self.questions.answers.get(&asked).and_then(|held| held.parts.as_ref());
        let Some(all) = held else { return };
        let parts = u32::try_from(all.len()).unwrap_or(PARTS_MAX);
        let Some(body) = all.get(part as usize).cloned() else { return };
        if part + 1 == parts {
            self.questions.answers.remove(&asked);
        }
        self.send_answer(asked, AnswerPart::Part { part, parts, body }, out);
    }

    fn refuse_question(&mut self, asked: Asked, why: &str, out: &mut Vec<Action>) {
        self.questions.answers.remove(&asked);
        let why = why.char_indices().take_while(|(at, one)| at + one.len_utf8() <= TOPIC_BYTES_MAX);
        self.send_answer(asked, AnswerPart::Refused(why.map(|(_, one)| one).collect()), out);
    }

    fn send_answer(&mut self, asked: Asked, content: AnswerPart, out: &mut Vec<Action>) {
        let to = asked.from.clone();
        let from = self.me.gateway.clone();
        let answer = Answer { asked, from, limit: self.config.limits.hops, content };
        // Without a way back, whoever asked finds us late.
        self.send_towards(&to, Control::Answer(answer), out);
    }

    /// Takes a part of an answer to us, or passes it on.
    pub(super) fn on_answer(&mut self, answer: Answer, out: &mut Vec<Action>) {
        if answer.asked.from == self.me.gateway {
            if answer.asked.incarnation == self.me.incarnation {
                self.on_answer_to_us(answer, out);
            }
        } else if let Some(limit) = answer.limit.checked_sub(1) {
            let to = answer.asked.from.clone();
            self.send_towards(&to, Control::Answer(Answer { limit, ..answer }), out);
        }
    }

    fn on_answer_to_us(&mut self, answer: Answer, out: &mut Vec<Action>) {
        let number = answer.asked.number;
        let Some(open) = self.questions.open.get_mut(&number) else { return };
        let end = match answer.content {
            // Gateways on the way may refuse too.
            AnswerPart::Refused(why) => Err(AskFailure::Refused(why)),
            AnswerPart::Part { part, parts, body } => {
                let next = u32::try_from(open.parts.len()).unwrap_or(PARTS_MAX);
                if answer.from != open.question.to || part != next || next >= PARTS_MAX {
                    return;
                }
                open.parts.push(body);
                if next + 1 < parts {
                    return self.ask_for_part(number, next + 1, out);
                }
                Ok(open.parts.concat().into())
            }
        };
        if let Some(open) = self.questions.open.remove(&number) {
            out.push(ended(open.ticket, end));
        }
    }

    fn ask_for_part(&mut self, number: u64, part: u32, out: &mut Vec<Action>) {
        let Some(open) = self.questions.open.get(&number) else { return };
        let question = Question { part, ..open.question.clone() };
        let to = question.to.clone();
        // Without a way it is late: the next may come up before that.
        self.send_towards(&to, Control::Question(question), out);
    }

    /// Whether there is a way.
    pub(super) fn send_towards(
        &mut self,
        to: &GatewayId,
        message: Control,
        out: &mut Vec<Action>,
    ) -> bool {
        let Some(link) = self.link_towards(to) else { return false };
        out.push(Action::Control { link, message });
        true
    }
}

fn ended(ticket: u64, answer: Result<Bytes, AskFailure>) -> Action {
    Action::Answered { ticket, answer }
}

/// An answer in parts, one at least; `None` if it is too large.
fn split(answer: Bytes) -> Option<Vec<Bytes>> {
    if answer.is_empty() {
        return Some(vec![answer]);
    }
    let starts = (0..answer.len()).step_by(PART_BYTES_MAX);
    let end = |start: usize| answer.len().min(start + PART_BYTES_MAX);
    let parts: Vec<Bytes> = starts.map(|start| answer.slice(start..end(start))).collect();
    (parts.len() <= PARTS_MAX as usize).then_some(parts)
}
