//! The links that are up, as far as the shell needs to know them.

use std::{collections::BTreeMap, time::Duration};

use antiphon_core::{GatewayId, LinkId};

/// How long before the end of its certificates a link is closed, to be set up anew with renewed
/// ones.
const MARGIN: Duration = Duration::from_secs(60);

/// Links that are up. As many as the links' adapter has.
#[derive(Debug, Default)]
pub(super) struct Peers {
    links: BTreeMap<LinkId, Peer>,
}

#[derive(Debug)]
struct Peer {
    gateway: GatewayId,
    /// When to close it, since 1970-01-01 UTC; `None` once that has been ordered.
    end: Option<Duration>,
}

impl Peers {
    /// A link came up at `now`; the earlier of both certificates ends at `not_after`.
    ///
    /// A link whose certificates end within the margin was set up with ones that were not renewed:
    /// it lives to their very end, instead of being closed as soon as it is up.
    pub(super) fn add(
        &mut self,
        link: LinkId,
        gateway: GatewayId,
        now: Duration,
        not_after: Duration,
    ) {
        let early = not_after.saturating_sub(MARGIN);
        let end = Some(if early > now { early } else { not_after });
        self.links.insert(link, Peer { gateway, end });
    }

    pub(super) fn remove(&mut self, link: LinkId) -> Option<GatewayId> {
        self.links.remove(&link).map(|peer| peer.gateway)
    }

    pub(super) fn links(&self) -> impl Iterator<Item = LinkId> {
        self.links.keys().copied()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// When the next link is to be closed, since 1970-01-01 UTC.
    pub(super) fn next_end(&self) -> Option<Duration> {
        self.links.values().filter_map(|peer| peer.end).min()
    }

    /// Links that are to be closed now; each is returned once.
    pub(super) fn ending(&mut self, now: Duration) -> Vec<LinkId> {
        let due = self.links.iter_mut().filter(|(_, peer)| peer.end.is_some_and(|end| end <= now));
        due.map(|(link, peer)| {
            peer.end = None;
            *link
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn peers(now: Duration, not_after: Duration) -> Peers {
        let mut peers = Peers::default();
        peers.add(LinkId(1), "us-1".parse().unwrap(), now, not_after);
        peers
    }

    #[test]
    fn a_link_is_closed_once_before_its_certificates_end() {
        let mut peers = peers(Duration::ZERO, HOUR);
        assert_eq!(peers.next_end(), Some(HOUR - MARGIN));
        assert!(peers.ending(HOUR - 2 * MARGIN).is_empty());
        assert_eq!(peers.ending(HOUR - MARGIN), [LinkId(1)]);
        assert!(peers.ending(HOUR).is_empty());
        assert_eq!(peers.next_end(), None);
        assert_eq!(peers.remove(LinkId(1)).unwrap().as_str(), "us-1");
    }

    #[test]
    fn a_link_with_certificates_about_to_end_lives_to_their_end() {
        let peers = peers(HOUR - Duration::from_secs(5), HOUR);
        assert_eq!(peers.next_end(), Some(HOUR));
    }
}
