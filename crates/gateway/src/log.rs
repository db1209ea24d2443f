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
    let outranking = std::env::var(FILTER_VARIABLE).unwrap_or_default();
    let (filter, wrong) = first_filter(&outranking, &log.filter);
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
            if let Some(error) = wrong {
                let holds = &log.filter;
                tracing::warn!(%error, holds, "{FILTER_VARIABLE} is no filter");
            }
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
    let filter = audited(text.parse()?);
    HANDLE.get().ok_or(LogError::Foreign)?.reload(filter).map_err(|_| LogError::Foreign)
}

/// What `outranking` says if it is a filter and not empty, else what is configured; and what is wrong with it.
fn first_filter(outranking: &str, configured: &str) -> (EnvFilter, Option<ParseError>) {
    let configured = || EnvFilter::new(configured);
    let (filter, wrong) = match outranking.trim() {
        "" => (configured(), None),
        text => text.parse().map_or_else(|error| (configured(), Some(error)), |one| (one, None)),
    };
    (audited(filter), wrong)
}

/// The same, and what operators order besides.
fn audited(filter: EnvFilter) -> EnvFilter {
    match "antiphon::audit=warn".parse() {
        Ok(directive) => filter.add_directive(directive),
        Err(_) => filter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_operators_order_is_logged_by_any_filter() {
        let first = |outranking, configured| {
            let (filter, wrong) = first_filter(outranking, configured);
            let mut directives: Vec<_> = filter.to_string().split(',').map(str::to_owned).collect();
            directives.sort();
            (directives, wrong.is_some())
        };
        let with = |one: &str| vec!["antiphon::audit=warn".to_owned(), one.to_owned()];
        assert_eq!(first("", "error"), (with("error"), false));
        assert_eq!(first(" ", "info"), (with("info"), false));
        assert_eq!(first("off", "info"), (with("off"), false));
        assert_eq!(first("a=b=c", "info"), (with("info"), true));
        assert_eq!(first("antiphon::audit=off,debug", "info"), (with("debug"), false));
    }
}
