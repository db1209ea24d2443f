//! Reads values of the file into what they mean.

use std::{
    collections::BTreeMap,
    fmt::Display,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use antiphon_broker::{Auth, Secret};
use antiphon_identity::KeyAccess;

use super::{Tls, field::Field, naming::with_sources, problem::Gathered, raw::RawTls};

/// Reads values: knows the folder that paths are relative to, and gathers problems.
pub(super) struct Reader<'a> {
    pub(super) folder: PathBuf,
    /// Who may be able to read keys.
    pub(super) key_access: KeyAccess,
    /// Files that are made at the start if they are missing.
    pub(super) enrolled: Vec<PathBuf>,
    pub(super) problems: &'a mut Gathered,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &Path, problems: &'a mut Gathered) -> Self {
        Self {
            folder: file.parent().unwrap_or(Path::new("")).into(),
            key_access: KeyAccess::default(),
            enrolled: Vec::new(),
            problems,
        }
    }

    /// A text that means something more.
    pub(super) fn required<T: FromStr<Err: Display>>(
        &mut self,
        field: Field<String>,
        key: &str,
    ) -> Option<T> {
        let text = field.required(key, self.problems)?;
        self.parsed(&text, key)
    }

    /// As [`Reader::required`], for what may be absent.
    pub(super) fn optional<T: FromStr<Err: Display>>(
        &mut self,
        field: Field<String>,
        key: &str,
    ) -> Option<T> {
        let text = field.optional(key, self.problems)?;
        self.parsed(&text, key)
    }

    /// A list of texts that mean something more; absent is empty.
    pub(super) fn each<T: FromStr<Err: Display>>(
        &mut self,
        field: Field<Vec<String>>,
        key: &str,
    ) -> Vec<T> {
        let list = field.or(Vec::new(), key, self.problems);
        list.iter().filter_map(|text| self.parsed(text, key)).collect()
    }

    /// An address to listen on.
    pub(super) fn address(&mut self, field: Field<String>, key: &str) -> Option<SocketAddr> {
        let text = field.optional(key, self.problems)?;
        let address = text.parse().ok();
        if address.is_none() {
            let hint = "is not address:port, such as 0.0.0.0:7440 or [::]:7440";
            self.problems.add(key, format_args!("{text:?} {hint}"));
        }
        address
    }

    pub(super) fn map<K: FromStr<Err: Display> + Ord, V: FromStr<Err: Display>>(
        &mut self,
        field: Field<BTreeMap<String, String>>,
        key: &str,
    ) -> BTreeMap<K, V> {
        let raw = field.or(BTreeMap::new(), key, self.problems);
        let raw = self.keys(raw, key);
        raw.into_iter().filter_map(|(name, text)| Some((name, self.parsed(&text, key)?))).collect()
    }

    pub(super) fn keys<K: FromStr<Err: Display> + Ord, V>(
        &mut self,
        raw: BTreeMap<String, V>,
        key: &str,
    ) -> BTreeMap<K, V> {
        raw.into_iter()
            .filter_map(|(name, value)| Some((self.parsed(&name, key)?, value)))
            .collect()
    }

    fn parsed<T: FromStr<Err: Display>>(&mut self, text: &str, key: &str) -> Option<T> {
        text.parse().map_err(|error| self.problems.add(key, error)).ok()
    }

    pub(super) fn tls(&mut self, raw: RawTls, key: &str) -> Option<Tls> {
        let certificate = self.file(raw.certificate, &format!("{key}.certificate"));
        let private = self.file(raw.key, &format!("{key}.key"));
        let ca = self.file(raw.ca, &format!("{key}.ca"));
        let crl = raw.crl.or(Vec::new(), &format!("{key}.crl"), self.problems);
        let crl = crl.into_iter().map(|path| self.folder.join(path)).collect();
        let key_access = self.key_access;
        let tls = Tls { certificate: certificate?, key: private?, ca: ca?, crl, key_access };
        if let Err(error) = tls.load()
            && !tls.paths().any(|path| self.is_to_be_made(path))
        {
            self.problems.add(key, with_sources(&error));
        }
        Some(tls)
    }

    /// Whether a file is missing that is made at the start.
    fn is_to_be_made(&self, path: &Path) -> bool {
        self.enrolled.iter().any(|enrolled| enrolled == path) && !path.exists()
    }

    /// A file that must be readable.
    pub(super) fn file(&mut self, field: Field<PathBuf>, key: &str) -> Option<PathBuf> {
        let path = self.folder.join(field.required(key, self.problems)?);
        match File::open(&path) {
            Ok(_) => Some(path),
            Err(_) if self.is_to_be_made(&path) => Some(path),
            Err(error) => {
                self.problems.add(key, format_args!("{} cannot be read: {error}", path.display()));
                None
            }
        }
    }

    pub(super) fn auth(
        &mut self,
        (user, password_file): (Field<String>, Field<PathBuf>),
        token_file: Field<PathBuf>,
        credentials: Field<PathBuf>,
        choria: Option<(Field<PathBuf>, Field<PathBuf>)>,
    ) -> Option<Auth> {
        let password = !user.is_absent() || !password_file.is_absent();
        let ways = [password, !token_file.is_absent(), !credentials.is_absent(), choria.is_some()];
        if ways.iter().filter(|way| **way).count() > 1 {
            let reason = "has more than one of user, token_file, credentials, choria";
            self.problems.add("broker", reason);
        }
        if password {
            let user = user.required("broker.user", self.problems);
            let password = self.secret(password_file, "broker.password_file");
            return Some(Auth::Password { user: user?, password: password? });
        }
        if !token_file.is_absent() {
            return Some(Auth::Token { token: self.secret(token_file, "broker.token_file")? });
        }
        if !credentials.is_absent() {
            let credentials = self.secret(credentials, "broker.credentials")?;
            return Some(Auth::Credentials { credentials });
        }
        let Some((token, seed)) = choria else { return Some(Auth::Anonymous) };
        let token = self.secret(token, "broker.choria.token");
        let seed = self.secret(seed, "broker.choria.seed");
        Some(Auth::Choria { token: token?, seed: seed? })
    }

    fn secret(&mut self, field: Field<PathBuf>, key: &str) -> Option<Secret> {
        self.file(field, key).map(Secret::File)
    }
}
