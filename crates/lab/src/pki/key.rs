//! RSA keys.

use getrandom::SysRng;
use rcgen::KeyPair;
use rsa::PrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::rand_core::UnwrapErr;

use super::PkiError;

/// Length of every key. Choria's own tools make keys of this length, and `ring` signs with nothing
/// shorter.
const BITS: usize = 2048;

/// Makes a key. Takes about a tenth of a second.
pub(super) fn generate() -> Result<KeyPair, PkiError> {
    let key = PrivateKey::new(&mut UnwrapErr(SysRng), BITS).map_err(opaque)?;
    let pkcs8 = key.to_pkcs8_der().map_err(opaque)?;
    KeyPair::try_from(pkcs8.as_bytes()).map_err(opaque)
}

fn opaque(error: impl ToString) -> PkiError {
    PkiError::Key(error.to_string())
}
