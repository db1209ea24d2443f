//! The log of the process, which is one: it can be changed while it runs.

use std::{io, sync::OnceLock};

use tracing_subscriber::{
    EnvFilter, Registry, filter::ParseError, layer::SubscriberExt, reload, util::SubscriberInitExt,
};

use crate::config::Log;

/// Outranks `[log] filter`.
const FILTER_VARIABLE: &str = "ANTIPHON_LOG";

/// Changes the filter of our own log; unset while the log is another's.
static HANDLE: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Why the filter cannot be changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// It is none.
    #[error("{0}")]
    Filter(#[from] ParseError),
    /// The log was set up by somebody else, or is gone.
    #[error("this log cannot be changed")]
    Foreign,
}

/// Logs to stderr. Where a log has been set up before, that one stays.
pub(crate) fn start(log: &Log) {
    let filter =
        EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(&log.filter));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    let started = if log.json {
        registry.with(lines.json()).try_init()
    } else {
        registry.with(lines.with_ansi(false)).try_init()
    };
    match started {
        Ok(()) => {
            HANDLE.get_or_init(|| handle);
        }
        Err(error) => tracing::debug!(%error, "the log was set up before"),
    }
}

/// The filter that is in force; `None` while the log is another's.
pub(crate) fn filter() -> Option<String> {
    HANDLE.get()?.with_current(ToString::to_string).ok()
}

/// Logs by another filter from here on. What operators order is logged in any case.
///
/// # Errors
/// The filter makes no sense, or the log is another's.
pub(crate) fn set_filter(text: &str) -> Result<(), LogError> {
    let audited = "antiphon::audit=warn".parse();
    let filter: EnvFilter = text.parse()?;
    let filter = match audited {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    };
    HANDLE.get().ok_or(LogError::Foreign)?.reload(filter).map_err(|_| LogError::Foreign)
}
