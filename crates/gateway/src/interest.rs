//! Reads the brokers' subscription lists for the core, beside the shell's loop.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use antiphon_broker::{Listener, Monitors};
use antiphon_core::{
    CollectiveInterest, Event, IdentityHash, Interest, InterestAnswer, InterestRead, QuestionId,
};
use antiphon_wire::{Agent, Collective, Subject};
use tokio::{sync::mpsc, task::JoinSet};

/// Readings that wait; the core orders one at a time.
const READS_MAX: usize = 2;
/// Questions that wait. The core has at most 256 open; those that find no room stay unanswered.
const QUESTIONS_MAX: usize = 256;
/// Questions that are asked of the servers at a time.
const ASKING_MAX: usize = 16;

/// Orders, without waiting.
#[derive(Debug)]
pub(crate) struct InterestOut {
    reads: mpsc::Sender<Wanted>,
    questions: mpsc::Sender<(QuestionId, String)>,
}

/// What a reading is to find.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// Those of which nodes, agents and services are wanted.
    pub(crate) collectives: BTreeSet<Collective>,
    /// Nodes of which the names are wanted.
    pub(crate) names: BTreeSet<IdentityHash>,
}

/// Carries them out.
pub(crate) struct Reader {
    monitors: Arc<Monitors>,
    reads: mpsc::Receiver<Wanted>,
    questions: mpsc::Receiver<(QuestionId, String)>,
    facts: mpsc::Sender<Event>,
}

/// Orders, who carries them out, and what comes of them.
pub(crate) fn interest(monitors: Monitors) -> (InterestOut, Reader, mpsc::Receiver<Event>) {
    let (reads, read_orders) = mpsc::channel(READS_MAX);
    let (questions, question_orders) = mpsc::channel(QUESTIONS_MAX);
    let (facts, events) = mpsc::channel(QUESTIONS_MAX);
    let reader = Reader {
        monitors: Arc::new(monitors),
        reads: read_orders,
        questions: question_orders,
        facts,
    };
    (InterestOut { reads, questions }, reader, events)
}

impl InterestOut {
    pub(crate) fn read(&self, wanted: Wanted) {
        if self.reads.try_send(wanted).is_err() {
            tracing::debug!("a reading of interest is under way already");
        }
    }

    pub(crate) fn ask(&self, question: QuestionId, subject: String) {
        if self.questions.try_send((question, subject)).is_err() {
            tracing::warn!("too many questions about interest at once");
        }
    }
}

impl Reader {
    /// Runs until the shell has gone.
    pub(crate) async fn run(self) {
        let Self { monitors, mut reads, mut questions, facts } = self;
        let reading = async {
            while let Some(wanted) = reads.recv().await {
                let reading = read(&monitors, &wanted).await;
                if facts.send(Event::InterestRead(reading)).await.is_err() {
                    return;
                }
            }
        };
        let asking = async {
            let mut asked = JoinSet::new();
            while let Some((question, subject)) = questions.recv().await {
                while asked.len() >= ASKING_MAX {
                    asked.join_next().await;
                }
                while asked.try_join_next().is_some() {}
                let (monitors, facts) = (Arc::clone(&monitors), facts.clone());
                asked.spawn(async move {
                    let interest = ask(&monitors, &subject).await;
                    let answer = InterestAnswer { question, interest };
                    if facts.send(Event::InterestAnswered(answer)).await.is_err() {
                        tracing::debug!("nobody waits for interest any more");
                    }
                });
            }
        };
        tokio::join!(reading, asking);
    }
}

