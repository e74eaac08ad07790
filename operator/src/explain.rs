//! `flinkk8soperator explain`: why an application is where it is.

pub mod account;
pub mod future;
#[cfg(test)]
mod fuzz;
pub mod happened;
mod hindrance;
mod show;
pub mod words;

use std::path::{Path, PathBuf};

use clap::Args;
use flink_operator_core::record::Record;

use crate::cli::{self, Failure, Home};
use crate::form::Form;
use crate::look::{self, LookArgs, Named};
use crate::replay;
use account::Account;
use happened::Happened;

pub use account::memory;

/// Arguments of `explain`.
#[derive(Args)]
pub struct ExplainArgs {
    /// The application; with --from, the one to choose among several.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = look::named, required_unless_present = "from")]
    application: Option<Named>,
    /// Explain the last record in this file (or - for standard input) instead of a live application.
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    #[command(flatten)]
    look: LookArgs,
    /// The form of the account.
    #[arg(long, value_enum, default_value = "text")]
    output: Form,
}

/// Prints the account. Nothing in the cluster is changed.
pub fn explain(args: &ExplainArgs, home: Home) -> Result<(), Failure> {
    let account = match (&args.from, &args.application) {
        (Some(path), named) => Account::of(&recorded(path, named.as_ref())?, None),
        (None, Some(named)) => {
            let (record, events) = cli::wait_for(live(&args.look, named, home))?;
            Account::of(&record, events)
        }
        (None, None) => return Err(Failure::BadInput("name an application, or give --from FILE".to_owned())),
    };
    args.output.print(&account, show::text)
}

/// A look, without its secrets, and what was told of the application.
async fn live(args: &LookArgs, named: &Named, home: Home) -> Result<(Record, Option<Vec<Happened>>), Failure> {
    let look = args.look(named, home).await?;
    let events = happened::of(&look.client, &look.snapshot.application).await;
    let events = events.map_err(|problem| eprintln!("note: the events cannot be read: {problem}")).ok();
    let record = Record::of(&look.snapshot, &flink_operator_core::step(&look.snapshot)).map_err(Failure::failed)?;
    Ok((record, events))
}

/// The last record in a file, of this application where one is named.
pub fn recorded(path: &Path, named: Option<&Named>) -> Result<Record, Failure> {
    let wanted = |record: &Record| {
        let app = &record.snapshot.application;
        named.is_none_or(|it| {
            it.name == app.name && it.namespace.as_ref().is_none_or(|namespace| *namespace == app.namespace)
        })
    };
    let mut last = None;
    for found in replay::records(path)? {
        let place = found.place;
        let record = found.record.map_err(|problem| Failure::BadInput(format!("{place}: {problem}")))?;
        if wanted(&record) {
            last = Some((place, *record));
        }
    }
    let (place, record) = last.ok_or_else(|| {
        let whose = named.map_or(String::new(), |named| format!(" of {}", named.name));
        Failure::BadInput(format!("there is no record{whose} in {}", path.display()))
    })?;
    let ours = env!("CARGO_PKG_VERSION");
    if !record.version.is_empty() && record.version != ours {
        eprintln!("note: {place} was recorded by version {}; version {ours} decides here", record.version);
    }
    Ok(record)
}
