//! The command line: what can be asked, and which exit code answers.
//!
//! 0: done. 1: it ran, and what it was to bring about failed. 2: the request makes no sense as given.
//!
//! `plan` answers as `terraform plan -detailed-exitcode` does. 0: nothing to do. 2: something changes. 1: it is refused,
//! there is no plan, or the request makes no sense as given.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, crd, docs, explain, plan, plugin, record, replay, rollback, run, sandbox, savepoints, validate};

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
    /// Check manifests without a cluster: fields, values, rules, Flink's configuration.
    Validate(validate::ValidateArgs),
    /// Tell why an application is where it is, what it waits for, and what would unblock it.
    Explain(explain::ExplainArgs),
    /// Tell what an edit will do before it is applied: rules, effects, the state that the new job starts from.
    Plan(plan::PlanArgs),
    /// Give up the deploy that is under way: writes spec.forceRollback.
    Rollback(rollback::RollbackArgs),
    /// Look at the savepoints and checkpoints of an application.
    Savepoint(savepoints::SavepointArgs),
    /// Print the completion script of a shell.
    Completion(plugin::CompletionArgs),
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

/// What becomes of an application that is named without its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// It is refused.
    MustBeNamed,
    /// It is looked for in the namespace of the kubeconfig, as kubectl does.
    OfTheKubeconfig,
}

/// Waits for something on this thread.
pub fn wait_for<T>(what: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(what)
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
    let words = words(std::env::args_os());
    let plans = words.get(1).is_some_and(|word| word == "plan");
    let outcome = match plugin::called(words.iter().cloned()) {
        Some(outcome) => outcome,
        None => match Cli::try_parse_from(words) {
            Ok(cli) => command(cli.command),
            // What is asked for is printed, and is no error.
            Err(error) if plans && error.use_stderr() => {
                let _ = error.print();
                return ExitCode::from(1);
            }
            Err(error) => error.exit(),
        },
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(match failure {
                Failure::Failed(_) => 1,
                Failure::BadInput(_) => 2,
            })
        }
    }
}

fn command(command: Command) -> Result<ExitCode, Failure> {
    let done = match command {
        Command::Plan(args) => return Ok(plan::plan(&args, Home::OfTheKubeconfig)),
        Command::Run(args) => run::run(args),
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Crd => crd::print(),
        Command::Record(args) => record::record(&args, Home::MustBeNamed),
        Command::Replay(args) => replay::replay(&args),
        Command::Validate(args) => validate::validate(&args),
        Command::Explain(args) => explain::explain(&args, Home::MustBeNamed),
        Command::Rollback(args) => rollback::rollback(&args, Home::MustBeNamed),
        Command::Savepoint(args) => savepoints::savepoint(&args, Home::MustBeNamed),
        Command::Completion(args) => plugin::script::<Cli>(&args),
        Command::Docs(args) => docs::write(&args),
    };
    done.map(|()| ExitCode::SUCCESS)
}
