//! One signed request, ready for as many subjects as it is for.

use std::time::{Duration, SystemTime};

use antiphon_wire::{
    Agent, Collective, EncodeError, Federation, Filter, IdError, NewRequest, NewTransport,
    ReplySubject, RequestId, Version,
};
use bytes::Bytes;
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::signer::{SignError, Signer};

/// What to ask, of whom; the caller and the host come with the client.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// The collective that is asked.
    pub collective: &'a Collective,
    /// The agent that is asked.
    pub agent: &'a Agent,
    /// Which nodes are to run it.
    pub filter: &'a Filter,
    /// The agent's payload.
    pub message: &'a [u8],
    /// Lifetime of the request.
    pub ttl: Duration,
}

/// Why a request could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// It could not be encoded.
    #[error("cannot encode the request")]
    Encode(#[from] EncodeError),
    /// Its names do not fit together.
    #[error(transparent)]
    Id(#[from] IdError),
    /// The system gave no randomness for its id.
    #[error("the system gives no random bytes for a request id")]
    NoRandomness,
}

/// The JSON of a secure request, of which transports are made.
#[derive(Clone, Debug)]
pub(crate) struct SignedRequest {
    version: Version,
    secure: Bytes,
}

/// What a transport says besides the request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route<'a> {
    /// Where replies go.
    pub(crate) reply_to: &'a str,
    /// This host.
    pub(crate) sender: &'a str,
    /// The connected broker, for the list of hops.
    pub(crate) broker: &'a str,
    /// For Choria's federation brokers.
    pub(crate) federation: Option<&'a Federation>,
}

impl SignedRequest {
    /// Builds and signs a request as of now. Batches of one run share `id` and are signed each.
    ///
    /// # Errors
    /// [`RequestError`].
    pub(crate) async fn new(
        ask: &Ask<'_>,
        id: &RequestId,
        sender: &str,
        signer: &Signer,
    ) -> Result<Self, RequestError> {
        let version = signer.version();
        let request = NewRequest {
            version,
            id,
            caller: signer.caller(),
            sender,
            collective: ask.collective,
            agent: ask.agent,
            ttl: ask.ttl,
            time: since_epoch(SystemTime::now()),
            filter: ask.filter,
            message: ask.message,
        };
        let secure = signer.secure(&request.encode()?).await?;
        Ok(Self { version, secure })
    }

    /// The payload to publish.
    pub(crate) fn transport(&self, route: &Route<'_>) -> Bytes {
        let hop = vec![route.broker.to_owned(), route.sender.to_owned(), route.broker.to_owned()];
        NewTransport {
            version: self.version,
            data: &self.secure,
            reply_to: Some(route.reply_to),
            sender: route.sender,
            seen_by: &[hop],
            federation: route.federation,
        }
        .encode()
    }
}

/// A new request id: a random UUID without dashes (v1), or a KSUID (v2).
///
/// # Errors
/// [`RequestError::NoRandomness`].
pub fn new_request_id(version: Version) -> Result<RequestId, RequestError> {
    let mut random = [0; 16];
    SystemRandom::new().fill(&mut random).map_err(|_| RequestError::NoRandomness)?;
    let text = match version {
        Version::V1 => uuid(random),
        Version::V2 => ksuid(since_epoch(SystemTime::now()).as_secs(), random),
    };
    Ok(RequestId::try_from(text)?)
}

/// The subject on which the answers to `id` come.
///
/// # Errors
/// An id that is of neither version's shape.
pub(crate) fn reply_subject(
    collective: &Collective,
    signer: &Signer,
    id: &RequestId,
) -> Result<ReplySubject, RequestError> {
    Ok(ReplySubject::for_caller(collective, signer.caller(), id)?)
}

/// Version 4 of RFC 9562, in hexadecimal.
fn uuid(random: [u8; 16]) -> String {
    let value = u128::from_be_bytes(random);
    let value = (value & !(0xf << 76)) | (0x4 << 76);
    let value = (value & !(0x3 << 62)) | (0x2 << 62);
    format!("{value:032x}")
}

/// 32 bits of seconds since 2014-05-13 and 128 random bits, as 27 digits of base 62.
fn ksuid(unix: u64, random: [u8; 16]) -> String {
    const EPOCH: u64 = 1_400_000_000;
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let seconds = u32::try_from(unix.saturating_sub(EPOCH)).unwrap_or(u32::MAX);
    let mut number = [seconds.to_be_bytes().as_slice(), &random].concat();
    let mut text = [b'0'; 27];
    for place in text.iter_mut().rev() {
        // One step of long division by 62 leaves the next digit.
        let mut rest = 0_u32;
        for byte in &mut number {
            let dividend = rest << 8 | u32::from(*byte);
            *byte = u8::try_from(dividend / 62).expect("the rest is below 62");
            rest = dividend % 62;
        }
        *place = DIGITS.get(rest as usize).copied().expect("the rest is below 62");
    }
    text.iter().map(|byte| char::from(*byte)).collect()
}

fn since_epoch(time: SystemTime) -> Duration {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shape_of_their_version() {
        let v1 = new_request_id(Version::V1).unwrap();
        assert_eq!(v1.as_str().len(), 32);
        assert_eq!(&v1.as_str()[12..13], "4");
        assert!(v1.as_str().bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')));
        assert_eq!(new_request_id(Version::V2).unwrap().as_str().len(), 27);
        assert_ne!(new_request_id(Version::V1).unwrap(), v1);
    }

    #[test]
    fn a_ksuid_is_base62_of_time_and_payload() {
        // The example of the KSUID reference: time 107608047, this payload.
        let payload = 0xb5a1_cd34_b5f9_9d11_54fb_6853_345c_9735_u128.to_be_bytes();
        assert_eq!(ksuid(1_400_000_000 + 107_608_047, payload), "0ujtsYcgvSTl8PAuAdqWYSMnLOv");
    }
}
