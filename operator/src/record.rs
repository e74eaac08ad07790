//! `flinkk8soperator record`: one look at a live application, and what would be decided on it.

mod files;
mod recorder;

use std::io::Write as _;

use clap::{Args, ValueEnum};
use flink_operator_core::record::Record;

use crate::cli::{self, Failure, Home};
use crate::look::{self, LookArgs, Named};

pub use recorder::Recorder;

/// Arguments of `record`.
#[derive(Args)]
pub struct RecordArgs {
    /// The application.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = look::named)]
    application: Named,
    #[command(flatten)]
    look: LookArgs,
    /// The form of the record.
    #[arg(long, value_enum, default_value = "yaml")]
    output: Form,
}

/// The form of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For people, and for files that people read.
    Yaml,
    /// One line.
    Json,
}

/// Looks at the application and prints the record. Nothing in the cluster is changed.
pub fn record(args: &RecordArgs, home: Home) -> Result<(), Failure> {
    let snapshot = cli::wait_for(args.look.look(&args.application, home))?.snapshot;
    for trouble in look::silent(&snapshot) {
        eprintln!("note: a JobManager did not answer, and the record says so: {}", trouble.message);
    }
    let record = Record::of(&snapshot, &flink_operator_core::step(&snapshot)).map_err(Failure::failed)?;
    let text = match args.output {
        Form::Yaml => flink_operator_fixtures::yaml::write(&record).map_err(Failure::failed)?,
        Form::Json => serde_json::to_string(&record).map_err(Failure::failed)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)
}
