use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Mutex as Lock,
};

use antiphon_core::GatewayState;
use tokio::task::JoinSet;

use super::*;
use crate::testing::Authority;

/// Gateways joined by whichever links a test makes, in one process.
struct Net {
    fabric: RegionId,
    authority: Authority,
    members: BTreeMap<String, Running>,
    links: Arc<Lock<BTreeSet<(String, String)>>>,
    doors: Arc<Lock<BTreeMap<String, Arc<Gossip>>>>,
    tasks: JoinSet<()>,
}

struct Running {
    gossip: Arc<Gossip>,
    events: mpsc::Receiver<GossipEvent>,
    known: BTreeMap<String, Member>,
    refused: Vec<&'static str>,
    stop: CancellationToken,
    notary: Arc<Notary>,
}

impl Net {
    fn new() -> Self {
        Self {
            fabric: "acme".parse().unwrap(),
            authority: Authority::new(),
            members: BTreeMap::new(),
            links: Arc::default(),
            doors: Arc::default(),
            tasks: JoinSet::new(),
        }
    }

    fn start(&mut self, name: &str, incarnation: u64) {
        let notary = self.authority.notary(name);
        let identity = Identity {
            fabric: self.fabric.clone(),
            gateway: name.parse().unwrap(),
            incarnation: Incarnation(incarnation),
        };
        let carry = self.carry(name);
        let (gossip, driver, events) = gossip(identity, Arc::clone(&notary), carry);
        let gossip = Arc::new(gossip);
        let stop = CancellationToken::new();
        self.tasks.spawn(driver.run(stop.clone()));
        self.doors.lock().unwrap().insert(name.to_owned(), Arc::clone(&gossip));
        let (known, refused) = (BTreeMap::new(), Vec::new());
        let running = Running { gossip, events, known, refused, stop, notary };
        running.publish(&member(name, incarnation));
        self.members.insert(name.to_owned(), running);
    }

    /// Delivers what one member sends, where there is a link.
    fn carry(&self, from: &str) -> Carry {
        let (links, doors) = (Arc::clone(&self.links), Arc::clone(&self.doors));
        let from: GatewayId = from.parse().unwrap();
        Arc::new(move |gateway, message| {
            let pair = (from.to_string(), gateway.to_string());
            let linked = links.lock().unwrap().contains(&pair);
            let door = doors.lock().unwrap().get(gateway.as_str()).cloned();
            if let (true, Some(door)) = (linked, door) {
                door.receive(from.clone(), message);
            }
        })
    }

    fn link(&mut self, one: &str, other: &str) {
        for (from, to) in [(one, other), (other, one)] {
            self.links.lock().unwrap().insert((from.to_owned(), to.to_owned()));
            self.members[from].gossip.link_up(to.parse().unwrap());
        }
    }

    fn stop(&mut self, name: &str) {
        let running = self.members.remove(name).unwrap();
        running.stop.cancel();
        self.doors.lock().unwrap().remove(name);
        let linked: Vec<_> = self.links.lock().unwrap().iter().cloned().collect();
        for (from, to) in linked.iter().filter(|(_, to)| to == name) {
            self.links.lock().unwrap().remove(&(from.clone(), to.clone()));
            self.links.lock().unwrap().remove(&(to.clone(), from.clone()));
            if let Some(running) = self.members.get(from) {
                running.gossip.link_down(&to.parse().unwrap());
            }
        }
    }

    /// Lets virtual time pass until the condition holds; a minute of it is the limit.
    async fn until(&mut self, what: &str, condition: impl Fn(&Self) -> bool) {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        while !condition(self) {
            assert!(tokio::time::Instant::now() < deadline, "in vain: {what}");
            tokio::time::sleep(Duration::from_millis(100)).await;
            self.members.values_mut().for_each(Running::take_events);
        }
    }

    fn knows(&self, name: &str) -> BTreeSet<&str> {
        self.members[name].known.keys().map(String::as_str).collect()
    }
}

