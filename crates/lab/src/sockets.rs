//! The folder of a lab's Unix sockets: a short one, since a socket's path has at most 107 bytes.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use tempfile::TempDir;

/// Longest path of a Unix socket, in bytes (`unix(7)`: 108 with the closing zero).
const PATH_BYTES_MAX: usize = 107;
/// Room for the folder's own name and the longest socket's name.
const NAMES_BYTES: usize = 40;
/// How our folders' names begin.
const PREFIX: &str = "antiphon-";

/// The folder, removed with its owner unless kept. The lab's own folder has a link to it.
#[derive(Debug)]
pub(crate) struct Sockets {
    folder: TempDir,
}

impl Sockets {
    /// Makes a folder that only we may enter, and the link `sockets` in `dir`.
    pub(crate) fn create(dir: &Path) -> io::Result<Self> {
        remove(dir)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(base())?;
        symlink(folder.path(), link(dir))?;
        Ok(Self { folder })
    }

    /// The socket of a gateway.
    pub(crate) fn socket(&self, gateway: &str) -> PathBuf {
        self.folder.path().join(format!("{gateway}.sock"))
    }

    /// Leaves the folder where it is; [`remove`] finds it by the link.
    pub(crate) fn keep(&mut self) {
        self.folder.disable_cleanup(true);
    }
}

/// Removes what [`Sockets::create`] made for `dir`; nothing there is fine.
pub(crate) fn remove(dir: &Path) -> io::Result<()> {
    let link = link(dir);
    let Ok(folder) = fs::read_link(&link) else { return Ok(()) };
    let is_ours = folder
        .file_name()
        .is_some_and(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()));
    if is_ours && folder.is_dir() {
        fs::remove_dir_all(&folder)?;
    }
    fs::remove_file(link)
}

fn link(dir: &Path) -> PathBuf {
    dir.join("sockets")
}

/// The user's own folder for such things, else the one for temporary files, if it is short enough.
fn base() -> PathBuf {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let fits =
        |path: &PathBuf| path.is_dir() && path.as_os_str().len() + NAMES_BYTES <= PATH_BYTES_MAX;
    [runtime, Some(env::temp_dir())].into_iter().flatten().find(fits).unwrap_or("/tmp".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_have_short_paths_and_go_with_their_owner() {
        let dir = tempfile::tempdir().unwrap();
        let sockets = Sockets::create(dir.path()).unwrap();
        let path = sockets.socket("eu-1");
        assert!(path.as_os_str().len() <= PATH_BYTES_MAX);
        assert_eq!(fs::read_link(link(dir.path())).unwrap(), path.parent().unwrap());

        drop(sockets);

        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn a_folder_that_is_kept_is_found_and_removed_later() {
        let dir = tempfile::tempdir().unwrap();
        let mut sockets = Sockets::create(dir.path()).unwrap();
        let folder = sockets.socket("eu-1").parent().unwrap().to_owned();
        sockets.keep();
        drop(sockets);
        assert!(folder.is_dir());

        remove(dir.path()).unwrap();
        remove(dir.path()).unwrap();

        assert!(!folder.exists() && !link(dir.path()).exists());
    }
}
