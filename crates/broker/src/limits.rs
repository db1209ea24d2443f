//! What a server takes.

use crate::{
    port::{Publication, RefusedPublish},
    protocol::{Info, encoded_len, headers_are_legal, is_publishable},
};

/// The limits of one server for what is published.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Headers and payload together, in bytes.
    pub(crate) max_payload: usize,
    pub(crate) takes_headers: bool,
}

impl Limits {
    pub(crate) fn of(info: &Info) -> Self {
        Self { max_payload: info.max_payload, takes_headers: info.headers }
    }

    /// Why a message must not be sent to this server.
    pub(crate) fn refusal(&self, publication: &Publication) -> Option<RefusedPublish> {
        let Publication { subject, headers, payload } = publication;
        if !is_publishable(subject) {
            return Some(RefusedPublish::BadSubject);
        }
        if !headers.is_empty() && !self.takes_headers {
            return Some(RefusedPublish::NoHeaders);
        }
        if !headers_are_legal(headers) {
            return Some(RefusedPublish::BadHeaders);
        }
        let too_large = encoded_len(headers) + payload.len() > self.max_payload;
        too_large.then_some(RefusedPublish::TooLarge { max_payload: self.max_payload })
    }
}
