//! Ed25519 keys in the two spellings that brokers know: nkeys of NATS, hex seeds of Choria.

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use ring::signature::{Ed25519KeyPair, KeyPair};

/// The first byte of a seed, in its upper five bits (nkeys: `S`).
const PREFIX_SEED: u8 = 18 << 3;

/// The first byte of a user's public key (nkeys: `U`).
const PREFIX_USER: u8 = 20 << 3;

/// A key that signs nonces.
pub(super) struct SigningKey(Ed25519KeyPair);

impl SigningKey {
    /// Reads `SU…`: base32 of two prefix bytes, 32 bytes of seed and a CRC-16.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn from_nkey(text: &str) -> Result<Self, &'static str> {
        let bytes =
            BASE32_NOPAD.decode(text.as_bytes()).map_err(|_| "holds a seed that is not base32")?;
        let (content, checksum) =
            bytes.split_last_chunk::<2>().ok_or("holds a seed that is too short")?;
        if crc16(content) != u16::from_le_bytes(*checksum) {
            return Err("holds a seed whose checksum is wrong");
        }
        let ([first, second], seed) =
            content.split_first_chunk::<2>().ok_or("holds a seed that is too short")?;
        if first & 0xf8 != PREFIX_SEED {
            return Err("holds a key that is not a seed");
        }
        if (first & 0x07) << 5 | second >> 3 != PREFIX_USER {
            return Err("holds a seed that is not a user's");
        }
        Self::from_seed(seed)
    }

    /// Reads 64 hex digits.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub(super) fn from_hex(text: &str) -> Result<Self, &'static str> {
        let seed = HEXLOWER_PERMISSIVE.decode(text.as_bytes());
        Self::from_seed(&seed.map_err(|_| "holds a seed that is not hex")?)
    }

    fn from_seed(seed: &[u8]) -> Result<Self, &'static str> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed);
        Ok(Self(pair.map_err(|_| "holds a seed that is not 32 bytes long")?))
    }

    /// The public key as NATS writes it, `U…`.
    pub(super) fn public_nkey(&self) -> String {
        let mut bytes = vec![PREFIX_USER];
        bytes.extend_from_slice(self.0.public_key().as_ref());
        let checksum = crc16(&bytes);
        bytes.extend_from_slice(&checksum.to_le_bytes());
        BASE32_NOPAD.encode(&bytes)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(message).as_ref().to_vec()
    }
}

/// CRC-16/XMODEM, as nkeys use it.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| match crc & 0x8000 {
            0 => crc << 1,
            _ => (crc << 1) ^ 0x1021,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the nkeys documentation, `docs.nats.io` on `nk`.
    const SEED: &str = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
    const PUBLIC: &str = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

    #[test]
    fn the_checksum_is_xmodem() {
        assert_eq!(crc16(b"123456789"), 0x31c3);
    }

    #[test]
    fn a_documented_seed_has_the_documented_public_key() {
        assert_eq!(SigningKey::from_nkey(SEED).ok().unwrap().public_nkey(), PUBLIC);
    }

    #[test]
    fn a_damaged_or_wrong_key_is_refused_with_its_reason() {
        let reason = |text: &str| SigningKey::from_nkey(text).err().unwrap();
        assert_eq!(
            reason(&SEED.replace("SUACSSL", "SUACSSM")),
            "holds a seed whose checksum is wrong"
        );
        assert_eq!(reason(PUBLIC), "holds a key that is not a seed");
        assert_eq!(reason("SU!"), "holds a seed that is not base32");
        assert_eq!(reason(""), "holds a seed that is too short");
        assert_eq!(
            SigningKey::from_hex("00").err(),
            Some("holds a seed that is not 32 bytes long")
        );
        assert_eq!(SigningKey::from_hex("zz").err(), Some("holds a seed that is not hex"));
    }
}
