//! `savepoint list`: what a job of the application could start from, and what the next one will.

pub mod known;
pub mod next;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use flink_operator_core::record::Record;
use serde_json::json;

use crate::cli::{self, Failure, Home};
use crate::explain::recorded;
use crate::form::Form;
use crate::look::{self, LookArgs, Named};

/// Arguments of `savepoint`.
#[derive(Args)]
pub struct SavepointArgs {
    #[command(subcommand)]
    command: Asked,
}

#[derive(Subcommand)]
enum Asked {
    /// List the savepoints and checkpoints that are known, and what the next start uses.
    List(ListArgs),
}

#[derive(Args)]
struct ListArgs {
    /// The application; with --from, the one to choose among several.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = look::named, required_unless_present = "from")]
    application: Option<Named>,
    /// Read the last record in this file (or - for standard input) instead of a live application.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
    /// The form of the list.
    #[arg(long, value_enum, default_value = "text")]
    output: Form,
}

/// Prints the list. Nothing in the cluster is changed.
pub fn savepoint(args: &SavepointArgs, home: Home) -> Result<(), Failure> {
    let Asked::List(args) = &args.command;
    let record = match (&args.from, &args.application) {
        (Some(path), named) => recorded(path, named.as_ref())?,
        (None, Some(named)) => {
            let snapshot = cli::wait_for(args.look.look(named, home))?.snapshot;
            Record::of(&snapshot, &flink_operator_core::step(&snapshot)).map_err(Failure::failed)?
        }
        (None, None) => return Err(Failure::BadInput("name an application, or give --from FILE".to_owned())),
    };
    for trouble in look::silent(&record.snapshot) {
        eprintln!("note: a JobManager did not answer, so what only Flink knows is missing: {}", trouble.message);
    }
    let states = known::all(&record.snapshot);
    let told = json!({ "states": states, "nextStart": next::start(&record) });
    args.output.print(&told, |_| text(&record))
}

fn text(record: &Record) -> String {
    let all = known::all(&record.snapshot);
    let lines = all.iter().map(|state| format!("{} ({})\n", state.line(record.snapshot.now), state.known));
    let none = if all.is_empty() { "no savepoint and no checkpoint is known\n" } else { "" };
    format!("{none}{}next start: {}\n", lines.collect::<String>(), next::start(record))
}
