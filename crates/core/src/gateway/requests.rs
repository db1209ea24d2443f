//! What is remembered of requests: written where messages leave the fabric, and read by operators.

use crate::{Body, DropReason, EndToEnd, Gateway, Now, RequestsAsked, RequestsView};

impl Gateway {
    /// What this gateway remembers of requests, the latest first.
    #[must_use]
    pub fn requests(&self, wanted: &RequestsAsked, now: Now) -> RequestsView {
        self.account.records().views(wanted, now.mono)
    }

    /// A frame's messages were handed to our broker.
    pub(super) fn note_published(&mut self, end: &EndToEnd, count: u64, now: Now) {
        let (from, records) = (&end.creator.region, self.account.records_mut());
        match &end.body {
            Body::Request(one) => records.published(one.request.as_str(), from, count, now),
            Body::Reply(reply) if count > 0 => {
                records.returned(&reply.request, from, Ok(()), now);
            }
            Body::Reply(_) => {}
        }
    }

    /// An answer for a client of our region went no further.
    pub(super) fn note_not_returned(&mut self, end: &EndToEnd, reason: DropReason, now: Now) {
        if let Body::Reply(reply) = &end.body
            && end.to == self.me.region
        {
            let from = &end.creator.region;
            self.account.records_mut().returned(&reply.request, from, Err(reason), now);
        }
    }
}
