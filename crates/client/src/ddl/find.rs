//! Where descriptions come from: the binary itself, then the library folders.

use std::path::{Path, PathBuf};

use super::AgentDdl;

/// Why an agent or action is not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DdlError {
    /// Nobody describes this agent.
    #[error("agent {agent:?} is not known: no {agent}.json in {searched}")]
    UnknownAgent {
        /// Its name.
        agent: String,
        /// The folders that were searched.
        searched: String,
    },
    /// The agent has no such action.
    #[error("agent {agent} has no action {action:?}; it has {known}")]
    UnknownAction {
        /// The agent.
        agent: String,
        /// What was asked for.
        action: String,
        /// The names there are.
        known: String,
    },
    /// A description cannot be read.
    #[error("cannot read the DDL {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A description is malformed.
    #[error("the DDL {} is malformed", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
}

const BUILTIN: [(&str, &str); 5] = [
    ("choria_util", include_str!("builtin/choria_util.json")),
    ("package", include_str!("builtin/package.json")),
    ("puppet", include_str!("builtin/puppet.json")),
    ("rpcutil", include_str!("builtin/rpcutil.json")),
    ("service", include_str!("builtin/service.json")),
];

/// Finds an agent's description: built in, or `<folder>/{choria,mcollective}/agent/<agent>.json` in one of the
/// library folders, first one first.
///
/// # Errors
/// [`DdlError::UnknownAgent`], or a file that cannot be used.
pub fn find(agent: &str, folders: &[PathBuf]) -> Result<AgentDdl, DdlError> {
    if let Some((name, text)) = BUILTIN.iter().find(|(name, _)| *name == agent) {
        return parse(text, Path::new(name));
    }
    // A name with a separator in it would leave the folder.
    if !agent.contains(['/', '\\']) {
        for path in candidates(agent, folders) {
            match std::fs::read_to_string(&path) {
                Ok(text) => return parse(&text, &path),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(source) => return Err(DdlError::Read { path, source }),
            }
        }
    }
    let searched = match folders {
        [] => "any folder, for libdir is not set".to_owned(),
        folders => folders.iter().map(|f| f.display().to_string()).collect::<Vec<_>>().join(", "),
    };
    Err(DdlError::UnknownAgent { agent: agent.to_owned(), searched })
}

fn candidates(agent: &str, folders: &[PathBuf]) -> impl Iterator<Item = PathBuf> {
    let file = format!("{agent}.json");
    folders.iter().flat_map(move |folder| {
        ["choria", "mcollective"].map(|kind| folder.join(kind).join("agent").join(&file))
    })
}

fn parse(text: &str, path: &Path) -> Result<AgentDdl, DdlError> {
    serde_json::from_str(text)
        .map_err(|source| DdlError::Malformed { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_description_is_well_formed_and_under_its_own_name() {
        for (name, _) in BUILTIN {
            let ddl = find(name, &[]).unwrap();
            assert_eq!(ddl.metadata.name, name);
            for action in &ddl.actions {
                for aggregate in &action.aggregate {
                    let output = aggregate.args[0].as_str().unwrap();
                    assert!(action.output.contains_key(output), "{name} {}", action.name);
                }
            }
        }
    }

    #[test]
    fn descriptions_are_found_in_library_folders() {
        let folder = tempfile::tempdir().unwrap();
        let agents = folder.path().join("mcollective/agent");
        std::fs::create_dir_all(&agents).unwrap();
        let text = r#"{"metadata":{"name":"echo","timeout":3},"actions":[{"action":"say"}]}"#;
        std::fs::write(agents.join("echo.json"), text).unwrap();
        std::fs::write(agents.join("bad.json"), "{").unwrap();
        let folders = [folder.path().to_owned()];

        let echo = find("echo", &folders).unwrap();

        assert_eq!(echo.timeout().as_secs(), 3);
        assert!(echo.action("say").is_ok());
        let unknown = echo.action("sing").unwrap_err().to_string();
        assert_eq!(unknown, "agent echo has no action \"sing\"; it has say");
        assert!(matches!(find("bad", &folders), Err(DdlError::Malformed { .. })));
        assert!(matches!(find("nosuch", &folders), Err(DdlError::UnknownAgent { .. })));
        assert!(matches!(find("../agent/echo", &folders), Err(DdlError::UnknownAgent { .. })));
    }
}
