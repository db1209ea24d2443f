//! What the other end of a link has shown.

use std::time::Duration;

use antiphon_identity::CertificateDer;

use crate::certificates::Lifetime;

/// What the other end of a connection has shown, or of both connections of a link.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Certificate chains, the holder's own first: one a connection; none in memory.
    pub chains: Vec<Vec<CertificateDer<'static>>>,
    /// How long that of these is good which ends first; `None` without any.
    pub peer: Option<Lifetime>,
    /// When the first certificate of either side ends, since 1970-01-01 UTC.
    pub not_after: Duration,
}

impl Shown {
    /// What both connections of a link have shown.
    pub(crate) fn join(mut self, other: Self) -> Self {
        self.not_after = self.not_after.min(other.not_after);
        self.peer = [self.peer, other.peer].into_iter().flatten().min();
        let new = other.chains.into_iter().filter(|chain| !self.chains.contains(chain));
        let new: Vec<_> = new.collect();
        self.chains.extend(new);
        self
    }
}
