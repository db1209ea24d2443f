//! The links that are up, as far as the shell needs to know them: above all when their certificates
//! end.
//!
//! A link does not outlive its certificates. Whoever dialled it sets up another as soon as his own
//! certificate is renewed, and when that of the other side should have been: only a handshake shows
//! its new one. The new link takes over, then the old one is closed.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{Endpoint, GatewayId, Hello, LinkId};
use antiphon_identity::CertificateDer;

use crate::{certificates::Lifetime, link::Shown};

/// How long before the end of its certificates a link is set up anew, at the most.
const MARGIN: Duration = Duration::from_secs(60);
/// With this part of its life left a peer's certificate should have been renewed, which is due at a third.
const SHOULD_BE_RENEWED: u32 = 4;
/// While a peer shows the same certificate still, it is asked again each time that this part is gone of
/// what is left: at a sixth of its life next, some 40 times in a year.
const ASK_AGAIN: u32 = 3;
/// The first pause after a link that was to be set up anew has not come up; the next is twice as long.
const PAUSE: Duration = Duration::from_secs(5);
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
    /// How often it was dialled again.
    dials: u32,
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
        let renewal = dialled.then(|| renewal(&shown, now));
        self.links.insert(link, Peer { hello, dialled, shown, renewal, dials: 0, end });
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<GatewayId> {
        self.links.remove(&link).map(|peer| peer.hello.gateway)
    }

    /// Times that a link came up beside another one to the same gateway.
    pub(super) fn handovers(&self) -> u64 {
        self.handovers
    }

    /// How long that certificate is good which ends first of those that the peer has shown.
    pub(super) fn certificate(&self, link: LinkId) -> Option<Lifetime> {
        self.links.get(&link)?.shown.peer
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
    /// after longer and longer pauses, but before it ends.
    pub(super) fn due(&mut self, now: Duration) -> Due {
        let mut due = Due::default();
        for (link, peer) in &mut self.links {
            if peer.end.is_some_and(|end| end <= now) {
                (peer.end, peer.renewal) = (None, None);
                due.close.push(*link);
            } else if peer.renewal.is_some_and(|renewal| renewal <= now) {
                let left = peer.end.unwrap_or(peer.shown.not_after).saturating_sub(now);
                peer.renewal = (left > TOO_LATE).then(|| now + pause(peer.dials).min(left / 2));
                peer.dials += 1;
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

/// When a link that we dialled, and that came up at `now`, is to be set up anew.
fn renewal(shown: &Shown, now: Duration) -> Duration {
    // The shorter the certificates live, the later: a certificate of minutes is renewed in minutes.
    let margin = (shown.not_after.saturating_sub(now) / 4).min(MARGIN);
    let last = shown.not_after.saturating_sub(margin);
    shown.peer.map_or(last, |peer| theirs(peer, now).min(last))
}

/// When a peer that has shown this certificate at `now` is asked for its next one.
fn theirs(peer: Lifetime, now: Duration) -> Duration {
    let part = peer.life.unwrap_or_default() / SHOULD_BE_RENEWED;
    let due = peer.end.saturating_sub(part);
    if now < due { due } else { now + peer.left(now) / ASK_AGAIN }
}

fn pause(dials: u32) -> Duration {
    PAUSE.saturating_mul(2u32.saturating_pow(dials))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);
    const TICK: Duration = Duration::from_millis(1);

    fn peers(dialled: bool, now: Duration, not_after: Duration) -> Peers {
        let mut peers = Peers::default();
        let shown = Shown { chains: vec![Vec::new()], peer: None, not_after };
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
        assert!(!renewed(&mut peers, HOUR - MARGIN + PAUSE - TICK));
        assert!(renewed(&mut peers, HOUR - MARGIN + PAUSE), "again while the old one stands");
        assert!(!renewed(&mut peers, HOUR - MARGIN + PAUSE * 3 - TICK), "after twice as long");
        assert!(renewed(&mut peers, HOUR - MARGIN + PAUSE * 3));
    }

    /// When a link to a peer is set up anew that shows a certificate of 72 hours, and shows it still each
    /// time: what is left then, in parts of its life.
    fn asked(not_after: Duration) -> Vec<f64> {
        let life = HOUR * 72;
        let peer = Some(Lifetime { end: life, life: Some(life) });
        let mut peers = Peers::default();
        let mut now = Duration::ZERO;
        let mut asked = Vec::new();
        for round in 0..40 {
            let shown = Shown { chains: vec![Vec::new()], peer, not_after };
            peers.add(LinkId(round), crate::testing::hello("us-1"), true, shown, now);
            now = peers.next_deadline().unwrap();
            let due = peers.due(now);
            if due.renew.is_empty() {
                return asked;
            }
            asked.push((life - now).as_secs_f64() / life.as_secs_f64());
            peers.remove(LinkId(round));
        }
        asked
    }

    #[test]
    fn a_peer_is_asked_for_its_next_certificate_when_a_quarter_of_its_life_is_left() {
        let asked = asked(HOUR * 720);
        assert!((asked[0] - 0.25).abs() < 1e-6, "{asked:?}");
        assert!((asked[1] - 1.0 / 6.0).abs() < 1e-6, "{asked:?}");
        assert!(asked.is_sorted_by(|one, next| one > next), "{asked:?}");
        assert!((asked[39] - 0.25 * (2.0f64 / 3.0).powi(39)).abs() < 1e-6, "{asked:?}");
    }

    #[test]
    fn our_own_end_still_counts_where_a_peer_has_longer() {
        let asked = asked(HOUR);
        let ours = (HOUR * 71 + MARGIN).as_secs_f64() / (HOUR * 72).as_secs_f64();
        assert!((asked[0] - ours).abs() < 1e-6, "{asked:?}");
    }

    #[test]
    fn who_accepted_asks_nobody() {
        let mut peers = Peers::default();
        let peer = Some(Lifetime { end: HOUR, life: Some(HOUR) });
        let shown = Shown { chains: vec![Vec::new()], peer, not_after: HOUR };
        peers.add(LinkId(1), crate::testing::hello("us-1"), false, shown, Duration::ZERO);
        assert_eq!(peers.next_deadline(), Some(HOUR), "the end");
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
