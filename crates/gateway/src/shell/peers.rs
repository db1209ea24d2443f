//! The links that are up, as far as the shell needs to know them: above all when their certificates
//! end.
//!
//! A link does not outlive its certificates. Whoever dialled it sets up another before they end, and
//! as soon as his own are renewed; the new one takes over, then the old one is closed.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{Endpoint, GatewayId, Hello, LinkId};
use antiphon_identity::CertificateDer;

use crate::link::Shown;

/// How long before the end of its certificates a link is set up anew, at the most.
const MARGIN: Duration = Duration::from_secs(60);
/// With less time left nothing is tried any more.
const TOO_LATE: Duration = Duration::from_secs(2);
/// How long a link may stay whose peer has shown what we believe no more, while we ask for its
/// present certificate.
const GRACE: Duration = Duration::from_secs(10);
/// Between the links that are set up anew together: each costs a handshake on both sides.
const STAGGER: Duration = Duration::from_millis(20);

/// Links that are up. As many as the links' adapter has.
#[derive(Debug, Default)]
pub(super) struct Peers {
    links: BTreeMap<LinkId, Peer>,
    handovers: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) hello: Hello,
    /// Whether we dialled, and so have to dial again.
    pub(super) dialled: bool,
    pub(super) shown: Shown,
    /// When to dial again, since 1970-01-01 UTC; `None`: not by ourselves.
    renewal: Option<Duration>,
    /// When to close it, since 1970-01-01 UTC; `None` once that has been ordered.
    end: Option<Duration>,
}

/// What is due.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    /// Gateways to dial again, and where.
    pub(super) renew: Vec<(GatewayId, Endpoint)>,
    /// Links whose certificates have ended.
    pub(super) close: Vec<LinkId>,
}

