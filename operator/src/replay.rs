//! `flinkk8soperator replay`: recorded snapshots through the core, on any machine.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use flink_operator_core::snapshot::Snapshot;
use flink_operator_core::step::{Step, Wake};

use crate::cli::Failure;

/// Arguments of `replay`.
#[derive(Args)]
pub struct ReplayArgs {
    /// Snapshot files (YAML or JSON), or directories of them.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

/// Prints the decision on every snapshot.
pub fn replay(args: &ReplayArgs) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for path in &args.paths {
        for file in files(path)? {
            let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
            let snapshot: Snapshot = serde_saphyr::from_str(&text).map_err(|error| unreadable(&file, error))?;
            let described = describe(&flink_operator_core::step(&snapshot));
            writeln!(out, "{}\n{described}", file.display()).map_err(Failure::failed)?;
        }
    }
    Ok(())
}

fn unreadable(file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::BadInput(format!("{} is not a recorded snapshot: {error}", file.display()))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).map_err(|error| unreadable(path, error))? {
        let entry = entry.map_err(Failure::failed)?.path();
        let recorded = entry.extension().is_some_and(|ending| ending == "yaml" || ending == "json");
        if entry.is_dir() || recorded {
            found.extend(files(&entry)?);
        }
    }
    found.sort();
    Ok(found)
}

fn describe(step: &Step) -> String {
    let mut lines = vec![format!("  rule    {}: {}", step.rule(), step.rule().edge().when)];
    lines.extend(step.why().map(|why| format!("  because {why}")));
    lines.extend(step.next().map(|memory| format!("  moves   to {}", memory.phase.name())));
    lines.extend(step.effects().iter().map(|effect| format!("  effect  {}", effect.key().0)));
    lines.extend(step.notes().iter().map(|note| format!("  tells   {}: {}", note.reason, note.message)));
    if let (true, Wake::At(at)) = (step.rests(), step.wake()) {
        lines.push(format!("  looks   again at {at}"));
    }
    lines.join("\n")
}