impl Running {
    fn publish(&self, member: &Member) {
        let sealed = self.notary.sign_endpoint(member.clone()).unwrap();
        self.gossip.publish(member, &sealed).unwrap();
    }

    fn take_events(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            match event {
                GossipEvent::MemberSeen(member) => {
                    self.known.insert(member.gateway.to_string(), member);
                }
                GossipEvent::MemberGone { gateway } => {
                    self.known.remove(gateway.as_str());
                }
                GossipEvent::Refused { kind, .. } => self.refused.push(kind),
                GossipEvent::Restarted { reason } => self.refused.push(reason.leak()),
            }
        }
    }
}

fn member(name: &str, incarnation: u64) -> Member {
    Member {
        gateway: name.parse().unwrap(),
        region: name.rsplit_once('-').unwrap().0.parse().unwrap(),
        incarnation: Incarnation(incarnation),
        endpoint: format!("{name}.example.net:7440").parse().unwrap(),
        state: GatewayState::Active,
        version: "0.1.0".to_owned(),
    }
}

const SIX: [&str; 6] = ["eu-1", "eu-2", "us-1", "us-2", "ap-1", "ap-2"];

async fn six_around_one_seed() -> Net {
    let mut net = Net::new();
    SIX.iter().for_each(|name| net.start(name, 1));
    SIX[1..].iter().for_each(|name| net.link("eu-1", name));
    net.until("all find all", |net| SIX.iter().all(|name| net.knows(name).len() == 5)).await;
    net
}

