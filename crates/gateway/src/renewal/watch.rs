//! Word from the system that one of some files may have changed.

use std::path::{Path, PathBuf};

/// Links that are followed from one file; a chain of more is no certificate store.
#[cfg(target_os = "linux")]
const HOPS_MAX: usize = 8;

/// Watches the folders of some files, and those that links lead to: whoever replaces a file writes
/// into its folder, be it by writing, by renaming, or by pointing a link elsewhere.
///
/// Only a hint: other file systems notify nobody, and other systems have no such thing. Whoever uses
/// it looks by himself now and then.
pub(super) struct Watch {
    #[cfg(target_os = "linux")]
    paths: Vec<PathBuf>,
    #[cfg(target_os = "linux")]
    events: Option<Box<inotify::EventStream<[u8; linux::BUFFER_BYTES]>>>,
}

#[cfg(target_os = "linux")]
mod linux {
    use std::{collections::BTreeSet, io};

    use futures_util::{FutureExt, StreamExt};
    use inotify::{EventStream, Inotify, WatchMask};

    use super::{HOPS_MAX, Path, PathBuf, Watch};

    /// Room for some events; more are read later.
    pub(super) const BUFFER_BYTES: usize = 4096;

    impl Watch {
        /// Must be called in a runtime.
        pub(in super::super) fn new(paths: Vec<PathBuf>) -> Self {
            let mut watch = Self { paths, events: open().ok() };
            watch.follow();
            watch
        }

        /// Waits until something happened in a watched folder; for ever where the system does not
        /// tell. Safe to cancel.
        pub(in super::super) async fn stirred(&mut self) {
            let Some(events) = &mut self.events else { return std::future::pending().await };
            match events.next().await {
                // Links may lead elsewhere from now on.
                Some(Ok(_)) => {
                    // One look is enough for all that happened so far.
                    while let Some(Some(Ok(_))) = events.next().now_or_never() {}
                    self.follow();
                }
                Some(Err(_)) | None => {
                    self.events = None;
                    std::future::pending().await
                }
            }
        }

        /// Watches every folder on the way to the files. Those that are watched already stay so; a
        /// folder that is gone is forgotten by the system.
        fn follow(&mut self) {
            let Some(events) = &self.events else { return };
            let mask = WatchMask::CLOSE_WRITE
                | WatchMask::MOVED_TO
                | WatchMask::CREATE
                | WatchMask::DELETE
                | WatchMask::ONLYDIR;
            let folders: BTreeSet<PathBuf> =
                self.paths.iter().flat_map(|path| folders(path)).collect();
            for folder in folders {
                if let Err(error) = events.watches().add(&folder, mask) {
                    tracing::debug!(%error, folder = %folder.display(), "a folder is not watched");
                }
            }
        }
    }

    fn open() -> io::Result<Box<EventStream<[u8; BUFFER_BYTES]>>> {
        Inotify::init()?.into_event_stream([0; BUFFER_BYTES]).map(Box::new)
    }

    /// The folder of a file, and of everything that a chain of links leads to from there.
    fn folders(path: &Path) -> Vec<PathBuf> {
        let mut folders = Vec::new();
        let mut at = path.to_owned();
        for _ in 0..HOPS_MAX {
            let folder = match at.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                Some(_) | None => PathBuf::from("."),
            };
            // A folder may be a link too, as Kubernetes' `..data` is.
            let linked = std::fs::read_link(&folder).is_ok();
            folders.extend(linked.then(|| folder.parent().map(Path::to_owned)).flatten());
            let Ok(target) = std::fs::read_link(&at) else {
                folders.push(folder);
                break;
            };
            at = folder.join(target);
            folders.push(folder);
        }
        folders.retain(|folder| !folder.as_os_str().is_empty());
        folders
    }
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    pub(super) fn new(_: Vec<PathBuf>) -> Self {
        Self {}
    }

    pub(super) async fn stirred(&mut self) {
        std::future::pending().await
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{fs, os::unix::fs::symlink, time::Duration};

    use tempfile::TempDir;
    use tokio::time::timeout;

    use super::*;

    /// Far more than word from the kernel takes.
    const PATIENCE: Duration = Duration::from_secs(10);

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
    }

    async fn stirs(watch: &mut Watch) {
        timeout(PATIENCE, watch.stirred()).await.expect("the change is told");
    }

    /// Waits until word of everything before has been taken.
    async fn settle(watch: &mut Watch) {
        while timeout(Duration::from_millis(1), watch.stirred()).await.is_ok() {}
    }

    fn folder() -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("tls.crt");
        write(&path, "old");
        (folder, path)
    }

    #[tokio::test]
    async fn a_plain_overwrite_is_told() {
        let (_folder, path) = folder();
        let mut watch = Watch::new(vec![path.clone()]);
        write(&path, "new");
        stirs(&mut watch).await;
    }

    #[tokio::test]
    async fn an_editors_rename_is_told_each_time() {
        let (folder, path) = folder();
        let mut watch = Watch::new(vec![path.clone()]);
        for round in ["new", "newer"] {
            let draft = folder.path().join(".tls.crt.swp");
            write(&draft, round);
            settle(&mut watch).await;
            fs::rename(&draft, &path).unwrap();
            stirs(&mut watch).await;
            settle(&mut watch).await;
        }
    }

    /// As the kubelet does: `tls.crt -> ..data/tls.crt`, `..data -> ..1`, and a new `..data` is
    /// renamed over the old one.
    #[tokio::test]
    async fn an_atomic_swap_of_links_is_told_each_time() {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        let publish = |name: &str| {
            fs::create_dir(at(name)).unwrap();
            write(&at(name).join("tls.crt"), name);
            symlink(name, at("..data_tmp")).unwrap();
            fs::rename(at("..data_tmp"), at("..data")).unwrap();
        };
        publish("..1");
        symlink("..data/tls.crt", at("tls.crt")).unwrap();
        let mut watch = Watch::new(vec![at("tls.crt")]);
        for name in ["..2", "..3"] {
            publish(name);
            stirs(&mut watch).await;
            settle(&mut watch).await;
        }
    }

    #[tokio::test]
    async fn what_a_link_leads_to_elsewhere_is_watched_too() {
        let (elsewhere, target) = folder();
        let (folder, _) = folder();
        let path = folder.path().join("link.crt");
        symlink(&target, &path).unwrap();
        let mut watch = Watch::new(vec![path.clone()]);
        write(&target, "new");
        stirs(&mut watch).await;
        settle(&mut watch).await;
        let (_other, second) = self::folder();
        symlink(&second, elsewhere.path().join("second")).unwrap();
        fs::rename(elsewhere.path().join("second"), &path).unwrap();
        stirs(&mut watch).await;
        settle(&mut watch).await;
        write(&second, "newest");
        stirs(&mut watch).await;
    }
}
