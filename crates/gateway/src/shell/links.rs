//! The links' words and the core's.

use std::sync::Arc;

use antiphon_core::{DialTarget, Event};
use antiphon_identity::{CertificateDer, Credentials, IdentityError, Purpose, UnixTime};

use super::Shell;
use crate::link::{LinkCommand, LinkEvent};

impl Shell {
    pub(super) fn on_link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { link, peer, dialed, shown } => {
                let gateway = peer.gateway.clone();
                let now = self.clock.now().unix;
                self.peers.add(link, peer.clone(), dialed.is_some(), shown, now);
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

    /// A link does not outlive its certificates. What is dialled here comes up beside the link that
    /// there is, and the core lets it take over.
    pub(super) fn tend_certificates(&mut self) {
        let due = self.peers.due(self.clock.now().unix);
        for (gateway, endpoint) in due.renew {
            tracing::debug!(%gateway, %endpoint, "a link is set up anew for its certificates");
            let target = DialTarget::Member { gateway, endpoint };
            let endpoint = self.endpoint_of(&target);
            self.links.submit(LinkCommand::Dial { target, endpoint });
        }
        for link in due.close {
            let reason = "its certificates have ended, or are believed no more".to_owned();
            self.links.submit(LinkCommand::Close { link, reason });
        }
    }

    /// Whom we believe has changed: links to those whom we believe no more are closed.
    pub(super) fn close_disowned_links(&mut self, credentials: &Credentials) {
        let notary = Arc::clone(&self.notary);
        let names = notary.names();
        let now = UnixTime::since_unix_epoch(self.clock.now().unix);
        let verify = |chain: &[CertificateDer<'static>]| {
            let (leaf, rest) = chain.split_first().ok_or(IdentityError::NoCertificate)?;
            credentials.trust().verify(leaf, rest, now, Purpose::Statement)?;
            names.identify(leaf).map(|_| ())
        };
        let at_once = |error: &IdentityError| *error == IdentityError::Revoked;
        let unix = self.clock.now().unix;
        for (link, gateway, error) in self.peers.disowned(unix, verify, at_once) {
            let detail = format!("{gateway}: {error}");
            self.refused("link", error.kind(), &detail);
            let reason = format!("its certificate is accepted no more: {error}");
            self.links.submit(LinkCommand::Close { link, reason });
        }
    }
}
