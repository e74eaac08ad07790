//! Logging of the operator process.

use std::io::IsTerminal as _;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// Text for people.
    Text,
}

impl Format {
    /// Reads a word.
    ///
    /// # Errors
    /// What to write instead.
    pub fn read(text: &str) -> Result<Self, String> {
        Self::from_str(text, true).map_err(|_| "it is no form of log lines; write json or text".to_owned())
    }
}

/// What is logged, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logger {
    /// The least important lines that are logged.
    pub level: &'static str,
    /// Their form.
    pub format: Format,
    /// Whether they name the source.
    pub source: bool,
    /// Whether there are none.
    pub mute: bool,
}

impl Default for Logger {
    fn default() -> Self {
        Self { level: "info", format: Format::Json, source: false, mute: false }
    }
}

/// The client logs each answer above 400 as an error of its own. Whoever asked knows what it means (a JobManager that is
/// not up yet), and tells it.
const TOLD_ELSEWHERE: &str = "kube_client::client::builder=off,kube_runtime::watcher=off";

/// Logs to standard error from now on; `RUST_LOG` wins over the level.
pub fn init(logger: Logger) {
    if logger.mute {
        return;
    }
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(format!("{},{TOLD_ELSEWHERE}", logger.level)));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_file(logger.source)
        .with_line_number(logger.source)
        .with_ansi(std::io::stderr().is_terminal());
    // A second start in one process (a test) keeps the first one's logger.
    let _ = match logger.format {
        Format::Json => lines.json().flatten_event(true).try_init(),
        Format::Text => lines.with_target(false).try_init(),
    };
}