#[tokio::test(start_paused = true)]
async fn gateways_with_one_seed_find_all_others() {
    let net = six_around_one_seed().await;
    assert_eq!(net.knows("us-2"), ["ap-1", "ap-2", "eu-1", "eu-2", "us-1"].into());
    assert_eq!(net.members["us-2"].known["ap-1"], member("ap-1", 1));
    assert!(net.members.values().all(|running| running.refused.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_dead_member_is_gone_and_its_next_life_is_found() {
    let mut net = six_around_one_seed().await;
    net.stop("ap-2");
    net.until("all miss ap-2", |net| !SIX[..5].iter().any(|name| net.knows(name).contains("ap-2")))
        .await;
    net.start("ap-2", 2);
    net.link("eu-1", "ap-2");
    net.until("all know the new life", |net| {
        SIX[..5].iter().all(|name| {
            let known = net.members[*name].known.get("ap-2");
            known.is_some_and(|known| known.incarnation == Incarnation(2))
        })
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_state_reaches_everybody_once() {
    let mut net = six_around_one_seed().await;
    let draining = Member { state: GatewayState::Draining, ..member("us-1", 1) };
    net.members["us-1"].publish(&draining);
    let others = ["eu-1", "eu-2", "us-2", "ap-1", "ap-2"];
    net.until("all know", |net| {
        others.iter().all(|name| net.members[*name].known["us-1"] == draining)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_forged_record_is_counted_and_ignored() {
    let mut net = six_around_one_seed().await;
    let sealed = net.members["us-1"].notary.sign_endpoint(member("us-2", 1)).unwrap();
    net.members["us-1"].gossip.publish(&member("us-1", 1), &sealed).unwrap();
    net.until("all refuse", |net| {
        let others = ["eu-1", "eu-2", "us-2", "ap-1", "ap-2"];
        others.iter().all(|name| net.members[*name].refused == ["not-its-own"])
    })
    .await;
    assert!(!net.knows("eu-1").contains("us-1"));
}

#[tokio::test(start_paused = true)]
async fn a_foreign_fabric_stays_unknown() {
    let mut net = six_around_one_seed().await;
    net.fabric = "other".parse().unwrap();
    net.start("xx-1", 1);
    net.link("eu-1", "xx-1");
    let eu = Arc::clone(&net.members["eu-1"].gossip);
    let before = eu.status().traffic.received.load(Ordering::Relaxed);
    net.until("it has been heard", |net| {
        let received = &net.members["xx-1"].gossip.status().traffic.received;
        received.load(Ordering::Relaxed) > 10
            && eu.status().traffic.received.load(Ordering::Relaxed) > before + 10
    })
    .await;
    assert!(net.knows("xx-1").is_empty());
    assert!(SIX.iter().all(|name| !net.knows(name).contains("xx-1")));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_is_discarded_and_gossip_goes_on() {
    let mut net = six_around_one_seed().await;
    let eu = Arc::clone(&net.members["eu-1"].gossip);
    let from: GatewayId = "us-1".parse().unwrap();
    let nonsense = [vec![], vec![0xff; 40], vec![0; MESSAGE_BYTES_MAX + 1]];
    for message in nonsense {
        eu.receive(from.clone(), message.into());
    }
    net.until("it is counted", |_| eu.status().traffic.discarded.load(Ordering::Relaxed) == 3)
        .await;
    let draining = Member { state: GatewayState::Draining, ..member("us-1", 1) };
    net.members["us-1"].publish(&draining);
    net.until("news still arrive", |net| net.members["eu-1"].known["us-1"] == draining).await;
}

/// An ACK that pretends to know a newer state of a member, in chitchat's own format.
fn poison(gateway: &str, generation: u64, version: u64) -> Bytes {
    let text = |text: &str| {
        let length = u16::try_from(text.len()).unwrap().to_le_bytes();
        [&length, text.as_bytes()].concat()
    };
    let std::net::SocketAddr::V6(address) = literal(gateway) else { panic!("not IPv6") };
    let node = [
        vec![0],
        text(gateway),
        generation.to_le_bytes().to_vec(),
        [&[6], &address.ip().octets()[..], &address.port().to_le_bytes()].concat(),
        [0; 16].to_vec(),
    ]
    .concat();
    let key = [vec![1], text("state"), text("left"), version.to_le_bytes().to_vec(), vec![0]];
    let ops = [node, key.concat()].concat();
    let length = u16::try_from(ops.len()).unwrap().to_le_bytes();
    [&[0x53, 0xb0, 0, 2, 2][..], &length, &ops, &[0]].concat().into()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_changes_our_state_is_overruled() {
    let mut net = six_around_one_seed().await;
    let us = Arc::clone(&net.members["us-1"].gossip);
    us.receive("eu-1".parse().unwrap(), poison("us-1", 1, 50));
    let draining = Member { state: GatewayState::Draining, ..member("us-1", 1) };
    net.members["us-1"].publish(&draining);
    net.until("the others still hear us", |net| {
        net.members["ap-1"].known.get("us-1") == Some(&draining)
    })
    .await;
    assert_eq!(us.status().restarts.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_spoils_our_state_costs_one_restart() {
    let mut net = six_around_one_seed().await;
    let us = Arc::clone(&net.members["us-1"].gossip);
    us.receive("eu-1".parse().unwrap(), poison("us-1", 1, u64::MAX));
    net.until("gossip starts anew", |_| us.status().restarts.load(Ordering::Relaxed) == 1).await;
    let reason = "somebody pushed our own state to an absurd version";
    assert_eq!(net.members["us-1"].refused, [reason]);
    let draining = Member { state: GatewayState::Draining, ..member("us-1", 1) };
    net.members["us-1"].publish(&draining);
    net.until("the others hear of it", |net| {
        net.members["ap-1"].known.get("us-1") == Some(&draining)
    })
    .await;
}

#[test]
fn a_member_with_an_rsa_certificate_fits_the_budget() {
    let authority = Authority::new();
    let notary = authority.notary("eu-1");
    let sealed = notary.sign_endpoint(member("eu-1", u64::MAX)).unwrap();
    // An RSA certificate of 2048 bits is about 600 bytes larger than one on P-256, the signature
    // 190 bytes; twice that leaves room for names.
    let grown = [sealed.as_ref(), &[0; 1600]].concat();
    assert!(record::keys(&"acme".parse().unwrap(), &member("eu-1", 1), &grown.into()).is_ok());
}
