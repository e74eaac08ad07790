//! The command line: what can be asked, and which exit code answers.
//!
//! 0: done. 1: it ran, and what it was to bring about failed. 2: the request makes no sense as given.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, crd, docs, record, replay, run, sandbox};

/// A Kubernetes operator for Apache Flink.
#[derive(Parser)]
#[command(name = "flinkk8soperator", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the operator against the cluster of the kubeconfig, or the one it runs in.
    Run(config::RunArgs),
    /// Run applications on this machine: a model of Kubernetes, a real Flink, this operator.
    Sandbox(sandbox::SandboxArgs),
    /// Print the CustomResourceDefinition of FlinkApplication.
    Crd,
    /// Take one look at a live application and print it with what would be decided, without secrets.
    Record(record::RecordArgs),
    /// Decide on recordings again: what was decided, and where this version decides otherwise.
    Replay(replay::ReplayArgs),
    /// Write the generated pages of the documentation.
    Docs(docs::DocsArgs),
}

/// Why a command ended without success.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// Exit code 2.
    #[error("{0}")]
    BadInput(String),
}

impl Failure {
    /// Wraps an error as a failure of what was to be done.
    pub fn failed(error: impl std::fmt::Display) -> Self {
        Self::Failed(error.to_string())
    }

    /// Wraps an error as the user's to mend.
    pub fn bad_input(error: impl std::fmt::Display) -> Self {
        Self::BadInput(error.to_string())
    }
}

/// Called `flinkoperator`, as the original's manifests call it, it runs: there was nothing else to ask for.
fn words(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = given.collect();
    if words.first().is_some_and(|program| Path::new(program).file_stem() == Some("flinkoperator".as_ref())) {
        words.insert(1, "run".into());
    }
    words
}

/// Parses the arguments and does what they say.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse_from(words(std::env::args_os())).command {
        Command::Run(args) => run::run(args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Crd => crd::print(),
        Command::Record(args) => record::record(&args),
        Command::Replay(args) => replay::replay(&args),
        Command::Docs(args) => docs::write(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(match failure {
                Failure::Failed(_) => 1,
                Failure::BadInput(_) => 2,
            })
        }
    }
}
