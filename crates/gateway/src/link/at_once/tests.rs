use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use super::{AtOnce, POLLS_MAX};

/// Counts wakes.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Counter {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Polls once; whether it is ready, and how often the runtime was called in all.
fn poll<F: Future>(task: &mut AtOnce<F>, runtime: &Arc<Counter>) -> bool {
    let waker = Waker::from(Arc::clone(runtime));
    std::pin::Pin::new(task).poll(&mut Context::from_waker(&waker)).is_ready()
}

#[test]
fn who_wakes_itself_once_is_polled_again_without_the_runtime() {
    let (runtime, mut polls) = (Arc::default(), 0);
    let mut task = AtOnce::new(poll_fn(|cx| {
        polls += 1;
        if polls == 1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }));
    assert!(poll(&mut task, &runtime));
    assert_eq!(runtime.count(), 0);
}

#[test]
fn who_wakes_itself_for_ever_gives_way() {
    let (runtime, mut polls) = (Arc::default(), 0);
    let mut task = AtOnce::new(poll_fn(|cx| {
        polls += 1;
        cx.waker().wake_by_ref();
        Poll::<()>::Pending
    }));
    assert!(!poll(&mut task, &runtime));
    assert_eq!(runtime.count(), 1, "the runtime must poll it again");
    drop(task);
    assert_eq!(polls, POLLS_MAX);
}

#[test]
fn a_wake_between_polls_goes_to_the_runtime() {
    let (runtime, inner) = (Arc::default(), Mutex::new(None));
    let mut task = AtOnce::new(poll_fn(|cx| {
        inner.lock().expect("no panic").replace(cx.waker().clone());
        Poll::<()>::Pending
    }));
    assert!(!poll(&mut task, &runtime));
    assert_eq!(runtime.count(), 0);
    let waker: Waker = inner.lock().expect("no panic").take().expect("it was polled");
    waker.wake();
    assert_eq!(runtime.count(), 1);
    // And again, after the next poll.
    assert!(!poll(&mut task, &runtime));
    inner.lock().expect("no panic").take().expect("it was polled").wake();
    assert_eq!(runtime.count(), 2);
}

#[test]
fn what_wakes_it_from_another_thread_is_never_lost() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
    runtime.expect("a runtime").block_on(async {
        let reader = tokio::spawn(AtOnce::new(async move {
            let mut sum = 0;
            while let Some(number) = receiver.recv().await {
                sum += number;
            }
            sum
        }));
        for number in 0..10_000_u64 {
            sender.send(number).await.expect("the reader lives");
        }
        drop(sender);
        assert_eq!(reader.await.expect("no panic"), 10_000 * 9_999 / 2);
    });
}