async fn read(monitors: &Monitors, wanted: &Wanted) -> InterestRead {
    let mut gathered = Gathered::default();
    let coverage = monitors.read(|subject| gathered.note(subject, wanted)).await;
    let names = std::mem::take(&mut gathered.names).into_iter().collect();
    // Sorting a million takes a tenth of a second: not on a thread that others wait for.
    let sorted = tokio::task::spawn_blocking(move || gathered.into_collectives()).await;
    let (collectives, lost) = match sorted {
        Ok(collectives) => (collectives, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let problem = lost.or(coverage.problem);
    if let Some(problem) = &problem {
        tracing::debug!(problem, servers = coverage.servers, "interest was not read in full");
    }
    InterestRead {
        complete: problem.is_none() && coverage.servers > 0,
        servers: coverage.servers,
        collectives,
        problem: problem.unwrap_or_default(),
        names,
    }
}

/// Whoever listens to exactly this subject is no gateway: those listen with wildcards.
async fn ask(monitors: &Monitors, subject: &str) -> Interest {
    let (listeners, coverage): (Vec<Listener>, _) = monitors.listeners(subject).await;
    match coverage.problem {
        _ if !listeners.is_empty() => Interest::Present,
        None if coverage.servers > 0 => Interest::Absent,
        None => Interest::Unknown,
        Some(problem) => {
            tracing::debug!(subject, problem, "not every server was asked");
            Interest::Unknown
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Gathered {
    collectives: BTreeMap<Collective, Found>,
    /// At most as many as were wanted.
    names: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Found {
    identities: Vec<IdentityHash>,
    agents: BTreeSet<Agent>,
    services: BTreeSet<Agent>,
}

impl Gathered {
    fn note(&mut self, subject: &str, wanted: &Wanted) {
        // Most subscriptions are of other kinds, or have wildcards, as those of gateways.
        let collective = subject.split('.').next().unwrap_or_default();
        if !wanted.collectives.contains(collective) {
            return;
        }
        let Ok(parsed) = Subject::parse(subject) else { return };
        match parsed {
            Subject::Node { collective, identity } => {
                let hash = IdentityHash::of(identity.as_str());
                self.collectives.entry(collective).or_default().identities.push(hash);
                if wanted.names.contains(&hash) {
                    self.names.insert(identity.to_string());
                }
            }
            Subject::Broadcast { collective, agent } => {
                self.collectives.entry(collective).or_default().agents.insert(agent);
            }
            Subject::Service { collective, agent } => {
                self.collectives.entry(collective).or_default().services.insert(agent);
            }
            Subject::Reply(_)
            | Subject::FederationRequest { .. }
            | Subject::FederationReply { .. }
            | Subject::Lifecycle { .. }
            | Subject::Other(_) => {}
        }
    }

    fn into_collectives(self) -> Vec<CollectiveInterest> {
        let ordered = |(collective, found): (Collective, Found)| {
            let Found { mut identities, agents, services } = found;
            identities.sort_unstable();
            identities.dedup();
            CollectiveInterest {
                collective,
                identities,
                agents: agents.into_iter().collect(),
                services: services.into_iter().collect(),
            }
        };
        self.collectives.into_iter().map(ordered).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_agents_and_services_are_told_apart() {
        let wanted = Wanted {
            collectives: ["mcollective".parse().unwrap()].into(),
            names: ["n1.example.net", "n3.example.net"].map(IdentityHash::of).into(),
        };
        let mut gathered = Gathered::default();
        for subject in [
            "mcollective.node.n1.example.net",
            "mcollective.node.n1.example.net",
            "mcollective.node.>",
            "mcollective.broadcast.agent.rpcutil",
            "mcollective.broadcast.agent.*",
            "mcollective.broadcast.service.registry",
            "mcollective.reply.x",
            "other.node.n2.example.net",
            "$SYS.REQ.USER.INFO",
        ] {
            gathered.note(subject, &wanted);
        }
        assert_eq!(gathered.names, ["n1.example.net".to_owned()].into());
        let found = gathered.into_collectives();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].identities, [IdentityHash::of("n1.example.net")]);
        assert_eq!(found[0].agents, ["rpcutil".parse().unwrap()]);
        assert_eq!(found[0].services, ["registry".parse().unwrap()]);
    }
}
