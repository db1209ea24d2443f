//! Which region and gateway a certificate stands for.

use std::collections::BTreeMap;

use rustls::pki_types::CertificateDer;

use crate::certificate::Leaf;
use crate::error::IdentityError;
use crate::peer::PeerIdentity;

const SCHEME: &str = "antiphon://";

/// The most names of a certificate that an error repeats.
const NAMES_SHOWN_MAX: usize = 8;

/// Whether the Common Name may stand for a region.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CommonName {
    /// Never looked at (RFC 9525 forbids it for host names).
    #[default]
    Ignored,
    /// Compared with the configured DNS names when no alternative name of the certificate matched.
    LastResort,
}

/// How certificates name members of this fabric.
///
/// In this order, the first that applies decides:
/// 1. a URI name `antiphon://<fabric>/<region>` or `antiphon://<fabric>/<region>/<gateway>`. Two
///    different ones for our fabric are refused, and so is a certificate whose URI names are all
///    of other fabrics, whatever else it says;
/// 2. a DNS name that is configured to stand for a region, compared without regard to ASCII case,
///    never as a wildcard. Names of two regions in one certificate are refused;
/// 3. the Common Name, if enabled, compared with the same configured names.
#[derive(Clone, Debug)]
pub struct Names {
    fabric: String,
    /// Lower-case DNS name to region.
    regions: BTreeMap<String, String>,
    common_name: CommonName,
}

/// Why a mapping of names cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// A fabric or region has an impossible name.
    #[error("{name:?} cannot name a {what}: 1 to 63 characters out of A-Z a-z 0-9 - _")]
    BadName {
        /// `fabric` or `region`.
        what: &'static str,
        /// The text given.
        name: String,
    },
    /// One DNS name stands for two regions.
    #[error("{dns_name} stands for both {first} and {second}")]
    SharedName {
        /// The DNS name.
        dns_name: String,
        /// A region that has it.
        first: String,
        /// Another.
        second: String,
    },
}

impl Names {
    /// Says how certificates name members of `fabric`.
    ///
    /// `regions` gives, by region, the DNS names that stand for it; it is needed only for regions
    /// whose certificates carry no URI.
    ///
    /// # Errors
    /// [`NamesError`].
    pub fn new(
        fabric: &str,
        regions: &BTreeMap<String, Vec<String>>,
        common_name: CommonName,
    ) -> Result<Self, NamesError> {
        let bad_name = |what, name: &str| NamesError::BadName { what, name: name.to_owned() };
        if !is_name(fabric) {
            return Err(bad_name("fabric", fabric));
        }
        let mut by_dns_name = BTreeMap::<String, String>::new();
        for (region, dns_names) in regions {
            if !is_name(region) {
                return Err(bad_name("region", region));
            }
            for dns_name in dns_names {
                let known = by_dns_name.insert(dns_name.to_ascii_lowercase(), region.clone());
                if let Some(first) = known.filter(|first| first != region) {
                    let (dns_name, second) = (dns_name.clone(), region.clone());
                    return Err(NamesError::SharedName { dns_name, first, second });
                }
            }
        }
        Ok(Self { fabric: fabric.to_owned(), regions: by_dns_name, common_name })
    }

    /// The fabric.
    #[must_use]
    pub fn fabric(&self) -> &str {
        &self.fabric
    }

    /// Who the holder of this certificate is. Proves nothing by itself: the chain is verified
    /// elsewhere, before.
    ///
    /// # Errors
    /// [`IdentityError`]: no name stands for a region, more than one does, or the fabric is
    /// another.
    pub fn identify(&self, leaf: &CertificateDer<'_>) -> Result<PeerIdentity, IdentityError> {
        self.identify_leaf(&Leaf::parse(leaf)?)
    }

