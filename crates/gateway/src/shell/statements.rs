//! What the shell has signed and verified. A signature takes less than a millisecond even with RSA,
//! and statements are a few a second at most: no pool is needed, and their order stays.

use antiphon_core::{AdvertContent, AdvertDraft, Beacon, Event};
use antiphon_identity::Credentials;
use bytes::Bytes;

use super::{Shell, TrustFacts, expiry::EndsSoon};
use crate::certificates::Nearness;

impl Shell {
    /// Signs an advert. A change of our state in it is published by gossip too.
    pub(super) fn originate(&mut self, draft: AdvertDraft) -> Option<Event> {
        if let AdvertContent::Topology(topology) = &draft.content
            && topology.state != self.member.state
        {
            self.member.state = topology.state;
            self.publish_member();
        }
        match self.notary.sign_advert(draft) {
            Ok(advert) => Some(Event::Originated { advert }),
            Err(error) => {
                tracing::error!(%error, "an advert could not be signed");
                None
            }
        }
    }

    /// Publishes our endpoint record by gossip.
    pub(super) fn publish_member(&self) {
        let sealed = match self.notary.sign_endpoint(self.member.clone()) {
            Ok(sealed) => sealed,
            Err(error) => {
                tracing::error!(%error, "the endpoint record could not be signed");
                return;
            }
        };
        if let Err(error) = self.gossip.publish(&self.member, &sealed) {
            tracing::error!(%error, "the endpoint record could not be published");
        }
    }

    pub(super) fn publish_beacon(&mut self, subject: String, beacon: Beacon) {
        match self.notary.sign_beacon(beacon) {
            Ok(sealed) => self.broker.publish_beacon(subject, sealed),
            Err(error) => tracing::error!(%error, "a beacon could not be signed"),
        }
    }

    pub(super) fn on_beacon(&mut self, sealed: Bytes) {
        match self.notary.open_beacon(sealed) {
            Ok(beacon) => self.drive(Event::BeaconHeard(beacon)),
            Err(refused) => self.refused("beacon", refused.kind(), &refused.to_string()),
        }
    }

    /// Tells of certificates of ours that end soon.
    pub(super) fn warn_of_ends(&mut self) {
        let certificates = &self.certificates;
        for EndsSoon { certificate, left, nearness } in
            self.expiry.look(self.clock.now().unix, || certificates.all())
        {
            let (of, file) = (certificate.of.as_str(), &certificate.file);
            let (end, days) = (&certificate.not_after_date, left.as_secs() / 86_400);
            match nearness {
                Nearness::Month | Nearness::Week => {
                    tracing::warn!(of, file, end, days, "a certificate ends soon");
                }
                Nearness::Day => tracing::error!(of, file, end, days, "a certificate ends"),
            }
        }
    }

    /// Renewed credentials serve from here on; what we said before stays good until the old ones
    /// end, and is said again at the next refresh.
    pub(super) fn on_renewed(&mut self, credentials: Credentials) {
        let not_after = antiphon_identity::Date(credentials.not_after());
        tracing::info!(%not_after, "certificate renewed");
        let callers = self.vetting.callers();
        self.trust = TrustFacts::of(&self.config, &credentials, callers.as_deref());
        self.close_disowned_links(&credentials);
        let same = credentials.fingerprint() == self.notary.credentials().fingerprint();
        self.notary.renew(credentials);
        if !same {
            self.peers.renew_all(self.clock.now().unix);
        }
        self.publish_member();
    }
}
