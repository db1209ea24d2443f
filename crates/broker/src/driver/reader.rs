//! The task that reads: it stops at a full intake, and so lets TCP hold the server back.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::{
    io::{AsyncReadExt, ReadHalf},
    sync::mpsc,
};

use super::stream::Stream;
use crate::{
    intake::{Hold, Intake},
    protocol::{Parser, ServerMessage, ServerOp},
};

/// Operations read ahead of the driver.
const AHEAD_MAX: usize = 512;
/// Room made for each read, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// What was read.
#[derive(Debug)]
pub(super) enum Read {
    Op(ServerOp, Option<Hold>),
    /// Nothing more comes.
    End(String),
}

/// The reading side of a connection.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) ops: mpsc::Receiver<Read>,
    /// Set while it waits for the intake or for the driver, not for the server.
    pub(super) held_up: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Reader {
    pub(super) fn start(stream: ReadHalf<Stream>, parser: Parser, intake: Intake) -> Self {
        let (sender, ops) = mpsc::channel(AHEAD_MAX);
        let held_up = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&held_up);
        let task = tokio::spawn(read(stream, parser, intake, sender, flag));
        Self { ops, held_up, task }
    }

    pub(super) fn is_held_up(&self) -> bool {
        self.held_up.load(Ordering::Relaxed)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn read(
    mut stream: ReadHalf<Stream>,
    mut parser: Parser,
    intake: Intake,
    sender: mpsc::Sender<Read>,
    held_up: Arc<AtomicBool>,
) {
    let end = loop {
        match parser.next_op() {
            Ok(Some(op)) => {
                held_up.store(true, Ordering::Relaxed);
                let hold = match &op {
                    ServerOp::Message(message) => Some(admit(&intake, message).await),
                    ServerOp::Info(_)
                    | ServerOp::Ping
                    | ServerOp::Pong
                    | ServerOp::Ok
                    | ServerOp::Error(_) => None,
                };
                if sender.send(Read::Op(op, hold)).await.is_err() {
                    return;
                }
                held_up.store(false, Ordering::Relaxed);
            }
            Ok(None) => {
                parser.buffer.reserve(READ_BYTES);
                match stream.read_buf(&mut parser.buffer).await {
                    Ok(0) => break "the server closed the connection".to_owned(),
                    Ok(_) => {}
                    Err(error) => break error.to_string(),
                }
            }
            Err(error) => break error.to_string(),
        }
    };
    // A driver that is gone needs no reason.
    let _unheard = sender.send(Read::End(end)).await;
}

/// Waits for room for a message.
async fn admit(intake: &Intake, message: &ServerMessage) -> Hold {
    let bytes = message.payload.len() + message.headers.len() + message.subject.len();
    loop {
        if let Some(hold) = intake.try_admit(bytes) {
            return hold;
        }
        intake.freed().await;
    }
}
