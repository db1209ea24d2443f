//! The links' words and the core's.

use antiphon_core::Event;

use super::Shell;
use crate::link::{LinkCommand, LinkEvent};

impl Shell {
    pub(super) fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { link, peer, dialed, not_after } => {
                let gateway = peer.gateway.clone();
                self.peers.add(link, gateway.clone(), self.clock.now().unix, not_after);
                self.troubles.linked(&gateway, dialed.as_ref());
                self.gossip.link_up(gateway);
                self.drive(Event::LinkUp { link, peer, dialed });
            }
            LinkEvent::Down { link, reason } => {
                if let Some(gateway) = self.peers.remove(link) {
                    self.gossip.link_down(&gateway);
                }
                self.drive(Event::LinkDown { link, reason });
            }
            LinkEvent::DialFailed { target, failure } => {
                tracing::debug!(?target, ?failure, "dial failed");
                let endpoint = self.endpoint_of(&target).to_string();
                let now = self.clock.now().unix;
                self.troubles.dial_failed(&target, endpoint, &failure, now);
                self.drive(Event::DialFailed { target, failure });
            }
            LinkEvent::Refused { kind, detail } => self.refused("link", &kind, &detail),
            LinkEvent::Heard { link, connection } => {
                self.drive(Event::Heard { link, connection });
            }
            LinkEvent::Ping { link, connection, nonce } => {
                self.drive(Event::Ping { link, connection, nonce });
            }
            LinkEvent::Pong { link, connection, nonce } => {
                self.drive(Event::Pong { link, connection, nonce });
            }
            LinkEvent::Control { link, message } => self.drive(Event::FromPeer { link, message }),
            LinkEvent::AdvertsRefused { link, kinds } => {
                for kind in kinds {
                    self.refused("advert", &kind, &format!("by way of link {link}"));
                }
            }
            LinkEvent::Frame { link, epoch, number, weight, frame } => {
                self.drive(Event::Frame { link, epoch, number, weight, frame });
            }
            LinkEvent::Gossip { gateway, message } => self.gossip.receive(gateway, message),
        }
    }

    /// A link does not outlive its certificates: it is closed before, and the core dials anew.
    pub(super) fn close_ending_links(&mut self) {
        for link in self.peers.ending(self.clock.now().unix) {
            let reason = "its certificates end".to_owned();
            self.links.submit(LinkCommand::Close { link, reason });
        }
    }
}
