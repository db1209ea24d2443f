//! The `federation` header: how a request finds its targets and its answers the way back.

use crate::fault::{DecodeError, Fault, Layer};
use crate::json::{ObjectWriter, Scanner};
use crate::version::FederationKeys;

/// More targets in one message are refused; Choria's clients send 200 at most.
pub const TARGETS_MAX: usize = 4096;

/// The `federation` header. Nodes echo it in their replies; an empty member is the same as a missing one.
///
/// A federated client sends `request` and `targets`; who relays it stores the client's own reply subject in
/// `reply_to` and empties `targets`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Federation {
    /// The request id (`req` in v1, `request` in v2).
    pub request: String,
    /// Where the answer must finally go (`reply-to` in v1, `reply` in v2).
    pub reply_to: String,
    /// Subjects to publish the request on (`target` in v1, `targets` in v2). At most [`TARGETS_MAX`] are read.
    pub targets: Vec<String>,
}

impl Federation {
    /// Reads the object that comes next.
    pub(crate) fn read(
        scanner: &mut Scanner<'_>,
        keys: &'static FederationKeys,
    ) -> Result<Self, DecodeError> {
        let mut federation = Self::default();
        scanner.within(Layer::Federation, |scanner| {
            scanner.object(keys.all, |key, value| {
                if key == keys.request {
                    federation.request = value.text(key)?.unwrap_or_default().into_string();
                } else if key == keys.reply_to {
                    federation.reply_to = value.text(key)?.unwrap_or_default().into_string();
                } else {
                    value.list(key, |target| federation.read_target(key, target))?;
                }
                Ok(())
            })
        })?;
        Ok(federation)
    }

    fn read_target(
        &mut self,
        key: &'static str,
        target: &mut Scanner<'_>,
    ) -> Result<(), DecodeError> {
        if self.targets.len() == TARGETS_MAX {
            let expected = "a list of at most 4096 subjects";
            return Err(target.error(Fault::Invalid { key, expected }));
        }
        self.targets.push(target.text(key)?.unwrap_or_default().into_string());
        Ok(())
    }

    /// Appends it as JSON, without its empty members.
    pub(crate) fn write(&self, keys: &FederationKeys, out: &mut Vec<u8>) {
        let mut object = ObjectWriter::open(out);
        object.text_if_any(keys.request, &self.request);
        object.text_if_any(keys.reply_to, &self.reply_to);
        if !self.targets.is_empty() {
            object.texts(keys.targets, &self.targets);
        }
        object.close();
    }
}
