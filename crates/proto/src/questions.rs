//! Questions of operators to other gateways, and their answers.

use antiphon_core::{
    Answer, AnswerPart, Asked, Incarnation, PART_BYTES_MAX, PARTS_MAX, QUESTION_BYTES_MAX,
    Question, TOPIC_BYTES_MAX,
};

use crate::{
    FieldError, Problem,
    field::{bytes, name, small, text},
    v1,
};

impl From<&Question> for v1::Question {
    fn from(question: &Question) -> Self {
        Self {
            from: question.asked.from.to_string(),
            incarnation: question.asked.incarnation.0,
            number: question.asked.number,
            to: question.to.to_string(),
            limit: question.limit.into(),
            part: question.part,
            topic: question.topic.clone(),
            body: question.body.clone(),
        }
    }
}

impl TryFrom<v1::Question> for Question {
    type Error = FieldError;

    fn try_from(message: v1::Question) -> Result<Self, FieldError> {
        Ok(Self {
            asked: Asked {
                from: name("from", &message.from)?,
                incarnation: Incarnation(message.incarnation),
                number: message.number,
            },
            to: name("to", &message.to)?,
            limit: small("limit", message.limit)?,
            part: below("part", message.part, PARTS_MAX)?,
            topic: text("topic", message.topic, TOPIC_BYTES_MAX)?,
            body: bytes("body", message.body, QUESTION_BYTES_MAX)?,
        })
    }
}

impl From<&Answer> for v1::Answer {
    fn from(answer: &Answer) -> Self {
        let message = Self {
            to: answer.asked.from.to_string(),
            incarnation: answer.asked.incarnation.0,
            number: answer.asked.number,
            from: answer.from.to_string(),
            limit: answer.limit.into(),
            ..Self::default()
        };
        match &answer.content {
            AnswerPart::Part { part, parts, body } => {
                Self { part: *part, parts: *parts, body: body.clone(), ..message }
            }
            AnswerPart::Refused(refusal) => Self { refusal: refusal.clone(), ..message },
        }
    }
}

impl TryFrom<v1::Answer> for Answer {
    type Error = FieldError;

    fn try_from(message: v1::Answer) -> Result<Self, FieldError> {
        let content = if message.parts == 0 {
            AnswerPart::Refused(text("refusal", message.refusal, TOPIC_BYTES_MAX)?)
        } else {
            AnswerPart::Part {
                part: below("part", message.part, message.parts)?,
                parts: below("parts", message.parts, PARTS_MAX + 1)?,
                body: bytes("body", message.body, PART_BYTES_MAX)?,
            }
        };
        Ok(Self {
            asked: Asked {
                from: name("to", &message.to)?,
                incarnation: Incarnation(message.incarnation),
                number: message.number,
            },
            from: name("from", &message.from)?,
            limit: small("limit", message.limit)?,
            content,
        })
    }
}

fn below(field: &str, number: u32, end: u32) -> Result<u32, FieldError> {
    if number < end {
        return Ok(number);
    }
    let range = format!("0 to {}", end.saturating_sub(1)).into();
    Err(FieldError::new(field, Problem::OutOfRange { number: number.into(), range }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(part: u32, parts: u32) -> v1::Answer {
        let (to, from) = ("eu-1".into(), "us-1".into());
        v1::Answer { to, from, part, parts, refusal: "busy".into(), ..v1::Answer::default() }
    }

    #[test]
    fn an_answer_without_parts_is_a_refusal() {
        let content = Answer::try_from(answer(0, 0)).unwrap().content;
        assert_eq!(content, AnswerPart::Refused("busy".to_owned()));
    }

    #[test]
    fn parts_are_counted_within_their_bounds() {
        assert!(Answer::try_from(answer(63, 64)).is_ok());
        for (part, parts) in [(1, 1), (0, 65), (u32::MAX, u32::MAX)] {
            assert!(Answer::try_from(answer(part, parts)).is_err(), "{part} of {parts}");
        }
    }
}
