//! The nodes of all regions.

use std::ffi::OsString;

use super::Start;
use crate::lab::{Nodes, Region, UpError};
use crate::names;
use crate::node_config::{Node, Protocol};
use crate::process::Process;

/// Nodes of one process: few enough for a command line, many enough to keep a lab light.
const NODES_PER_PROCESS: usize = 250;

impl Start<'_> {
    /// Starts all nodes and waits until each is connected.
    pub(super) async fn nodes(&self, regions: &mut [Region]) -> Result<(), UpError> {
        self.progress.begin("Starting nodes", self.options.all_nodes() * regions.len());
        for region in regions.iter_mut() {
            let numbers: Vec<usize> = (1..=self.options.all_nodes()).collect();
            for (index, numbers) in numbers.chunks(NODES_PER_PROCESS).enumerate() {
                region.nodes.push(self.spawn(region, index + 1, numbers)?);
            }
        }
        let mut connected = 0;
        for nodes in regions.iter_mut().flat_map(Region::nodes_mut) {
            nodes.ready().await?;
            connected += nodes.identities.len();
            self.progress.done(connected);
        }
        Ok(())
    }

    fn spawn(&self, region: &Region, group: usize, numbers: &[usize]) -> Result<Nodes, UpError> {
        let folder = self.files.nodes(&region.name)?;
        let servers = region.broker.urls();
        let mut arguments: Vec<OsString> = vec!["node".into(), "run".into()];
        let (mut identities, mut status_files) = (Vec::new(), Vec::new());
        for &number in numbers {
            let identity = names::node(&region.name, number);
            let tls = self.pki.files(&identity);
            let protocol = self.protocol(&identity, number)?;
            let node = Node {
                identity: &identity,
                region: &region.name,
                number,
                servers: &servers,
                tls: &tls,
                protocol: &protocol,
            };
            let files = node.write(&folder).map_err(|source| UpError::write(&folder, source))?;
            arguments.extend(["--config".into(), files.config.into_os_string()]);
            status_files.push(files.status);
            identities.push(identity);
        }
        let name = format!("nodes {} of {}", group, region.name);
        let log = folder.with_file_name(format!("nodes-{group}.log"));
        let mut process = Process::new(&name, &self.options.program, arguments, &log)
            .with_life(self.options.life);
        process.start()?;
        Ok(Nodes { identities, status_files, process })
    }

    /// Nodes of protocol v2 come after the others.
    fn protocol(&self, identity: &str, number: usize) -> Result<Protocol, UpError> {
        if number <= self.options.nodes {
            return Ok(Protocol::V1);
        }
        let credentials = self.tokens.server(identity, &[names::COLLECTIVE_V2])?;
        Ok(Protocol::V2 { credentials, issuer: self.tokens.public_key().to_string() })
    }
}
