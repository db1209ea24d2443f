//! What a certificate says, by the role of its holder.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use rcgen::{CertificateParams, DnType, Error, ExtendedKeyUsagePurpose, KeyUsagePurpose, SanType};

/// Whom a certificate is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    name: String,
    uri: Option<String>,
    dns: Vec<String>,
    address: Option<IpAddr>,
    usages: Vec<ExtendedKeyUsagePurpose>,
    /// How long it lasts, if not as long as others.
    pub(super) life: Option<Duration>,
    pub(super) age: Option<Duration>,
}

impl Profile {
    /// A broker of this machine: `localhost` and 127.0.0.1. Both roles of TLS, as servers of a
    /// cluster dial each other.
    #[must_use]
    pub fn broker(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uri: None,
            dns: vec!["localhost".to_owned()],
            address: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            usages: both(),
            life: None,
            age: None,
        }
    }

    /// A gateway: its URI names fabric, region and gateway; both roles, as gateways dial each other.
    #[must_use]
    pub fn gateway(fabric: &str, region: &str, gateway: &str) -> Self {
        Self {
            name: gateway.to_owned(),
            uri: Some(format!("antiphon://{fabric}/{region}/{gateway}")),
            dns: vec!["localhost".to_owned()],
            address: None,
            usages: both(),
            life: None,
            age: None,
        }
    }

    /// A node or a user: its name as Common Name and as DNS name, client only.
    #[must_use]
    pub fn client(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            uri: None,
            dns: vec![name.to_owned()],
            address: None,
            usages: vec![ExtendedKeyUsagePurpose::ClientAuth],
            life: None,
            age: None,
        }
    }

    /// The same, with so much of its life left.
    #[must_use]
    pub fn lasting(self, life: Duration) -> Self {
        Self { life: Some(life), ..self }
    }

    /// The same, begun so long ago.
    #[must_use]
    pub fn aged(self, age: Duration) -> Self {
        Self { age: Some(age), ..self }
    }

    /// The Common Name, and the stem of the files' names.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn params(&self) -> Result<CertificateParams, Error> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, self.name.as_str());
        if let Some(uri) = &self.uri {
            params.subject_alt_names.push(SanType::URI(uri.as_str().try_into()?));
        }
        for dns in &self.dns {
            params.subject_alt_names.push(SanType::DnsName(dns.as_str().try_into()?));
        }
        params.subject_alt_names.extend(self.address.map(SanType::IpAddress));
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages.clone_from(&self.usages);
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

fn both() -> Vec<ExtendedKeyUsagePurpose> {
    vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth]
}