impl Peers {
    /// A link came up at `now`.
    pub(super) fn add(
        &mut self,
        link: LinkId,
        hello: Hello,
        dialled: bool,
        shown: Shown,
        now: Duration,
    ) {
        let another = |peer: &Peer| peer.hello.gateway == hello.gateway;
        self.handovers += u64::from(self.links.values().any(another));
        let end = Some(shown.not_after);
        // The shorter the certificates live, the later: a certificate of minutes is renewed in minutes.
        let margin = (shown.not_after.saturating_sub(now) / 4).min(MARGIN);
        let renewal = dialled.then(|| shown.not_after.saturating_sub(margin));
        self.links.insert(link, Peer { hello, dialled, shown, renewal, end });
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<GatewayId> {
        self.links.remove(&link).map(|peer| peer.hello.gateway)
    }

    /// Times that a link came up beside another one to the same gateway.
    pub(super) fn handovers(&self) -> u64 {
        self.handovers
    }

    /// When the first certificate that the peer has shown ends, since 1970-01-01 UTC.
    pub(super) fn certificate_end(&self, link: LinkId) -> Option<Duration> {
        self.links.get(&link)?.shown.peer_not_after
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Our certificate is renewed: every link that we dialled is set up anew, one after the other.
    pub(super) fn renew_all(&mut self, now: Duration) {
        let mut at = now;
        for peer in self.links.values_mut().filter(|peer| peer.dialled && peer.end.is_some()) {
            peer.renewal = Some(at);
            at += STAGGER;
        }
    }

    /// When something is due, since 1970-01-01 UTC.
    pub(super) fn next_deadline(&self) -> Option<Duration> {
        self.links.values().flat_map(|peer| [peer.renewal, peer.end]).flatten().min()
    }

    /// What is due now; each link to close is returned once, one to renew again as long as it stands,
    /// at half of the time that it has left.
    pub(super) fn due(&mut self, now: Duration) -> Due {
        let mut due = Due::default();
        for (link, peer) in &mut self.links {
            if peer.end.is_some_and(|end| end <= now) {
                (peer.end, peer.renewal) = (None, None);
                due.close.push(*link);
            } else if peer.renewal.is_some_and(|renewal| renewal <= now) {
                let left = peer.end.unwrap_or(peer.shown.not_after).saturating_sub(now);
                peer.renewal = (left > TOO_LATE).then(|| now + left / 2);
                due.renew.push((peer.hello.gateway.clone(), peer.hello.endpoint.clone()));
            }
        }
        due
    }

    /// Links whose peer is none of ours any more, by what it has shown, that are to end `at_once`; each is
    /// returned once.
    ///
    /// Others may stand between certificates that were renewed since: whoever dialled has [`GRACE`] to set
    /// them up anew.
    pub(super) fn disowned<E>(
        &mut self,
        now: Duration,
        verify: impl Fn(&[CertificateDer<'static>]) -> Result<(), E>,
        at_once: impl Fn(&E) -> bool,
    ) -> Vec<(LinkId, GatewayId, E)> {
        let mut disowned = Vec::new();
        for (link, peer) in &mut self.links {
            let Some(end) = peer.end else { continue };
            let refused = peer.shown.chains.iter().find_map(|chain| verify(chain).err());
            let Some(error) = refused else { continue };
            if at_once(&error) {
                (peer.end, peer.renewal) = (None, None);
                disowned.push((*link, peer.hello.gateway.clone(), error));
            } else {
                peer.renewal = peer.dialled.then_some(now);
                peer.end = Some(end.min(now + GRACE));
            }
        }
        disowned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn peers(dialled: bool, now: Duration, not_after: Duration) -> Peers {
        let mut peers = Peers::default();
        let shown = Shown { chains: vec![Vec::new()], peer_not_after: None, not_after };
        peers.add(LinkId(1), crate::testing::hello("us-1"), dialled, shown, now);
        peers
    }

    fn renewed(peers: &mut Peers, now: Duration) -> bool {
        !peers.due(now).renew.is_empty()
    }

    #[test]
    fn whoever_dialled_dials_again_before_the_certificates_end() {
        let mut peers = peers(true, Duration::ZERO, HOUR);
        assert_eq!(peers.next_deadline(), Some(HOUR - MARGIN));
        assert!(!renewed(&mut peers, HOUR - 2 * MARGIN));
        assert!(renewed(&mut peers, HOUR - MARGIN));
        assert!(!renewed(&mut peers, HOUR - MARGIN), "once");
        assert!(renewed(&mut peers, HOUR - MARGIN / 2), "again while the old one stands");
    }

    #[test]
    fn a_link_is_closed_once_when_its_certificates_have_ended() {
        let mut peers = peers(false, Duration::ZERO, HOUR);
        assert_eq!(peers.next_deadline(), Some(HOUR), "the other side dials again");
        let due = Due { renew: Vec::new(), close: vec![LinkId(1)] };
        assert_eq!(peers.due(HOUR), due);
        assert_eq!(peers.due(HOUR), Due::default());
        assert_eq!(peers.next_deadline(), None);
        assert_eq!(peers.remove(LinkId(1)).unwrap().as_str(), "us-1");
    }

    #[test]
    fn with_certificates_of_minutes_the_margin_is_a_quarter() {
        let peers = peers(true, HOUR - MARGIN, HOUR);
        assert_eq!(peers.next_deadline(), Some(HOUR - MARGIN / 4));
    }

    #[test]
    fn a_renewed_certificate_renews_the_links_that_we_dialled() {
        let mut ours = peers(true, Duration::ZERO, HOUR);
        ours.renew_all(MARGIN);
        assert!(renewed(&mut ours, MARGIN));
        let mut theirs = peers(false, Duration::ZERO, HOUR);
        theirs.renew_all(MARGIN);
        assert!(!renewed(&mut theirs, MARGIN));
    }

    #[test]
    fn a_peer_that_is_none_of_ours_any_more_is_found_once() {
        let mut peers = peers(true, Duration::ZERO, HOUR);
        assert!(peers.disowned(MARGIN, |_| Ok::<_, &str>(()), |_| true).is_empty());
        let refuse = |_: &[CertificateDer<'static>]| Err("revoked");
        let found = peers.disowned(MARGIN, refuse, |_| true);
        assert_eq!(found, [(LinkId(1), "us-1".parse().unwrap(), "revoked")]);
        assert!(peers.disowned(MARGIN, refuse, |_| true).is_empty());
    }

    #[test]
    fn one_that_may_have_renewed_is_dialled_again_before_its_link_ends() {
        let mut ours = peers(true, Duration::ZERO, HOUR);
        let refuse = |_: &[CertificateDer<'static>]| Err("untrusted");
        assert!(ours.disowned(MARGIN, refuse, |_| false).is_empty());
        assert!(renewed(&mut ours, MARGIN));
        assert_eq!(ours.due(MARGIN + GRACE).close, [LinkId(1)]);
        let mut theirs = peers(false, Duration::ZERO, HOUR);
        assert!(theirs.disowned(MARGIN, refuse, |_| false).is_empty());
        let due = theirs.due(MARGIN + GRACE);
        assert_eq!((due.renew, due.close), (Vec::new(), vec![LinkId(1)]), "the other side dials");
    }
}
