//! `kubectl flinkapp …`: the program under the name `kubectl-flinkapp` in the PATH, and what shells complete.
//!
//! See <https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/>.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Command, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::cli::{Failure, Home};
use crate::{explain, plan, record, rollback, savepoints, validate};

/// Under this name the program is the plugin.
const PLUGIN: &str = "kubectl-flinkapp";
/// Under this name it completes the plugin's command line: kubectl calls it while somebody types.
const COMPLETER: &str = "kubectl_complete-flinkapp";
/// What kubectl is told behind the proposals: no files are meant.
const NO_FILES: &str = ":4";
/// The same where they are.
const FILES: &str = ":0";

/// Look at Flink applications.
#[derive(Parser)]
#[command(name = "kubectl flinkapp", bin_name = "kubectl flinkapp", version, max_term_width = 100)]
struct Plugin {
    #[command(subcommand)]
    command: Asked,
}

#[derive(Subcommand)]
enum Asked {
    /// Check manifests without a cluster: fields, values, rules, Flink's configuration.
    Validate(validate::ValidateArgs),
    /// Tell why an application is where it is, what it waits for, and what would unblock it.
    Explain(explain::ExplainArgs),
    /// Take one look at an application and print it with what would be decided, without secrets.
    Record(record::RecordArgs),
    /// Tell what an edit will do before it is applied: rules, effects, the state that the new job starts from.
    Plan(plan::PlanArgs),
    /// Give up the deploy that is under way: writes spec.forceRollback.
    Rollback(rollback::RollbackArgs),
    /// Look at the savepoints and checkpoints of an application.
    Savepoint(savepoints::SavepointArgs),
}

/// Arguments of `completion`.
#[derive(Args)]
pub struct CompletionArgs {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Does what is asked of the plugin; None where the program was called by another name.
pub fn called(mut words: impl Iterator<Item = OsString>) -> Option<Result<ExitCode, Failure>> {
    let program = words.next()?;
    let name = Path::new(&program).file_stem()?.to_str()?;
    if name == COMPLETER {
        let words: Vec<String> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let proposals = proposals(&words).join("\n") + "\n";
        let printed = std::io::stdout().write_all(proposals.as_bytes()).map_err(Failure::failed);
        return Some(printed.map(|()| ExitCode::SUCCESS));
    }
    (name == PLUGIN).then(|| {
        let words: Vec<OsString> = std::iter::once(program).chain(words).collect();
        let done = match Plugin::parse_from(words).command {
            Asked::Plan(args) => return Ok(plan::plan(&args, Home::OfTheKubeconfig)),
            Asked::Validate(args) => validate::validate(&args),
            Asked::Explain(args) => explain::explain(&args, Home::OfTheKubeconfig),
            Asked::Record(args) => record::record(&args, Home::OfTheKubeconfig),
            Asked::Rollback(args) => rollback::rollback(&args, Home::OfTheKubeconfig),
            Asked::Savepoint(args) => savepoints::savepoint(&args, Home::OfTheKubeconfig),
        };
        done.map(|()| ExitCode::SUCCESS)
    })
}

/// Prints the completion script of the program.
pub fn script<Program: CommandFactory>(args: &CompletionArgs) -> Result<(), Failure> {
    let mut command = Program::command();
    let name = command.get_name().to_owned();
    // It panics where it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    std::io::stdout().write_all(&script).map_err(Failure::failed)
}

/// What may stand where the last word is being typed: commands or flags, a line each, and what kubectl is to do.
fn proposals(words: &[String]) -> Vec<String> {
    let (typed, before) = words.split_last().map_or(("", words), |(typed, before)| (typed.as_str(), before));
    let mut command = &Plugin::command();
    for word in before {
        command = command.find_subcommand(word).unwrap_or(command);
    }
    let commands = command.get_subcommands().map(|it| (it.get_name().to_owned(), about(it)));
    let flags = command.get_arguments().filter_map(|it| {
        let help = it.get_help().map(ToString::to_string).unwrap_or_default();
        Some((format!("--{}", it.get_long()?), help))
    });
    let known: Vec<(String, String)> = if typed.starts_with('-') { flags.collect() } else { commands.collect() };
    let end = if known.is_empty() { FILES } else { NO_FILES };
    let fitting = known.into_iter().filter(|(word, _)| word.starts_with(typed));
    fitting.map(|(word, help)| format!("{word}\t{help}")).chain([end.to_owned()]).collect()
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposed(words: &[&str]) -> Vec<String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let lines = proposals(&words).into_iter();
        lines.filter_map(|line| line.split('\t').next().map(str::to_owned)).collect()
    }

    #[test]
    fn commands_and_flags_are_proposed() {
        assert_eq!(proposed(&[""]), ["validate", "explain", "record", "plan", "rollback", "savepoint", ":4"]);
        assert_eq!(proposed(&["sa"]), ["savepoint", ":4"]);
        assert_eq!(proposed(&["savepoint", ""]), ["list", ":4"]);
        assert_eq!(proposed(&["explain", "--na"]), ["--namespace", ":4"]);
        assert_eq!(proposed(&["validate", ""]), [":0"]);
    }
}
