//! Gossip as its effect: each observer learns of each change after a delay of its own.

use std::{collections::BTreeSet, time::Duration};

use antiphon_core::{Endpoint, Event, GatewayState, Hello, Member};

use super::{Happening, Slot, World};

/// How long news take to reach one observer.
const NEWS: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(3));
/// How long it takes one observer to give a silent member up.
const LOSS: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(20));

impl World {
    /// Everybody hears of a place that started or changed, and it of everybody.
    pub(super) fn spread_news(&mut self, about: Slot) {
        for other in self.slots().filter(|one| *one != about) {
            let delay = self.chance.gossip.between(NEWS.0, NEWS.1);
            self.after(delay, Happening::Gossip { observer: other, about });
            let delay = self.chance.gossip.between(NEWS.0, NEWS.1);
            self.after(delay, Happening::Gossip { observer: about, about: other });
        }
    }

    /// Everybody notices at some time that a place fell silent.
    pub(super) fn spread_loss(&mut self, about: Slot) {
        for observer in self.slots().filter(|one| *one != about) {
            self.suspect(observer, about);
        }
    }

    /// An observer will look at a member again after a while.
    pub(super) fn suspect(&mut self, observer: Slot, about: Slot) {
        let delay = self.chance.gossip.between(LOSS.0, LOSS.1);
        self.after(delay, Happening::Gossip { observer, about });
    }

    pub(super) fn gossip(&mut self, observer: Slot, about: Slot) {
        if !self.process(observer).is_alive() {
            return;
        }
        let life = self.process(observer).life;
        let before = self.told.get(&(observer, about)).filter(|(to, _)| *to == life).copied();
        let alive = self.process(about).answers();
        let heard = alive && self.is_connected(observer, about);
        match (self.member(about), before) {
            (Some(member), _) if heard => {
                self.told.insert((observer, about), (life, member.incarnation));
                self.tell(observer, Duration::ZERO, Event::MemberSeen(member));
            }
            (Some(_), None) if alive => self.suspect(observer, about),
            (Some(member), Some(_)) => {
                self.told.remove(&(observer, about));
                let gateway = member.gateway;
                self.tell(observer, Duration::ZERO, Event::MemberGone { gateway });
                if alive {
                    self.suspect(observer, about);
                }
            }
            (Some(_), None) | (None, _) => {}
        }
    }

    /// Gossip tells a gateway of a member that there is not.
    pub fn forge(&mut self, slot: Slot, member: &Member) {
        self.tell(slot, Duration::ZERO, Event::MemberSeen(member.clone()));
    }

    /// Whether bytes can get from one place to the other by way of living gateways.
    fn is_connected(&self, from: Slot, to: Slot) -> bool {
        if self.network.passes(from, to) {
            return true;
        }
        let mut reached = BTreeSet::from([from]);
        let mut frontier = vec![from];
        while let Some(at) = frontier.pop() {
            for next in self.slots() {
                let fresh = !reached.contains(&next) && self.process(next).answers();
                if fresh && self.network.passes(at, next) {
                    reached.insert(next);
                    frontier.push(next);
                }
            }
        }
        reached.contains(&to)
    }

    fn member(&self, slot: Slot) -> Option<Member> {
        let hello = self.hello(slot)?;
        Some(Member {
            gateway: hello.gateway,
            region: hello.region,
            incarnation: hello.incarnation,
            endpoint: hello.endpoint,
            state: GatewayState::Active,
            version: hello.version,
        })
    }

    pub(super) fn hello(&self, slot: Slot) -> Option<Hello> {
        let process = self.process(slot);
        let endpoint: Endpoint = format!("{}:7440", process.name).parse().ok()?;
        Some(Hello {
            region: process.config.region.clone(),
            gateway: process.config.gateway.clone(),
            incarnation: process.config.incarnation,
            version: "0.1.0".to_owned(),
            endpoint,
        })
    }
}
