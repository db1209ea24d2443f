//! KSUID: 27 base62 characters that hold a second and 128 random bits. Ids of tokens.
//!
//! The format of `segmentio/ksuid`: 20 bytes, big-endian, of which the first four count seconds
//! since 2014-05-13.

use ring::rand::{SecureRandom, SystemRandom};

use crate::statement::SignError;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LENGTH: usize = 27;
const EPOCH: u64 = 1_400_000_000;

/// Makes a new id for a second since 1970; seconds beyond what the format holds are cut to it.
pub(super) fn generate(unix_seconds: u64) -> Result<String, SignError> {
    let mut random = [0; 16];
    let filled = SystemRandom::new().fill(&mut random);
    filled.map_err(|error| SignError { detail: error.to_string() })?;
    Ok(encode(unix_seconds, random))
}

/// The second since 1970 in an id; `None` if the text is no KSUID.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    let mut bytes = [0_u8; 20];
    if text.len() != LENGTH {
        return None;
    }
    for character in text.bytes() {
        let mut carry = ALPHABET.iter().position(|known| *known == character)?;
        for byte in bytes.iter_mut().rev() {
            carry += usize::from(*byte) * 62;
            let [.., low] = carry.to_be_bytes();
            *byte = low;
            carry /= 256;
        }
        if carry > 0 {
            return None;
        }
    }
    let [a, b, c, d, ..] = bytes;
    Some(EPOCH + u64::from(u32::from_be_bytes([a, b, c, d])))
}

fn encode(unix_seconds: u64, random: [u8; 16]) -> String {
    let seconds = u32::try_from(unix_seconds.saturating_sub(EPOCH)).unwrap_or(u32::MAX);
    let mut bytes = [0_u8; 20];
    let (head, tail) = bytes.split_at_mut(4);
    head.copy_from_slice(&seconds.to_be_bytes());
    tail.copy_from_slice(&random);
    let mut text: Vec<char> = (0..LENGTH).map(|_| next_digit(&mut bytes)).collect();
    text.reverse();
    text.into_iter().collect()
}

/// Divides the number by 62 and gives the character of the remainder.
fn next_digit(bytes: &mut [u8; 20]) -> char {
    let mut remainder = 0_usize;
    for byte in bytes {
        let value = remainder * 256 + usize::from(*byte);
        let [.., quotient] = (value / 62).to_be_bytes();
        *byte = quotient;
        remainder = value % 62;
    }
    ALPHABET.get(remainder).map_or('0', |character| char::from(*character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_of_a_real_token_s_id_is_when_it_was_issued() {
        assert_eq!(unix_seconds("3MXB2vtYH9JoG67aH6tNGGyC95n"), Some(1_795_486_828));
        assert_eq!(unix_seconds("3MXB2y9liscfEIkVyA6SirIVzFN"), Some(1_795_486_828));
    }

    #[test]
    fn an_id_gives_back_its_second() {
        for seconds in [EPOCH, 1_795_486_828, EPOCH + u64::from(u32::MAX)] {
            for random in [[0; 16], [255; 16], [7; 16]] {
                assert_eq!(unix_seconds(&encode(seconds, random)), Some(seconds));
            }
        }
        assert_ne!(generate(EPOCH).unwrap(), generate(EPOCH).unwrap());
    }

    #[test]
    fn what_is_no_id_has_no_second() {
        let all_z = "z".repeat(27);
        for bad in ["", "3MXB2vtYH9JoG67aH6tNGGyC95", "3MXB2vtYH9JoG67aH6tNGGyC95-", &all_z] {
            assert_eq!(unix_seconds(bad), None, "{bad}");
        }
    }
}
