//! `flinkk8soperator replay`: recorded decisions, decided again by this version's core, on any machine.

#[cfg(test)]
mod fuzz;
mod read;
mod show;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flink_operator_core::record::{Decision, Difference, Record};
use flink_operator_core::step::Step;

use crate::cli::Failure;
use crate::files;
pub use read::{Found, records};

/// Arguments of `replay`.
#[derive(Args)]
pub struct ReplayArgs {
    /// Files of records (.yaml, .yml, .json, .jsonl), directories of them, or - for standard input.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// For people, or one line of JSON a record.
    #[arg(long, value_enum, default_value = "text")]
    output: Output,
    /// Leave out what is decided as it was recorded.
    #[arg(long)]
    quiet: bool,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Text,
    /// One line a record.
    Json,
}

/// A record, and what this version decides on it.
struct Replayed {
    place: String,
    record: Record,
    step: Step,
    today: Decision,
    /// None where nothing was recorded to compare with.
    differences: Option<Vec<Difference>>,
}

impl Replayed {
    fn of(place: String, record: Record) -> Result<Self, serde_json::Error> {
        let step = record.decide();
        let today = Decision::of(&step)?;
        let differences = record.step.as_ref().map(|recorded| recorded.differences(&today)).transpose()?;
        Ok(Self { place, record, step, today, differences })
    }

    /// Whether it is decided as it was recorded; None where nothing was.
    fn same(&self) -> Option<bool> {
        self.differences.as_ref().map(Vec::is_empty)
    }
}

/// How the records came out.
#[derive(Default)]
struct Count {
    as_recorded: usize,
    otherwise: usize,
    nothing_recorded: usize,
    unreadable: usize,
}

impl Count {
    fn readable(&self) -> usize {
        self.as_recorded + self.otherwise + self.nothing_recorded
    }
}

/// Replays all records; fails when one is decided otherwise than it was recorded, or cannot be read.
pub fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    let mut count = Count::default();
    for path in &args.paths {
        for file in files::below(path, &read::ENDINGS)? {
            for Found { place, record } in read::records(&file)? {
                match record {
                    Ok(record) => one(args, place, *record, &mut count, &mut out)?,
                    Err(problem) => {
                        eprintln!("{place}: {problem}");
                        count.unreadable += 1;
                    }
                }
            }
        }
    }
    if args.output == Output::Text {
        writeln!(out, "{}", show::summary(&count)).map_err(Failure::failed)?;
    }
    if count.unreadable > 0 {
        return Err(Failure::BadInput(format!("{} could not be read", show::records(count.unreadable))));
    }
    if count.readable() == 0 {
        return Err(Failure::BadInput("there is no record in what was given".to_owned()));
    }
    match count.otherwise {
        0 => Ok(()),
        otherwise => Err(Failure::Failed(format!(
            "{} would be decided otherwise by version {}",
            show::records(otherwise),
            env!("CARGO_PKG_VERSION")
        ))),
    }
}

fn one(
    args: &ReplayArgs,
    place: String,
    record: Record,
    count: &mut Count,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let replayed = Replayed::of(place, record).map_err(Failure::failed)?;
    match replayed.same() {
        Some(true) => count.as_recorded += 1,
        Some(false) => count.otherwise += 1,
        None => count.nothing_recorded += 1,
    }
    if args.quiet && replayed.same() == Some(true) {
        return Ok(());
    }
    let text = match args.output {
        Output::Text => show::text(&replayed),
        Output::Json => show::json(&replayed).map_err(Failure::failed)?,
    };
    writeln!(out, "{text}").map_err(Failure::failed)
}
