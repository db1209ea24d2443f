//! Certificates made for a test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use antiphon_identity::{CommonName, Credentials, CredentialsError, Names, TrustBundle, UnixTime};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use tempfile::TempDir;

/// 2000-06-01, within the life of a [`Subject::long_expired`] certificate.
pub(crate) const YEAR_2000: u64 = 959_817_600;

pub(crate) fn at(seconds: u64) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(seconds))
}

/// The serial number of every intermediate CA.
pub(crate) const SERIAL_OF_INTERMEDIATES: u64 = 4242;

/// A CA.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// What a certificate is to say; valid from 1975 to 4096 unless told otherwise.
pub(crate) struct Subject {
    params: CertificateParams,
    key: KeyPair,
}

/// A certificate with its key, and what its holder trusts; the files live as long as this.
pub(crate) struct Issued {
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let params = ca_params(name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A CA that this one vouches for.
    pub(crate) fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = ca_params(name);
        params.serial_number = Some(SerialNumber::from(SERIAL_OF_INTERMEDIATES));
        Self(CertifiedIssuer::signed_by(params, key, &self.0).unwrap())
    }

    /// This CA with the same name and key and new dates.
    pub(crate) fn renewed(&self, name: &str) -> Self {
        let key = KeyPair::from_pem(&self.0.key().serialize_pem()).unwrap();
        Self(CertifiedIssuer::self_signed(ca_params(name), key).unwrap())
    }

    /// A CA that ended in 2001.
    pub(crate) fn long_expired(name: &str) -> Self {
        let mut params = ca_params(name);
        (params.not_before, params.not_after) =
            (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A list of revoked certificates of this CA, in PEM; it promised a newer one in 2001 if `stale`.
    pub(crate) fn crl(&self, revoked: &[u64], stale: bool) -> String {
        let entry = |serial: &u64| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2000, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let next_update = date_time_ymd(if stale { 2001 } else { 4000 }, 1, 1);
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2000, 1, 1),
            next_update,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        params.signed_by(&self.0).unwrap().pem().unwrap()
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn bundle(&self) -> TrustBundle {
        TrustBundle::from_pem(self.pem().as_bytes(), "test-ca.pem".as_ref()).unwrap()
    }

    /// A certificate whose holder trusts this CA alone.
    pub(crate) fn issue(&self, subject: &Subject) -> Issued {
        self.issue_with(subject, &[], &[self])
    }

    /// A certificate presented with intermediates, whose holder trusts these CAs.
    pub(crate) fn issue_with(
        &self,
        subject: &Subject,
        chain: &[&Self],
        trusted: &[&Self],
    ) -> Issued {
        let folder = tempfile::tempdir().unwrap();
        let mut pem = subject.params.signed_by(&subject.key, &self.0).unwrap().pem();
        pem.extend(chain.iter().map(|authority| authority.pem()));
        let trusted: String = trusted.iter().map(|authority| authority.pem()).collect();
        std::fs::write(folder.path().join("certificate.pem"), pem).unwrap();
        std::fs::write(folder.path().join("key.pem"), subject.key.serialize_pem()).unwrap();
        std::fs::write(folder.path().join("ca.pem"), trusted).unwrap();
        Issued { folder }
    }
}

impl Subject {
    /// A certificate without any name, good for client and server authentication.
    pub(crate) fn nameless() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        Self { params, key: KeyPair::generate().unwrap() }
    }

    pub(crate) fn uri(uri: &str) -> Self {
        Self::nameless().and_uri(uri)
    }

    pub(crate) fn dns(name: &str) -> Self {
        Self::nameless().and_dns(name)
    }

    pub(crate) fn common_name(name: &str) -> Self {
        let mut subject = Self::nameless();
        subject.params.distinguished_name.push(DnType::CommonName, name);
        subject
    }

    pub(crate) fn and_uri(mut self, uri: &str) -> Self {
        self.params.subject_alt_names.push(SanType::URI(uri.try_into().unwrap()));
        self
    }

    pub(crate) fn and_dns(mut self, name: &str) -> Self {
        self.params.subject_alt_names.push(SanType::DnsName(name.try_into().unwrap()));
        self
    }

    pub(crate) fn for_usages(mut self, usages: &[ExtendedKeyUsagePurpose]) -> Self {
        self.params.extended_key_usages = usages.to_vec();
        self
    }

    /// Valid in the year 2000 only.
    pub(crate) fn long_expired(mut self) -> Self {
        self.params.not_before = date_time_ymd(2000, 1, 1);
        self.params.not_after = date_time_ymd(2001, 1, 1);
        self
    }

    /// Valid from 4000 on.
    pub(crate) fn far_future(mut self) -> Self {
        self.params.not_before = date_time_ymd(4000, 1, 1);
        self
    }

    pub(crate) fn with_serial(mut self, serial: u64) -> Self {
        self.params.serial_number = Some(SerialNumber::from(serial));
        self
    }

    pub(crate) fn with_key(mut self, key: KeyPair) -> Self {
        self.key = key;
        self
    }
}

impl Issued {
    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    pub(crate) fn credentials(&self) -> Credentials {
        self.load(UnixTime::now()).unwrap()
    }

    pub(crate) fn load(&self, now: UnixTime) -> Result<Credentials, CredentialsError> {
        let [certificate, key, ca] =
            ["certificate.pem", "key.pem", "ca.pem"].map(|file| self.path(file));
        Credentials::from_files_at(&certificate, &key, &ca, now)
    }
}

/// The names of fabric `acme`, in which `gw.us.example.net` stands for region `us`.
pub(crate) fn names(common_name: CommonName) -> Arc<Names> {
    let regions = BTreeMap::from([
        ("us".to_owned(), vec!["gw.us.example.net".to_owned()]),
        ("ap".to_owned(), vec!["gw.ap.example.net".to_owned()]),
    ]);
    Arc::new(Names::new("acme", &regions, common_name).unwrap())
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
