//! Signs what we state and verifies what others state: adverts, endpoint records and beacons.
//!
//! A statement holds in one fabric, and its maker may only speak of itself: region and gateway in
//! it must be those of the certificate whose key signed it (where the certificate names no gateway,
//! the region).

mod believed;

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicU64, Ordering},
};

use antiphon_core::{Advert, AdvertDraft, Beacon, GatewayId, Member, RegionId};
use antiphon_identity::{
    CertificateDer, Context, Credentials, Names, PeerIdentity, SignError, Signature,
    StatementVerifier, UnixTime,
};
use antiphon_proto::{Problem, Statement, StatementBody, v1::Sealed};
use bytes::Bytes;
use prost::Message;

use self::believed::Believed;
use crate::link::port;

/// Mixed into every signature, so that one made for anything else is none of a statement.
const CONTEXT: Context = Context::new("antiphon.link.v1.Statement");

/// Signature schemes by TLS code point and IANA name (RFC 8446, 4.2.3).
const SCHEMES: [(u16, &str); 4] = [
    (0x0403, "ecdsa_secp256r1_sha256"),
    (0x0503, "ecdsa_secp384r1_sha384"),
    (0x0804, "rsa_pss_rsae_sha256"),
    (0x0807, "ed25519"),
];

/// Our key, and whom we believe. Shared between the shell and the links.
#[derive(Debug)]
pub struct Notary {
    fabric: RegionId,
    names: Arc<Names>,
    current: RwLock<Arc<Current>>,
    renewals: AtomicU64,
}

#[derive(Debug)]
struct Current {
    credentials: Credentials,
    verifier: StatementVerifier,
    /// Adverts that these have verified.
    believed: Mutex<Believed>,
}

/// Why a statement is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedStatement {
    /// No statement, or a field of it makes no sense.
    #[error("malformed statement")]
    Malformed(#[from] antiphon_proto::FieldError),
    /// It says something else than was asked for.
    #[error("not the kind of statement that belongs here")]
    WrongKind,
    /// A signature scheme that we do not know.
    #[error("unknown signature scheme {name:?}")]
    UnknownAlgorithm {
        /// As the statement says.
        name: String,
    },
    /// The signature does not hold, or its maker is nobody.
    #[error("signature refused")]
    Refused(#[from] antiphon_identity::VerifyError),
    /// Made for another fabric.
    #[error("made for fabric {presented}")]
    WrongFabric {
        /// Which.
        presented: RegionId,
    },
    /// It speaks of another gateway or region than the certificate names.
    #[error("speaks of {region}/{gateway}, signed by {signer}")]
    NotItsOwn {
        /// The region that it speaks of.
        region: RegionId,
        /// The gateway that it speaks of.
        gateway: GatewayId,
        /// Who signed it.
        signer: PeerIdentity,
    },
}

impl RefusedStatement {
    /// A stable label: lower-case words joined by `-`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::WrongKind => "malformed",
            Self::UnknownAlgorithm { .. } => "unknown-algorithm",
            Self::Refused(error) => error.kind(),
            Self::WrongFabric { .. } => "wrong-fabric",
            Self::NotItsOwn { .. } => "not-its-own",
        }
    }
}

impl Notary {
    /// A notary of one fabric.
    #[must_use]
    pub fn new(fabric: RegionId, names: Arc<Names>, credentials: Credentials) -> Self {
        let current = Current::new(credentials, &names);
        let current = RwLock::new(Arc::new(current));
        Self { fabric, names, current, renewals: AtomicU64::new(0) }
    }

    /// How certificates name regions.
    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// Uses renewed credentials from here on.
    pub fn renew(&self, credentials: Credentials) {
        let renewed = Arc::new(Current::new(credentials, &self.names));
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        self.renewals.fetch_add(1, Ordering::Release);
    }

    /// How often that happened: what was judged before may be judged otherwise now.
    #[must_use]
    pub fn renewals(&self) -> u64 {
        self.renewals.load(Ordering::Acquire)
    }

