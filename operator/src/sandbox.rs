//! `flinkk8soperator sandbox`: applications from manifest to running job on one machine.
//!
//! A model of Kubernetes answers `kubectl` and the operator on loopback; its pods are processes of a real
//! Flink, or simulated ones where there is no Java. Nothing of it outlives the sandbox but files.
//!
//! ```text
//! manifests ─► ApiServer (the model) ◄─► operator (a process of its own)
//!                  │      ▲
//!                 pods  statuses                 Story: what was heard ─► Screen
//!                  ▼      │
//!              Node (processes) or Simulated
//! ```

mod child;
mod cluster;
mod goal;
mod node;
mod play;
mod screen;
mod signals;
mod stage;
mod stopwatch;
mod story;
mod supply;
mod usage;
mod watch;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::distribution::{DEFAULT_VERSION, Wanted};

use crate::cli::Failure;
use crate::log::{Format, Logger};
use crate::manifest;

const EXAMPLE: &str = include_str!("../../fixtures/applications/numbers.yaml");

/// Arguments of `sandbox`.
#[derive(Args, Clone, Debug)]
pub struct SandboxArgs {
    /// Files with FlinkApplications; without any, an empty cluster is started.
    manifests: Vec<PathBuf>,
    /// Also run the built-in example: a job that numbers its output.
    #[arg(long)]
    example: bool,
    /// The directory of a Flink distribution; without it $FLINK_HOME, the cache, or what pip fetches.
    #[arg(long, value_name = "DIR")]
    flink: Option<PathBuf>,
    /// The version of Flink to look for and to fetch.
    #[arg(long, value_name = "VERSION", default_value = DEFAULT_VERSION)]
    flink_version: String,
    /// Simulate Flink: no Java is needed and no job really runs.
    #[arg(long)]
    simulated: bool,
    /// A directory of jars that applications name; the example's jar is always there.
    #[arg(long, value_name = "DIR")]
    jars: Option<PathBuf>,
    /// Where logs, savepoints and output go: a new or empty directory; without it one in the temporary directory.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// The port of the API server on 127.0.0.1; without it any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
    /// The port of the console on 127.0.0.1; without it any free one.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    console: u16,
    /// End when all given applications are there, instead of at ^C.
    #[arg(long, value_enum)]
    until: Option<goal::Until>,
    /// How long --until may take, such as 90s or 5m.
    #[arg(long, value_name = "DURATION", default_value = "300s", value_parser = duration)]
    timeout: Duration,
    /// Start no operator; prints the command that starts one.
    #[arg(long)]
    no_operator: bool,
    /// Write the kubeconfig to this file too.
    #[arg(long, value_name = "FILE")]
    kubeconfig_out: Option<PathBuf>,
}

/// Plays until the goal is reached, or ^C.
pub fn run(args: &SandboxArgs) -> Result<(), Failure> {
    let applications = read(args)?;
    if args.until.is_some() && applications.is_empty() {
        return Err(Failure::BadInput("--until waits for applications, and none is given; name a manifest".to_owned()));
    }
    let directory = directory(args.dir.as_deref())?;
    crate::log::init(Logger { level: "warn", format: Format::Text, ..Logger::default() });
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(play::play(args, &applications, &directory))
}

/// All applications; two of one name are refused.
fn read(args: &SandboxArgs) -> Result<Vec<FlinkApplication>, Failure> {
    let mut all = Vec::new();
    for path in &args.manifests {
        all.extend(manifest::read(path)?);
    }
    if args.example {
        all.extend(manifest::parse(EXAMPLE).map_err(Failure::failed)?);
    }
    let mut names = BTreeSet::new();
    for application in &all {
        let name = application.metadata.name.clone().unwrap_or_default();
        if !names.insert((cluster::namespace_of(application).to_owned(), name.clone())) {
            return Err(Failure::BadInput(format!("metadata.name: two applications are called {name}; rename one")));
        }
    }
    Ok(all)
}

impl SandboxArgs {
    fn wanted(&self) -> Wanted {
        Wanted { directory: self.flink.clone(), ..Wanted::of_version(&self.flink_version) }
    }
}

/// The directory of this sandbox, not yet made. What is in it already is not mixed with what comes.
fn directory(wanted: Option<&Path>) -> Result<PathBuf, Failure> {
    let Some(directory) = wanted else {
        let numbered =
            |number: u32| std::env::temp_dir().join(format!("flink-sandbox-{}", std::process::id() + number));
        return Ok((0..).map(numbered).find(|directory| !directory.exists()).unwrap_or_default());
    };
    match std::fs::read_dir(directory).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(directory.to_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(directory.to_owned()),
        Ok(false) => Err(bad_directory(directory, "the directory is not empty; name a new one or remove it")),
        Err(error) => Err(bad_directory(directory, error)),
    }
}

fn bad_directory(directory: &Path, what: impl std::fmt::Display) -> Failure {
    Failure::BadInput(format!("--dir {}: {what}", directory.display()))
}

/// Makes the directory; the answer is its full path.
fn make(directory: &Path) -> Result<PathBuf, Failure> {
    let made = std::fs::create_dir_all(directory).and_then(|()| directory.canonicalize());
    made.map_err(|error| bad_directory(directory, error))
}

fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| "write it like 90s or 5m".to_owned())?;
    Duration::try_from(parsed).map_err(|_| "it must not be negative".to_owned())
}
