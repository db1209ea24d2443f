//! What certificates say, and whether a gateway would believe them.

mod show;

use std::{path::Path, time::Duration};

use antiphon_identity::{
    CredentialsError, IdentityError, Names, PeerIdentity, Purpose, TrustBundle, UnixTime,
    inspect::Inspected,
};

pub use show::{SCHEMA, document, tables};

/// By what certificates are judged.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Which names stand for whom; `None`: only those that say it themselves.
    pub names: Option<Names>,
    /// Whom we trust, less what was revoked; `None`: not asked.
    pub trust: Option<TrustBundle>,
    /// What the certificate has to be good for.
    pub purposes: Vec<Purpose>,
    /// The region that it has to stand for.
    pub region: Option<String>,
    /// The gateway that it has to permit.
    pub gateway: Option<String>,
}

/// By which rule a certificate stands for a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A URI `antiphon://fabric/region`, with or without a gateway.
    Uri,
    /// A DNS name that is configured to stand for the region.
    DnsName,
    /// The Common Name, as a last resort.
    CommonName,
}

/// A file of certificates that was looked at; the first is its holder's.
#[derive(Clone, Debug)]
pub struct Looked {
    /// The file, for people.
    pub file: String,
    /// When, since 1970-01-01 UTC.
    pub at: Duration,
    /// The holder's certificate, and what it is presented with.
    pub certificates: Vec<Inspected>,
    /// Fabric and member that it stands for, and why; `None`: none.
    pub member: Option<(String, PeerIdentity, Rule)>,
    /// Whether its chain leads to the CAs; `None`: there was nobody to trust.
    pub trusted: Option<bool>,
    /// Why it would be refused, one reason a line; empty: it would not.
    pub refusals: Vec<String>,
}

impl Looked {
    /// Reads a file and judges it.
    ///
    /// # Errors
    /// [`CredentialsError`]: there is no certificate in it.
    pub fn at(file: &Path, rules: &Rules, at: Duration) -> Result<Self, CredentialsError> {
        let certificates = Inspected::from_file(file)?;
        let mut looked = Self {
            file: file.display().to_string(),
            at,
            certificates,
            member: None,
            trusted: None,
            refusals: Vec::new(),
        };
        looked.look_at_names(rules);
        looked.look_at_chain(rules);
        Ok(looked)
    }

    fn look_at_names(&mut self, rules: &Rules) {
        let Some(names) = rules.names.clone().or_else(|| self.own_names()) else { return };
        let Some(first) = self.certificates.first() else { return };
        match names.identify_leaf(&first.leaf) {
            Err(error) => self.refusals.push(error.to_string()),
            Ok(identity) => {
                let wrong = [
                    rules.region.as_deref().map(|region| identity.require_region(region)),
                    rules.gateway.as_deref().map(|gateway| identity.require_gateway(gateway)),
                ];
                let wrong = wrong.into_iter().flatten().filter_map(Result::err);
                self.refusals.extend(wrong.map(|error| error.to_string()));
                let rule = rule(&names, first);
                self.member = Some((names.fabric().to_owned(), identity, rule));
            }
        }
    }

    /// The fabric that a URI names, where none was given.
    fn own_names(&self) -> Option<Names> {
        let uris = &self.certificates.first()?.leaf.uris;
        let fabric = uris.iter().find_map(|uri| uri.strip_prefix("antiphon://")?.split('/').next());
        Names::new(fabric?, &[].into(), antiphon_identity::CommonName::Ignored).ok()
    }

    fn look_at_chain(&mut self, rules: &Rules) {
        let (Some(trust), Some((first, rest))) = (&rules.trust, self.certificates.split_first())
        else {
            return;
        };
        let rest: Vec<_> = rest.iter().map(|one| one.certificate.clone()).collect();
        let now = UnixTime::since_unix_epoch(self.at);
        let refused = |purpose: &Purpose| -> Option<IdentityError> {
            trust.verify(&first.certificate, &rest, now, *purpose).err()
        };
        let mut reasons: Vec<_> =
            rules.purposes.iter().filter_map(refused).map(|error| error.to_string()).collect();
        reasons.dedup();
        self.trusted = Some(reasons.is_empty());
        self.refusals.extend(reasons);
    }
}

/// A URI outranks DNS names, and those the Common Name: see [`Names`].
fn rule(names: &Names, certificate: &Inspected) -> Rule {
    let mut leaf = certificate.leaf.clone();
    leaf.common_names.clear();
    if names.identify_leaf(&leaf).is_err() {
        return Rule::CommonName;
    }
    leaf.dns_names.clear();
    if names.identify_leaf(&leaf).is_err() { Rule::DnsName } else { Rule::Uri }
}