    /// The credentials in use.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        self.current().credentials.clone()
    }

    /// Signs an advert, with the whole certificate chain: whoever relays it further may not know
    /// our intermediates.
    ///
    /// # Errors
    /// The key failed.
    pub fn sign_advert(&self, draft: AdvertDraft) -> Result<Advert, SignError> {
        let sealed = self.seal(StatementBody::Advert(draft.clone()), WithChain::Whole)?;
        Ok(Advert { draft, sealed })
    }

    /// Signs a beacon, with the leaf certificate alone.
    ///
    /// # Errors
    /// The key failed.
    pub fn sign_beacon(&self, beacon: Beacon) -> Result<Bytes, SignError> {
        self.seal(StatementBody::Beacon(beacon), WithChain::Leaf)
    }

    /// Signs our endpoint record, with the leaf certificate alone: gossip has little room.
    ///
    /// # Errors
    /// The key failed.
    pub fn sign_endpoint(&self, record: Member) -> Result<Bytes, SignError> {
        self.seal(StatementBody::Endpoint(record), WithChain::Leaf)
    }

    /// Verifies an advert and returns it decoded, its bytes as they came.
    ///
    /// # Errors
    /// [`RefusedStatement`].
    pub fn open_advert(&self, sealed: Bytes) -> Result<Advert, RefusedStatement> {
        let current = self.current();
        let StatementBody::Advert(draft) = self.open_with(&current, sealed.clone())? else {
            return Err(RefusedStatement::WrongKind);
        };
        current.believed().add(&sealed, UnixTime::now());
        Ok(Advert { draft, sealed })
    }

    /// The advert in these very bytes, if they were verified within the last minute with the
    /// credentials in use.
    #[must_use]
    pub fn known_advert(&self, sealed: &Bytes) -> Option<Advert> {
        if !self.current().believed().holds(sealed, UnixTime::now()) {
            return None;
        }
        let statement = Sealed::read(sealed.clone()).ok()?.statement;
        match Statement::decode(statement).ok()?.body {
            StatementBody::Advert(draft) => Some(Advert { draft, sealed: sealed.clone() }),
            StatementBody::Endpoint(_) | StatementBody::Beacon(_) => None,
        }
    }

    /// Verifies a beacon. Its age is the core's to judge.
    ///
    /// # Errors
    /// [`RefusedStatement`].
    pub fn open_beacon(&self, sealed: Bytes) -> Result<Beacon, RefusedStatement> {
        match self.open(sealed)? {
            StatementBody::Beacon(beacon) => Ok(beacon),
            StatementBody::Advert(_) | StatementBody::Endpoint(_) => {
                Err(RefusedStatement::WrongKind)
            }
        }
    }

    /// Verifies an endpoint record.
    ///
    /// # Errors
    /// [`RefusedStatement`].
    pub fn open_endpoint(&self, sealed: Bytes) -> Result<Member, RefusedStatement> {
        match self.open(sealed)? {
            StatementBody::Endpoint(member) => Ok(member),
            StatementBody::Advert(_) | StatementBody::Beacon(_) => Err(RefusedStatement::WrongKind),
        }
    }

    fn seal(&self, body: StatementBody, chain: WithChain) -> Result<Bytes, SignError> {
        let credentials = self.credentials();
        let statement = Statement { fabric: self.fabric.clone(), body }.encode();
        let signature = credentials.signer().sign(CONTEXT, &statement)?;
        let certificates = match chain {
            WithChain::Whole => credentials.chain(),
            WithChain::Leaf => std::slice::from_ref(credentials.certificate()),
        };
        let sealed = Sealed {
            statement,
            algorithm: scheme_name(signature.algorithm)?.to_owned(),
            signature: signature.bytes.into(),
            chain: certificates.iter().map(|one| Bytes::copy_from_slice(one)).collect(),
        };
        Ok(sealed.encode_to_vec().into())
    }

    fn open(&self, sealed: Bytes) -> Result<StatementBody, RefusedStatement> {
        self.open_with(&self.current(), sealed)
    }

    fn open_with(
        &self,
        current: &Current,
        sealed: Bytes,
    ) -> Result<StatementBody, RefusedStatement> {
        let sealed = Sealed::read(sealed)?;
        let chain: Vec<_> = sealed.chain.iter().map(|one| CertificateDer::from(&**one)).collect();
        let signature = Signature {
            algorithm: scheme_code(&sealed.algorithm)?,
            bytes: sealed.signature.to_vec(),
        };
        let signed = antiphon_identity::Statement {
            context: CONTEXT,
            bytes: &sealed.statement,
            signature: &signature,
            chain: &chain,
        };
        let signer = current.verifier.verify(&signed, UnixTime::now())?;
        let statement = Statement::decode(sealed.statement.clone())?;
        if statement.fabric != self.fabric {
            return Err(RefusedStatement::WrongFabric { presented: statement.fabric });
        }
        require_own(&statement.body, signer)?;
        Ok(statement.body)
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl port::Notary for Notary {
    fn verify_advert(&self, sealed: Bytes) -> Result<Option<Advert>, String> {
        // Another peer's copy may have been verified while this one waited for its turn.
        if let Some(known) = self.known_advert(&sealed) {
            return Ok(Some(known));
        }
        match self.open_advert(sealed) {
            Ok(advert) => Ok(Some(advert)),
            Err(RefusedStatement::Malformed(error)) if error.problem == Problem::Newer => Ok(None),
            Err(refused) => Err(refused.kind().to_owned()),
        }
    }

    fn known_advert(&self, sealed: &Bytes) -> Option<Advert> {
        self.known_advert(sealed)
    }
}

impl Current {
    fn new(credentials: Credentials, names: &Arc<Names>) -> Self {
        let verifier = StatementVerifier::new(Arc::clone(credentials.trust()), Arc::clone(names));
        Self { credentials, verifier, believed: Mutex::default() }
    }

    fn believed(&self) -> MutexGuard<'_, Believed> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of the certificate chain goes with a statement.
#[derive(Clone, Copy)]
enum WithChain {
    Whole,
    Leaf,
}

fn require_own(body: &StatementBody, signer: PeerIdentity) -> Result<(), RefusedStatement> {
    let (region, gateway) = match body {
        StatementBody::Advert(draft) => (&draft.region, &draft.gateway),
        StatementBody::Endpoint(member) => (&member.region, &member.gateway),
        StatementBody::Beacon(beacon) => (&beacon.region, &beacon.gateway),
    };
    let own = signer.require_region(region.as_str()).is_ok()
        && signer.require_gateway(gateway.as_str()).is_ok();
    if own {
        return Ok(());
    }
    let (region, gateway) = (region.clone(), gateway.clone());
    Err(RefusedStatement::NotItsOwn { region, gateway, signer })
}

fn scheme_name(code: u16) -> Result<&'static str, SignError> {
    let found = SCHEMES.iter().find(|(known, _)| *known == code);
    found.map(|(_, name)| *name).ok_or_else(|| SignError {
        detail: format!("signature scheme {code:#06x} has no name here"),
    })
}

fn scheme_code(name: &str) -> Result<u16, RefusedStatement> {
    let found = SCHEMES.iter().find(|(_, known)| *known == name);
    found
        .map(|(code, _)| *code)
        .ok_or_else(|| RefusedStatement::UnknownAlgorithm { name: name.chars().take(64).collect() })
}

#[cfg(test)]
mod tests;
