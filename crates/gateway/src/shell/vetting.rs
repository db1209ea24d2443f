//! Signatures of callers, verified on threads of their own: an RSA signature and its chain take a tenth
//! of a millisecond, which a loop that carries everything must not spend on each request.

use std::{num::NonZero, sync::Arc, thread::available_parallelism};

use antiphon_core::{Event, TicketId, VERIFYING_MAX, policy::Proof};
use antiphon_identity::UnixTime;
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::callers::Callers;

/// Verifies in the order of the tickets, as many at a time as there are processors.
#[derive(Debug)]
pub(crate) struct Vetting {
    jobs: mpsc::Sender<Job>,
    callers: watch::Sender<Option<Arc<Callers>>>,
}

#[derive(Debug)]
struct Job {
    ticket: TicketId,
    payload: Bytes,
    now: UnixTime,
}

/// The task behind it.
#[derive(Debug)]
pub(crate) struct Verifier {
    jobs: mpsc::Receiver<Job>,
    done: mpsc::Sender<(TicketId, Proof)>,
    callers: watch::Receiver<Option<Arc<Callers>>>,
}

/// Verdicts come on the receiver. The core never has more than [`VERIFYING_MAX`] open, so no channel
/// is ever full.
pub(crate) fn vetting(
    callers: Option<Callers>,
) -> (Vetting, Verifier, mpsc::Receiver<(TicketId, Proof)>) {
    let (jobs, jobs_in) = mpsc::channel(2 * VERIFYING_MAX);
    let (done, verdicts) = mpsc::channel(2 * VERIFYING_MAX);
    let (callers, believed) = watch::channel(callers.map(Arc::new));
    let verifier = Verifier { jobs: jobs_in, done, callers: believed };
    (Vetting { jobs, callers }, verifier, verdicts)
}

impl Vetting {
    /// Takes an order; what is known at once is returned.
    pub(super) fn verify(&self, ticket: TicketId, payload: Bytes, now: UnixTime) -> Option<Event> {
        if self.jobs.try_send(Job { ticket, payload, now }).is_ok() {
            return None;
        }
        debug_assert!(false, "the core orders no more than the channel holds");
        Some(Event::Verified { ticket, proof: Proof::Refused })
    }

    /// Who is believed now.
    pub(super) fn callers(&self) -> Option<Arc<Callers>> {
        self.callers.borrow().clone()
    }

    /// Believes others from here on.
    pub(super) fn renew(&self, callers: Option<Callers>) {
        self.callers.send_replace(callers.map(Arc::new));
    }
}

impl Verifier {
    /// Works until cancelled.
    pub(crate) async fn run(mut self, cancelled: CancellationToken) {
        let slots = Arc::new(Semaphore::new(available_parallelism().map_or(1, NonZero::get)));
        let work = async {
            while let Some(job) = self.jobs.recv().await {
                let slot = Arc::clone(&slots).acquire_owned().await.expect("it is never closed");
                let (done, callers) = (self.done.clone(), self.callers.borrow().clone());
                // Not awaited: the slot says how many there are.
                drop(tokio::task::spawn_blocking(move || {
                    let proved = callers.is_some_and(|one| one.prove(&job.payload, job.now));
                    let proof = if proved { Proof::Verified } else { Proof::Refused };
                    if done.blocking_send((job.ticket, proof)).is_err() {
                        tracing::debug!("a verdict came after the gateway had left");
                    }
                    drop(slot);
                }));
            }
        };
        cancelled.run_until_cancelled(work).await.unwrap_or(());
    }
}
