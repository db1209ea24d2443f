//! Worlds on several threads. A world knows nothing of it, so the results are the same on one.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

/// Works on every item, with so many threads; results come in the order of the items.
///
/// What panics gives the panic's message: a defect, and the other items are worked on all the same.
pub(super) fn each<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<Result<R, String>> {
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            let result = catch_unwind(AssertUnwindSafe(|| work(item)));
            done.push((index, result.map_err(|panic| message(panic.as_ref()))));
        }
    };
    let mut done: Vec<_> = thread::scope(|scope| {
        let count = jobs.clamp(1, items.len().max(1));
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(worker)).collect();
        let joined = workers.into_iter().map(thread::ScopedJoinHandle::join);
        joined.flat_map(|done| done.expect("what panics in it is caught")).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        let items: Vec<u64> = (0..100).collect();
        let wanted: Vec<_> = items.iter().map(|one| Ok(one * 2)).collect();
        for jobs in [0, 1, 3, 200] {
            assert_eq!(each(&items, jobs, |one| one * 2), wanted, "{jobs} threads");
        }
        assert!(each(&[], 4, |one: &u64| *one).is_empty());
    }

    #[test]
    fn a_panic_is_a_result_like_any_other() {
        let divided = each(&[1, 0, 2], 2, |one: &u64| {
            assert!(*one > 0, "{one} is nothing");
            10 / one
        });
        assert_eq!(divided, [Ok(10), Err("0 is nothing".to_owned()), Ok(5)]);
    }
}
