//! Emulated nodes: one connection that answers for all of them. What is signed has been made before,
//! so that they are never what is waited for.

use std::{sync::Arc, time::Duration};

use antiphon_broker::{BrokerCommand, BrokerEvent, Publication};
use bytes::Bytes;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use crate::message::Question;

/// Answers of a paced burst leave in so many parts a second.
const PARTS_A_SECOND: usize = 200;

/// How nodes answer the next requests.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answers {
    /// By node.
    pub(crate) data: Arc<Vec<Bytes>>,
    /// Over how long answers to everybody are spread.
    pub(crate) over: Duration,
}

/// The nodes; they end with it.
#[derive(Debug)]
pub(crate) struct Nodes {
    answers: watch::Sender<Answers>,
    task: JoinHandle<()>,
}

impl Nodes {
    pub(crate) fn start(
        commands: mpsc::Sender<BrokerCommand>,
        events: mpsc::Receiver<BrokerEvent>,
    ) -> Self {
        let (answers, current) = watch::channel(Answers::default());
        let task = tokio::spawn(serve(commands, events, current));
        Self { answers, task }
    }

    pub(crate) fn will_answer(&self, answers: Answers) {
        self.answers.send_replace(answers);
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    commands: mpsc::Sender<BrokerCommand>,
    mut events: mpsc::Receiver<BrokerEvent>,
    answers: watch::Receiver<Answers>,
) {
    let mut latest: Option<(Bytes, Question)> = None;
    while let Some(event) = events.recv().await {
        let BrokerEvent::Message(delivery) = event else { continue };
        let payload = delivery.payload;
        if latest.as_ref().is_none_or(|(known, _)| *known != payload) {
            latest = Some((payload.clone(), Question::read(payload)));
        }
        let Some((_, question)) = &latest else { continue };
        let answers = answers.borrow().clone();
        match node_of(&delivery.subject) {
            Some(node) => answer(&commands, question, &answers, node).await,
            None => answer_all(&commands, question, &answers).await,
        }
    }
}

async fn answer_all(
    commands: &mpsc::Sender<BrokerCommand>,
    question: &Question,
    answers: &Answers,
) {
    let began = Instant::now();
    let count = answers.data.len();
    let parts = (answers.over.as_millis() as usize * PARTS_A_SECOND / 1000).max(1);
    for part in 0..parts {
        sleep_until(began + answers.over * part as u32 / parts as u32).await;
        for node in count * part / parts..count * (part + 1) / parts {
            answer(commands, question, answers, node).await;
        }
    }
}

async fn answer(
    commands: &mpsc::Sender<BrokerCommand>,
    question: &Question,
    answers: &Answers,
    node: usize,
) {
    let Some(data) = answers.data.get(node) else { return };
    let payload = question.answer(node, data);
    let publication =
        Publication { subject: question.reply_to.clone(), headers: Vec::new(), payload };
    commands.send(BrokerCommand::Publish(publication)).await.expect("the connection lives");
}

/// The number in `mcollective.node.n<number>...`.
fn node_of(subject: &str) -> Option<usize> {
    let name = subject.strip_prefix("mcollective.node.n")?;
    name.split('.').next()?.parse().ok()
}
