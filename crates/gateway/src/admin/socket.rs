//! A Unix socket that only our user may open.

use std::{
    io,
    os::unix::{fs::FileTypeExt, net::UnixStream},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{Mode, fchmod},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with},
};
use tokio::net::UnixListener;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 64;

/// Why a socket could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SocketError {
    /// Another process answers there.
    #[error("{}: another process answers on this socket", path.display())]
    Taken {
        /// The socket.
        path: PathBuf,
    },
    /// Something else stands there.
    #[error("{}: is not a socket, and stays as it is", path.display())]
    NoSocket {
        /// What stands there.
        path: PathBuf,
    },
    /// The system refused.
    #[error("{}: cannot be opened as a socket", path.display())]
    Open {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Listens at `path`, with mode 0600 from the first moment. A socket that a process left behind is
/// replaced; one on which somebody answers is not.
pub(super) fn listen_at(path: &Path) -> Result<UnixListener, SocketError> {
    remove_stale(path)?;
    open(path).map_err(|source| SocketError::Open { path: path.into(), source })
}

fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(SocketError::NoSocket { path: path.into() });
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path)
                .map_err(|source| SocketError::Open { path: path.into(), source })
        }
        Err(source) => Err(SocketError::Open { path: path.into(), source }),
        Ok(_) => Err(SocketError::Taken { path: path.into() }),
    }
}

fn open(path: &Path) -> io::Result<UnixListener> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    // Linux gives the file the mode of the socket: it is never open to others, not even between
    // bind and chmod.
    fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    listen(&socket, BACKLOG)?;
    UnixListener::from_std(socket.into())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn only_the_owner_may_open_the_socket() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let _listener = listen_at(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_socket_that_was_left_behind_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        drop(listen_at(&path).unwrap());
        assert!(path.exists());
        assert!(listen_at(&path).is_ok());
    }

    #[tokio::test]
    async fn a_socket_in_use_and_a_file_are_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sock");
        let _listener = listen_at(&path).unwrap();
        assert!(matches!(listen_at(&path), Err(SocketError::Taken { .. })));
        let file = folder.path().join("file");
        std::fs::write(&file, "kept").unwrap();
        assert!(matches!(listen_at(&file), Err(SocketError::NoSocket { .. })));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "kept");
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_names_the_path() {
        let error = listen_at(Path::new("/no/such/folder/a.sock")).unwrap_err();
        assert!(error.to_string().starts_with("/no/such/folder/a.sock"));
    }
}
