//! Who we are to a gateway whose admin address is on TCP.

use std::path::PathBuf;

use antiphon_gateway::config::Tls;
use antiphon_identity::KeyAccess;

/// Our certificate, key and CA; all three or none.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Admin addresses on TCP")]
pub(super) struct TlsArgs {
    /// Our certificate for an admin address on TCP
    #[arg(long, env = "ANTIPHON_ADMIN_CERTIFICATE", hide_env_values = true, value_name = "FILE")]
    #[arg(requires_all = ["admin_key", "admin_ca"])]
    admin_certificate: Option<PathBuf>,
    /// Its key
    #[arg(
        long,
        env = "ANTIPHON_ADMIN_KEY",
        hide_env_values = true,
        value_name = "FILE",
        requires = "admin_certificate"
    )]
    admin_key: Option<PathBuf>,
    /// Whom we trust there
    #[arg(
        long,
        env = "ANTIPHON_ADMIN_CA",
        hide_env_values = true,
        value_name = "FILE",
        requires = "admin_certificate"
    )]
    admin_ca: Option<PathBuf>,
}

impl TlsArgs {
    pub(super) fn files(&self) -> Option<Tls> {
        let (certificate, key) = (self.admin_certificate.clone()?, self.admin_key.clone()?);
        // Who may read an operator's own key is the operator's business.
        let key_access = KeyAccess::Anyone;
        Some(Tls { key_access, ..Tls::new(certificate, key, self.admin_ca.clone()?) })
    }
}
