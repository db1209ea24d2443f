//! Where the `antiphon` binary is, for those who are not it.

use std::env;
use std::path::{Path, PathBuf};

/// The variable that names the binary.
const VARIABLE: &str = "ANTIPHON";

/// There is no `antiphon` binary.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is no program: build it (cargo build -p antiphon-cli), or name it in {VARIABLE}", path.display())]
pub struct ProgramNotFound {
    /// Where it should be.
    pub path: PathBuf,
}

/// Finds the binary for a test: `$ANTIPHON`, else what cargo built beside the test.
///
/// # Errors
/// It was not built.
pub fn find() -> Result<PathBuf, ProgramNotFound> {
    let named = env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
    let path = named.unwrap_or_else(|| beside(&env::current_exe().unwrap_or_default()));
    if path.is_file() { Ok(path) } else { Err(ProgramNotFound { path }) }
}

/// Tests are in `target/PROFILE/deps`, binaries in `target/PROFILE`.
fn beside(test: &Path) -> PathBuf {
    let profile = test.parent().and_then(Path::parent).unwrap_or(Path::new(""));
    profile.join("antiphon")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_lies_beside_the_folder_of_the_tests() {
        assert_eq!(beside(Path::new("/t/debug/deps/up-1")), Path::new("/t/debug/antiphon"));
    }

    #[test]
    fn a_missing_binary_is_an_error_that_says_how_to_build_it() {
        let text = ProgramNotFound { path: "/t/antiphon".into() }.to_string();
        assert!(text.contains("/t/antiphon is no program: build it"), "{text}");
    }
}
