//! Logs: one line per event on standard error, as text or as JSON.
//!
//! 1. The default is errors alone; `palisade.log.level` names a level or `tracing` filter directives
//!    (`warn,palisade::refusal=info`).
//! 2. Every refusal is one event at `warn` under the target `palisade::refusal`, with code, group, stage, interceptor and
//!    request id.
//! 3. No event carries a body, or the value of a field of a message.

use std::fmt;
use std::io;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

use crate::settings::{LogFormat, LogSettings};

/// Changes the level of a running process.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<EnvFilter, Registry>);

/// The text is no level and no filter.
#[derive(Debug, thiserror::Error)]
#[error(
    "expected error, warn, info, debug, trace, off, or filter directives such as warn,palisade::refusal=info"
)]
pub struct LevelError(#[source] tracing_subscriber::filter::ParseError);

/// Reads a level.
pub(crate) fn filter(level: &str) -> Result<EnvFilter, LevelError> {
    EnvFilter::builder().parse(level.trim()).map_err(LevelError)
}

/// Sends the events of this process to standard error. A process does this once.
pub fn init(settings: &LogSettings) -> Result<LogHandle, InitError> {
    let (filter, handle) = reload::Layer::new(filter(&settings.level)?);
    let registry = tracing_subscriber::registry().with(filter);
    match settings.format {
        LogFormat::Text => registry
            .with(layer().with_writer(io::stderr).with_ansi(false))
            .try_init()?,
        LogFormat::Json => registry
            .with(layer().json().flatten_event(true).with_writer(io::stderr))
            .try_init()?,
    }
    Ok(LogHandle(handle))
}

/// Why the process does not log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InitError {
    /// The level cannot be read.
    #[error(transparent)]
    Level(#[from] LevelError),
    /// Somebody else logs already.
    #[error("the process has a log already")]
    Taken(#[from] TryInitError),
}

impl LogHandle {
    /// Applies another level.
    pub fn change(&self, level: &str) -> Result<(), LevelError> {
        let filter = filter(level)?;
        // The only error is that the subscriber is gone, and then nothing is logged anyway.
        let _ = self.0.reload(filter);
        Ok(())
    }
}

impl fmt::Debug for LogHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogHandle").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::filter;

    #[rstest]
    #[case("error", true)]
    #[case("warn,palisade::refusal=info", true)]
    #[case("off", true)]
    #[case("palisade=loud", false)]
    fn a_level_is_a_name_or_directives(#[case] level: &str, #[case] good: bool) {
        assert_eq!(filter(level).is_ok(), good);
    }
}
