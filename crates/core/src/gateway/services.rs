//! Requests to service agents: they run on one node of the fabric at most.
//!
//! A service request reaches us whether or not a node of our own region took it, for we are a queue
//! group of our own. It waits until the brokers have said, within a second, whether a local service
//! listens, and leaves only if none does: to one region, the cheapest that has one.

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use crate::{
    Action, Candidate, Gateway, Interest, InterestAnswer, Now, QuestionId, Rejection, Target,
    Verdict, config::ServicePolicy, gateway::decide::Asked,
};

/// How long the brokers may take to say who listens, and how long what they said is believed.
const ANSWER_TIME: Duration = Duration::from_secs(1);
/// Questions that are open at a time, and answers that are remembered.
const SUBJECTS_MAX: usize = 256;
/// What a request that waits counts for besides its payload, in bytes.
const OVERHEAD_BYTES: u64 = 256;

/// What was asked of the brokers, and the requests that wait for it.
///
/// Bounds: [`SUBJECTS_MAX`] subjects, each for [`ANSWER_TIME`]; waiting requests in bytes by
/// [`crate::Limits::service_bytes_max`].
#[derive(Debug, Default)]
pub(super) struct Services {
    open: BTreeMap<QuestionId, Open>,
    answers: BTreeMap<String, (Interest, Duration)>,
    bytes: u64,
    next: u64,
}

/// A question that is not answered yet.
#[derive(Debug)]
struct Open {
    subject: String,
    until: Duration,
    waiting: Vec<Bytes>,
}

impl Services {
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.open.values().map(|open| open.until).min()
    }

    pub(super) fn waiting(&self) -> u64 {
        self.open.values().map(|open| open.waiting.len() as u64).sum()
    }

    fn learn(&mut self, subject: String, interest: Interest, now: Duration) {
        self.answers.retain(|_, (_, at)| now < *at + ANSWER_TIME);
        if self.answers.len() < SUBJECTS_MAX {
            self.answers.insert(subject, (interest, now));
        }
    }

    /// What the brokers said of a subject, if that was a moment ago.
    fn answer(&self, subject: &str, now: Duration) -> Option<Interest> {
        let (interest, at) = self.answers.get(subject)?;
        (now < *at + ANSWER_TIME).then_some(*interest)
    }

    /// Takes a question out, with what waits for it.
    fn close(&mut self, question: QuestionId) -> Option<Open> {
        let open = self.open.remove(&question)?;
        self.bytes -= open.waiting.iter().map(weight).sum::<u64>();
        Some(open)
    }
}

impl Gateway {
    /// Lets a request wait until the brokers have been asked; `Err` with it if it need not.
    pub(super) fn wait_for_interest(
        &mut self,
        subject: &str,
        payload: Bytes,
        now: Now,
        out: &mut Vec<Action>,
    ) -> Result<(), Bytes> {
        if !self.asks_brokers(subject, &payload, now.mono) {
            return Err(payload);
        }
        let services = &mut self.services;
        services.bytes += weight(&payload);
        if let Some(open) = services.open.values_mut().find(|open| open.subject == subject) {
            open.waiting.push(payload);
            return Ok(());
        }
        services.next += 1;
        let question = QuestionId(services.next);
        let (subject, until) = (subject.to_owned(), now.mono + ANSWER_TIME);
        let open = Open { subject: subject.clone(), until, waiting: vec![payload] };
        services.open.insert(question, open);
        out.push(Action::AskInterest { question, subject });
        Ok(())
    }

    /// Whether a request on this subject waits until the brokers have said who listens.
    pub(super) fn asks_brokers(&self, subject: &str, payload: &Bytes, now: Duration) -> bool {
        let (hints, services) = (&self.config.hints, &self.services);
        let asks = hints.services == ServicePolicy::Ask && hints.monitors;
        let fits = services.bytes + weight(payload) <= self.config.limits.service_bytes_max;
        let room = || {
            services.open.len() < SUBJECTS_MAX
                || services.open.values().any(|open| open.subject == subject)
        };
        asks && fits && services.answer(subject, now).is_none() && room()
    }

    pub(super) fn on_interest(&mut self, answer: InterestAnswer, now: Now, out: &mut Vec<Action>) {
        let Some(open) = self.services.close(answer.question) else { return };
        self.services.learn(open.subject.clone(), answer.interest, now.mono);
        for payload in open.waiting {
            self.take_request(&open.subject, payload, now, out);
        }
    }

    /// Gives up on questions that took too long.
    pub(super) fn expire_questions(&mut self, now: Now, out: &mut Vec<Action>) {
        let late = self.services.open.iter().filter(|(_, open)| open.until <= now.mono);
        let late: Vec<QuestionId> = late.map(|(question, _)| *question).collect();
        for question in late {
            self.on_interest(InterestAnswer { question, interest: Interest::Unknown }, now, out);
        }
    }

    /// Of the regions that may be asked keeps the one that a service request goes to: none if a local
    /// service took it or may have.
    pub(super) fn choose_service(
        &self,
        asked: &Asked<'_>,
        candidates: &mut [Candidate],
    ) -> Result<(), Rejection> {
        let Target::Service { agent } = asked.target else { return Ok(()) };
        let mut cheapest: Option<(u32, usize)> = None;
        for (index, candidate) in candidates.iter_mut().enumerate() {
            if !candidate.is_accepted() {
                continue;
            }
            let offers = self.offers_service(&candidate.region, &asked.head.collective, agent);
            let route = asked.table.and_then(|table| table.region(&candidate.region));
            if let Some(route) = route.filter(|_| offers) {
                let way = (route.cost, index);
                cheapest = Some(cheapest.map_or(way, |best| best.min(way)));
            } else {
                candidate.verdict = Verdict::Rejected(Rejection::ServiceNotOffered);
            }
        }
        let Some((_, chosen)) = cheapest else { return Ok(()) };
        // What the brokers of another region say is not ours to know.
        if asked.origin == self.region() {
            self.may_serve_elsewhere(asked, agent)?;
        }
        let through = candidates.get(chosen).map(|one| one.region.clone());
        for (index, candidate) in candidates.iter_mut().enumerate() {
            if candidate.is_accepted() && index != chosen {
                let region = through.clone().unwrap_or_else(|| candidate.region.clone());
                candidate.verdict = Verdict::Rejected(Rejection::ServiceElsewhere { region });
            }
        }
        Ok(())
    }

    fn may_serve_elsewhere(&self, asked: &Asked<'_>, agent: &str) -> Result<(), Rejection> {
        match self.config.hints.services {
            ServicePolicy::Never => return Err(Rejection::ServiceStays),
            ServicePolicy::Always => return Ok(()),
            ServicePolicy::Ask => {}
        }
        let subject = format!("{}.broadcast.service.{agent}", asked.head.collective);
        let (known, services) = (asked.known, &self.services);
        match known.service.or_else(|| services.answer(&subject, known.at)) {
            Some(Interest::Absent) => Ok(()),
            Some(Interest::Present) => Err(Rejection::ServiceLocal),
            Some(Interest::Unknown) | None => Err(Rejection::ServiceInterestUnknown),
        }
    }
}

fn weight(payload: &Bytes) -> u64 {
    payload.len() as u64 + OVERHEAD_BYTES
}
