//! A future that is woken while it is polled is polled again at once.
//!
//! The HTTP/2 library's writers wake themselves after each message: to reserve room for the next one
//! counts as news. Left to the runtime, each such wake goes through the run queue and rouses another
//! thread, for a poll that finds nothing.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use futures_util::task::AtomicWaker;

/// Polls in a row. Whoever still wakes itself then gives way, as every task must.
const POLLS_MAX: usize = 3;

/// Nobody polls: a wake goes to the runtime.
const IDLE: u8 = 0;
const POLLING: u8 = 1;
/// Woken since the poll began.
const WOKEN: u8 = 2;

/// The future.
pub(crate) struct AtOnce<F> {
    future: Pin<Box<F>>,
    signal: Arc<Signal>,
    waker: Waker,
}

struct Signal {
    state: AtomicU8,
    task: AtomicWaker,
}

impl<F> AtOnce<F> {
    pub(crate) fn new(future: F) -> Self {
        let signal = Arc::new(Signal { state: AtomicU8::new(IDLE), task: AtomicWaker::new() });
        let waker = Waker::from(Arc::clone(&signal));
        Self { future: Box::pin(future), signal, waker }
    }
}

impl<F: Future> Future for AtOnce<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let Self { future, signal, waker } = &mut *self;
        signal.task.register(cx.waker());
        for _ in 0..POLLS_MAX {
            signal.state.store(POLLING, Ordering::Release);
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                return Poll::Ready(output);
            }
            let rest =
                signal.state.compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire);
            if rest.is_ok() {
                return Poll::Pending;
            }
        }
        signal.state.store(IDLE, Ordering::Release);
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let woken =
            self.state.compare_exchange(POLLING, WOKEN, Ordering::AcqRel, Ordering::Acquire);
        if woken == Err(IDLE) {
            self.task.wake();
        }
    }
}

#[cfg(test)]
mod tests;
