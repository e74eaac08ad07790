//! Logging of the operator process.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The form of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    Json,
    /// Text for people.
    Text,
}

/// Logs to standard error from now on; `RUST_LOG` wins over `level`.
pub fn init(level: &str, format: Format) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process (a test) keeps the first one's logger.
    let _ = match format {
        Format::Json => lines.json().flatten_event(true).try_init(),
        Format::Text => lines.with_target(false).try_init(),
    };
}
