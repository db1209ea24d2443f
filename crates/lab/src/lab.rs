//! A federation of real processes.

mod error;
mod files;
mod options;
mod region;
mod relays;
mod start;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::UpError;
pub use options::{Options, Relayed, Whole};
pub use region::{Gateway, Nodes, Region};

use crate::manifest::{ClientFiles, Manifest, PkiFiles};
use crate::names;
use crate::pki::{Pki, Tokens, UserCredentials};
use crate::progress::Progress;
use crate::relay::Relay;
use crate::sockets::Sockets;
use relays::Relays;

/// A federation that runs. Dropping it ends every process and removes the sockets; the files stay.
pub struct Lab {
    dir: PathBuf,
    pki: Arc<Pki>,
    tokens: Arc<Tokens>,
    user: UserCredentials,
    /// In the order of their start: the first gateway of the first is everybody's seed.
    regions: Vec<Region>,
    relays: Relays,
    /// Last, so that it goes after the processes that use it.
    sockets: Sockets,
}

impl Lab {
    /// Starts a federation and waits until it is ready: brokers accept connections, nodes are
    /// connected, gateways say so on `/readyz`, and [`Options::whole`] agrees. Then writes
    /// `lab.json`.
    ///
    /// If it fails or is dropped on the way, what was started is ended.
    ///
    /// # Errors
    /// [`UpError`]: a lab runs in the folder already, or something did not come up.
    pub async fn up(options: &Options, progress: Arc<dyn Progress>) -> Result<Self, UpError> {
        start::up(options, progress).await
    }

    /// The folder with all files.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The authority, to issue more certificates.
    #[must_use]
    pub fn pki(&self) -> &Pki {
        &self.pki
    }

    /// The issuer of v2 tokens, to issue more.
    #[must_use]
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// The regions, in the order of their start.
    #[must_use]
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// A region by name.
    #[must_use]
    pub fn region(&self, name: &str) -> Option<&Region> {
        self.regions.iter().find(|region| region.name() == name)
    }

    /// A region by name, to end and start its processes.
    pub fn region_mut(&mut self, name: &str) -> Option<&mut Region> {
        self.regions.iter_mut().find(|region| region.name() == name)
    }

    /// A gateway by name.
    #[must_use]
    pub fn gateway(&self, name: &str) -> Option<&Gateway> {
        self.regions.iter().flat_map(Region::gateways).find(|gateway| gateway.name() == name)
    }

    /// A gateway by name, to end and start it.
    pub fn gateway_mut(&mut self, name: &str) -> Option<&mut Gateway> {
        let mut gateways = self.regions.iter_mut().flat_map(Region::gateways_mut);
        gateways.find(|gateway| gateway.name() == name)
    }

    /// The relay through which the gateway `from` dials the gateway `to`; `None` without relays.
    #[must_use]
    pub fn link_relay(&self, from: &str, to: &str) -> Option<&Relay> {
        self.relays.link(from, to)
    }

    /// All relays of links between two regions, whoever dials; for one region twice, those among
    /// its own gateways. Empty without relays.
    #[must_use]
    pub fn link_relays(&self, one: &str, other: &str) -> Vec<&Relay> {
        self.relays.links(one, other)
    }

    /// The relays between a region's gateways and its broker, server by server. Empty unless
    /// [`Relayed::LinksAndBrokers`].
    #[must_use]
    pub fn broker_relays(&self, region: &str) -> &[Relay] {
        self.relays.brokers(region)
    }

    /// What `lab.json` says, with the process ids of this moment (0: does not run).
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let files = self.pki.files(names::USER);
        let entries = self.regions.iter().map(|region| (region.name().to_owned(), region.entry()));
        Manifest {
            fabric: names::FABRIC.to_owned(),
            pki: PkiFiles {
                ca: self.pki.ca(),
                ca_key: self.pki.ca_key(),
                issuer_seed: self.tokens.seed(),
                issuer_public: self.tokens.public(),
            },
            client: ClientFiles {
                certificate: files.certificate,
                key: files.key,
                ca: files.ca,
                token: self.user.token.clone(),
                seed: self.user.seed.clone(),
            },
            regions: entries.collect::<BTreeMap<_, _>>(),
        }
    }

    /// Lets every process live on; [`crate::cli::down`] ends them. Only for a lab of
    /// [`Life::Detachable`](crate::process::Life::Detachable) processes without relays: relays end
    /// here.
    pub fn release(mut self) {
        self.regions.iter_mut().for_each(Region::release);
        self.sockets.keep();
    }
}
