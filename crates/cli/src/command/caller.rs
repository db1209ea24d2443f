//! Which client pings: the lab's, a file's, or the one that Choria's usual places configure.

use std::path::Path;

use antiphon_client::{
    Environment,
    config::{Config, ConfigError, Protocol, Source},
};

/// Where a client's configuration comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who<'a> {
    /// The lab whose client is to be used, in every region.
    pub(super) lab: Option<&'a Path>,
    /// A client's configuration.
    pub(super) file: Option<&'a Path>,
}

impl Who<'_> {
    /// The configuration of a client that is in `region`, if the lab is to give one.
    ///
    /// # Errors
    /// There is none, or it is no good.
    pub(super) fn load(&self, region: &str) -> Result<Config, ConfigError> {
        let source = match (self.lab, self.file) {
            (_, Some(file)) => Source::File(file.to_owned()),
            (Some(folder), None) => {
                let (folder, region) = (folder.to_owned(), Some(region.to_owned()));
                Source::Lab { folder, region, protocol: Protocol::V1 }
            }
            (None, None) => Source::Search,
        };
        Config::load(&source, &[], &Environment::of_process())
    }
}
