//! All that runs: the API server, the pods, and in the end the operator.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flink_operator_fixtures::http::{OverHttp, Simulated, SimulatedLogs};
use flink_operator_fixtures::model::Kubelet;
use flink_operator_fixtures::model::flink::{self, Version};
use flink_operator_fixtures::process::distribution::{Distribution, cache};
use flink_operator_fixtures::process::java::Java;
use flink_operator_fixtures::process::kubelet::Settings;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::SandboxArgs;
use super::child::{Operator, Start};
use super::cluster::ApiServer;
use super::node::{LogFiles, Node};
use super::screen::{Ink, Screen};
use super::stopwatch::{Stopwatch, Switch};
use super::supply::{self, Supply};
use super::usage::Usage;
use crate::cli::Failure;

/// How long a simulated pod takes to be ready, and to go, in milliseconds.
const SIMULATED: Kubelet = Kubelet::Simulated { ready_after_ms: 500, gone_after_ms: 200 };
/// How long a process may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(2);

/// All that runs.
pub struct Stage {
    /// The API server.
    pub api: ApiServer,
    pods: Pods,
    /// The version of Flink that runs, whatever images are called.
    pub flink_version: String,
    /// How an operator is started.
    pub start: Start,
    /// The operator, if there is one.
    pub operator: Option<Operator>,
    /// How to go on by hand.
    pub usage: Usage,
    /// Updates that were watched.
    pub switches: mpsc::UnboundedReceiver<Switch>,
}

/// Who runs the pods.
enum Pods {
    Real(Node),
    Simulated(JoinHandle<()>),
}

impl Stage {
    /// Starts everything but the operator.
    pub async fn set(args: &SandboxArgs, directory: &Path, screen: &mut Screen) -> Result<Self, Failure> {
        let supply = supply::obtain(&args.wanted(), args.simulated, args.jars.as_deref(), screen).await?;
        let directory = &super::make(directory)?;
        let (sender, switches) = mpsc::unbounded_channel();
        let (simulated, flink_version) = match &supply {
            Supply::Real { flink, .. } => (false, flink.version.clone()),
            Supply::Simulated { .. } => (true, args.flink_version.clone()),
        };
        let (api, pods) = match supply {
            Supply::Real { flink, java, jars } => {
                let (version, home) = (&flink.version, flink.home.display());
                screen.tell(format_args!("Flink {version} in {home}, on Java {}", java.version));
                let backend = Stopwatch::new(OverHttp::default(), sender);
                real(args, settings(flink, java, jars, directory), backend, directory).await?
            }
            Supply::Simulated { why, jars } => {
                let lead = screen.ink(Ink::Warning, "Flink is simulated");
                screen.tell(format_args!("{lead}: no job really runs. {why}"));
                let version = version(&args.flink_version);
                let settings = flink::Settings { jars, version, ..flink::Settings::default() };
                pretended(args, Simulated::new(settings), directory).await?
            }
        };
        if let Some(path) = &args.kubeconfig_out {
            api.copy_kubeconfig(path)?;
        }
        screen.tell(format_args!("Kubernetes (a model of it) on http://127.0.0.1:{}", api.port()));
        let start = Start::of(&api.kubeconfig, api.port(), args.console, directory.join("operator.log"));
        let unserved = |error| Failure::Failed(format!("cannot serve the console on port {}: {error}", args.console));
        let start = start.map_err(unserved)?;
        let usage = Usage::new(&api, start.console, directory, simulated);
        Ok(Self { api, pods, flink_version, start, operator: None, usage, switches })
    }

    /// Ends every process.
    pub async fn end(self) {
        if let Some(operator) = self.operator {
            operator.stop().await;
        }
        match self.pods {
            Pods::Real(node) => node.stop().await,
            Pods::Simulated(task) => task.abort(),
        }
        self.api.stop().await;
    }
}

async fn real(
    args: &SandboxArgs,
    settings: Settings,
    backend: Stopwatch<OverHttp>,
    directory: &Path,
) -> Result<(ApiServer, Pods), Failure> {
    let logs = Arc::new(LogFiles(settings.logs.clone()));
    let api = ApiServer::start(Kubelet::External, args.port, logs, Arc::new(backend), directory).await?;
    let node = Node::start(settings, api.cluster().clone())?;
    Ok((api, Pods::Real(node)))
}

/// Savepoints and checkpoints go into the sandbox's directory unless the application says otherwise.
fn settings(flink: Distribution, java: Java, jars: Vec<PathBuf>, directory: &Path) -> Settings {
    let mut settings = Settings::new(flink, java, directory.to_owned());
    settings.jars = jars;
    settings.grace = GRACE;
    settings.classes = cache().ok();
    for (key, name) in [("state.savepoints.dir", "savepoints"), ("state.checkpoints.dir", "checkpoints")] {
        settings.defaults.set(key, format!("file://{}", directory.join(name).display()));
    }
    settings
}

async fn pretended(args: &SandboxArgs, flink: Simulated, directory: &Path) -> Result<(ApiServer, Pods), Failure> {
    let backend = Arc::new(flink.clone());
    let api = ApiServer::start(SIMULATED, args.port, Arc::new(SimulatedLogs), backend, directory).await?;
    let task = tokio::spawn(flink.follow(api.cluster().clone()));
    Ok((api, Pods::Simulated(task)))
}

/// `2.1.3` or `2.1` as the simulated Flink knows it.
fn version(text: &str) -> Version {
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => Version(major, minor),
        _ => Version(2, 1),
    }
}