    /// Who is at the other end of a finished handshake; takes what
    /// `rustls::CommonState::peer_certificates` gives.
    ///
    /// # Errors
    /// As [`identify`](Self::identify), and [`IdentityError::NoCertificate`].
    pub fn peer_identity(
        &self,
        chain: Option<&[CertificateDer<'_>]>,
    ) -> Result<PeerIdentity, IdentityError> {
        let leaf = chain.and_then(<[_]>::first).ok_or(IdentityError::NoCertificate)?;
        self.identify(leaf)
    }

    /// As [`identify`](Self::identify), for a certificate already read.
    ///
    /// # Errors
    /// As [`identify`](Self::identify).
    pub fn identify_leaf(&self, leaf: &Leaf) -> Result<PeerIdentity, IdentityError> {
        if let Some(identity) = self.by_uri(&leaf.uris)? {
            return Ok(identity);
        }
        if let Some(identity) = self.by_dns_name(&leaf.dns_names)? {
            return Ok(identity);
        }
        if self.common_name == CommonName::LastResort
            && let Some(identity) = self.by_dns_name(&leaf.common_names)?
        {
            return Ok(identity);
        }
        Err(IdentityError::UnknownRegion { presented: presented(leaf) })
    }

    fn by_uri(&self, uris: &[String]) -> Result<Option<PeerIdentity>, IdentityError> {
        let mut ours = None;
        let mut foreign = None;
        for uri in uris.iter().filter(|uri| has_our_scheme(uri)) {
            let (fabric, identity) =
                parse_uri(uri).ok_or_else(|| IdentityError::MalformedUri { uri: uri.clone() })?;
            if fabric == self.fabric {
                keep_single(&mut ours, identity)?;
            } else {
                foreign = Some(fabric);
            }
        }
        match (ours, foreign) {
            (Some(identity), _) => Ok(Some(identity)),
            (None, Some(fabric)) => Err(IdentityError::WrongFabric {
                presented: fabric.to_owned(),
                expected: self.fabric.clone(),
            }),
            (None, None) => Ok(None),
        }
    }

    fn by_dns_name(&self, dns_names: &[String]) -> Result<Option<PeerIdentity>, IdentityError> {
        let mut found = None;
        for name in dns_names {
            if let Some(region) = self.regions.get(&name.to_ascii_lowercase()) {
                let identity = PeerIdentity { region: region.clone(), gateway: None };
                keep_single(&mut found, identity)?;
            }
        }
        Ok(found)
    }
}

/// Whether `text` names a fabric, region or gateway: one path segment, NATS token and label.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

fn keep_single(
    found: &mut Option<PeerIdentity>,
    identity: PeerIdentity,
) -> Result<(), IdentityError> {
    match found {
        Some(first) if *first != identity => {
            Err(IdentityError::Ambiguous { first: first.to_string(), second: identity.to_string() })
        }
        Some(_) | None => {
            *found = Some(identity);
            Ok(())
        }
    }
}

fn has_our_scheme(uri: &str) -> bool {
    uri.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

fn parse_uri(uri: &str) -> Option<(&str, PeerIdentity)> {
    let mut segments = uri.get(SCHEME.len()..)?.split('/');
    let (fabric, region, gateway) = (segments.next()?, segments.next()?, segments.next());
    let good = is_name(fabric) && is_name(region) && gateway.is_none_or(is_name);
    if !good || segments.next().is_some() {
        return None;
    }
    let identity = PeerIdentity { region: region.to_owned(), gateway: gateway.map(str::to_owned) };
    Some((fabric, identity))
}

fn presented(leaf: &Leaf) -> String {
    let kinds = [("DNS", &leaf.dns_names), ("URI", &leaf.uris), ("CN", &leaf.common_names)];
    let names = kinds.iter().flat_map(|(kind, names)| {
        names.iter().map(move |name| format!("{kind}:{}", name.escape_debug()))
    });
    let shown: Vec<_> = names.take(NAMES_SHOWN_MAX).collect();
    if shown.is_empty() { "it has none".to_owned() } else { shown.join(", ") }
}
