//! Where nats-server is.

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that names the binary.
const VARIABLE: &str = "NATS_SERVER";

/// There is no nats-server, and how to get one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NatsNotFound {
    /// It is nowhere.
    #[error(
        "nats-server was not found: set {VARIABLE} to the program, or put it on the PATH, or run \
         `make nats-server`, which puts it into {}", cache.display()
    )]
    Nowhere {
        /// Where the project keeps its own copy.
        cache: PathBuf,
    },
    /// The variable names something that is no file.
    #[error("{VARIABLE} names {}, which is no file", path.display())]
    Variable {
        /// What it says.
        path: PathBuf,
    },
}

/// Finds nats-server: `$NATS_SERVER`, else on the `PATH`, else in the project's cache folder
/// (`antiphon/nats-server` in `$XDG_CACHE_HOME`, by default `~/.cache`).
///
/// # Errors
/// It is in none of them, or `$NATS_SERVER` is wrong.
pub fn find() -> Result<PathBuf, NatsNotFound> {
    find_in(|name| env::var_os(name).filter(|value| !value.is_empty()))
}

fn find_in(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, NatsNotFound> {
    if let Some(path) = variable(VARIABLE).map(PathBuf::from) {
        return if path.is_file() { Ok(path) } else { Err(NatsNotFound::Variable { path }) };
    }
    let folders = variable("PATH").unwrap_or_default();
    let on_path = env::split_paths(&folders).map(|folder| folder.join("nats-server"));
    let cache = variable("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(variable("HOME").unwrap_or_default()).join(".cache"));
    let cached = cache.join("antiphon/nats-server");
    on_path
        .chain([cached.clone()])
        .find(|path| path.is_file())
        .ok_or(NatsNotFound::Nowhere { cache: cached })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn installed(folder: &Path) -> PathBuf {
        fs::create_dir_all(folder).unwrap();
        let path = folder.join("nats-server");
        fs::write(&path, "").unwrap();
        path
    }

    #[test]
    fn the_variable_outranks_the_path_and_the_path_the_cache() {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        let (named, on_path) = (installed(&at("named")), installed(&at("bin")));
        let cached = installed(&at("cache/antiphon"));
        let mut set = vec![
            ("XDG_CACHE_HOME", at("cache")),
            ("PATH", at("bin")),
            ("NATS_SERVER", named.clone()),
        ];
        for expected in [named, on_path, cached] {
            let lookup = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
            };
            assert_eq!(find_in(lookup).unwrap(), expected);
            set.pop();
        }
    }

    #[test]
    fn a_missing_program_is_an_error_that_says_how_to_get_it() {
        let error = find_in(|name| (name == "HOME").then(|| "/nobody".into())).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("make nats-server") && text.contains("/nobody/.cache"), "{text}");
    }

    #[test]
    fn a_wrong_variable_is_not_passed_over() {
        let wrong = |name: &str| (name == "NATS_SERVER").then(|| "/no/such/file".into());
        let error = find_in(wrong).unwrap_err();
        assert_eq!(error.to_string(), "NATS_SERVER names /no/such/file, which is no file");
    }
}
