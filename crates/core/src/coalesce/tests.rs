//! Against a slow model: a list of copies, in which nothing is ever gathered.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// One message: which client, which of its payloads, for which node.
type Message = (u8, u8, u8);

#[derive(Clone, Debug)]
enum Step {
    /// A directed request that may be gathered.
    Directed(Message),
    /// Something else with the client's reply subject.
    Other(u8),
    /// Nothing more waits.
    Idle,
    /// Time passes, in milliseconds.
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..40_u8, 0..2_u8, 0..6_u8).prop_map(Step::Directed),
        4 => (0..2_u8, 0..1_u8, any::<u8>()).prop_map(Step::Directed),
        1 => (0..2_u8).prop_map(Step::Other),
        1 => Just(Step::Idle),
        1 => (0..3_u64).prop_map(Step::Wait),
    ]
}

/// What leaves: for each client and region, in order, its payload and node; `None` for something else.
type Left = BTreeMap<u8, BTreeMap<RegionId, Vec<Option<(u8, String)>>>>;

#[derive(Default)]
struct Gathered {
    left: Left,
    largest: usize,
}

impl Gathered {
    fn take(&mut self, batch: Batch<(u8, u8)>) {
        let (client, payload) = batch.read;
        let left = self.left.entry(client).or_default();
        for (region, identities) in batch.identities {
            self.largest = self.largest.max(identities.len());
            let messages = identities.into_iter().map(|one| Some((payload, one)));
            left.entry(region).or_default().extend(messages);
        }
    }

    fn other(&mut self, client: u8) {
        note_other(&mut self.left, client);
    }
}

/// Something else goes to both regions.
fn note_other(left: &mut Left, client: u8) {
    for region in regions(0) {
        left.entry(client).or_default().entry(region).or_default().push(None);
    }
}

fn identity(number: usize) -> String {
    format!("n{number}.example.net")
}

/// Nodes are in one region, in the other, or nobody knows.
fn regions(node: u8) -> Vec<RegionId> {
    let names: &[&str] = match node % 3 {
        0 => &["us", "ap"],
        1 => &["us"],
        _ => &["ap"],
    };
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn payload(client: u8, payload: u8) -> Bytes {
    Bytes::from(format!("{client} says {payload}"))
}

fn directed(
    coalescer: &mut Coalescer<(u8, u8)>,
    (client, text, node): Message,
    now: Duration,
    out: &mut Gathered,
) {
    let payload = payload(client, text);
    if let Some(batch) = coalescer.like(&payload) {
        assert_eq!(batch.read, (client, text));
    }
    let (reply_to, identity) = (format!("reply.{client}"), identity(node.into()));
    let regions = regions(node);
    let copy = Copy { payload, reply_to: &reply_to, identity: &identity, regions: &regions };
    for batch in coalescer.add(&copy, now, || (client, text)).into_iter().flatten() {
        out.take(batch);
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_doubled_and_each_client_keeps_its_order(
        steps in proptest::collection::vec(step(), 0..200),
    ) {
        let mut coalescer = Coalescer::new();
        let mut out = Gathered::default();
        let mut expected = Left::new();
        let mut now = Duration::ZERO;
        for step in steps {
            match step {
                Step::Directed(message) => {
                    let (client, text, node) = message;
                    let one = Some((text, identity(node.into())));
                    for region in regions(node) {
                        let left = expected.entry(client).or_default();
                        left.entry(region).or_default().push(one.clone());
                    }
                    directed(&mut coalescer, message, now, &mut out);
                }
                Step::Other(client) => {
                    note_other(&mut expected, client);
                    if let Some(batch) = coalescer.close(&format!("reply.{client}")) {
                        out.take(batch);
                    }
                    out.other(client);
                }
                Step::Idle => {
                    while let Some(batch) = coalescer.close_next() {
                        out.take(batch);
                    }
                    prop_assert!(coalescer.is_empty());
                }
                Step::Wait(time) => {
                    now += Duration::from_millis(time);
                    while let Some(batch) = coalescer.close_due(now) {
                        out.take(batch);
                    }
                    prop_assert!(coalescer.next_deadline().is_none_or(|at| at > now));
                }
            }
            prop_assert!(coalescer.open.len() <= OPEN_MAX);
        }
        while let Some(batch) = coalescer.close_next() {
            out.take(batch);
        }
        prop_assert_eq!(out.left, expected);
    }
}

#[test]
fn copies_are_one_batch_until_it_is_full() {
    let (mut coalescer, mut out) = (Coalescer::new(), Gathered::default());
    let regions = regions(1);
    for number in 0..IDENTITIES_MAX {
        assert_eq!(out.largest, 0);
        let (payload, identity) = (payload(1, 1), identity(number));
        let copy = Copy { payload, reply_to: "reply.1", identity: &identity, regions: &regions };
        for batch in coalescer.add(&copy, Duration::ZERO, || (1, 1)).into_iter().flatten() {
            out.take(batch);
        }
    }
    assert_eq!(out.largest, IDENTITIES_MAX);
    assert!(coalescer.is_empty());
}
