//! What a certificate is used for.

use webpki::{Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, KeyUsage};

/// `id-kp-serverAuth` (RFC 5280, 4.2.1.12).
const SERVER_AUTH: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
/// `id-kp-clientAuth`.
const CLIENT_AUTH: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
/// `anyExtendedKeyUsage`.
const ANY: &[usize] = &[2, 5, 29, 37, 0];

/// What a chain is verified for. A certificate without extended key usage permits everything, and
/// so does one that lists `anyExtendedKeyUsage`; an issuer's usages bind those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The holder opens connections, or signs Choria requests.
    ClientAuthentication,
    /// The holder accepts connections.
    ServerAuthentication,
    /// The holder signs statements: either of the two will do, since a gateway does both and some
    /// CAs issue one only.
    Statement,
}

impl Purpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::ClientAuthentication => "client authentication",
            Self::ServerAuthentication => "server authentication",
            Self::Statement => "client or server authentication",
        }
    }

    fn permits(self, usage: &[usize]) -> bool {
        let client = usage == CLIENT_AUTH;
        let server = usage == SERVER_AUTH;
        usage == ANY
            || match self {
                Self::ClientAuthentication => client,
                Self::ServerAuthentication => server,
                Self::Statement => client || server,
            }
    }
}

impl ExtendedKeyUsageValidator for Purpose {
    fn validate(&self, usages: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut present = Vec::new();
        for usage in usages {
            let usage = usage?.to_decoded_oid();
            if self.permits(&usage) {
                return Ok(());
            }
            present.push(usage);
        }
        if present.is_empty() {
            return Ok(());
        }
        // The required usage only fills the error; ours says the purpose itself.
        let required = KeyUsage::client_auth();
        Err(Error::RequiredEkuNotFoundContext(webpki::RequiredEkuNotFoundContext {
            required,
            present,
        }))
    }
}
