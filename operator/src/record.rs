//! `flinkk8soperator record`: one look at a live application, and what would be decided on it.

mod files;
mod recorder;

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use flink_operator_core::manifest::names;
use flink_operator_core::policy::Policy;
use flink_operator_core::record::Record;
use flink_operator_core::snapshot::{Seen, Snapshot, Trouble};
use flink_operator_interpreter::flink::{Addresses, FlinkClient, Timeouts, UiPort, Uncounted};
use flink_operator_interpreter::observe::Children;
use flink_operator_interpreter::record;
use k8s_openapi::api::core::v1::Service;
use kube::api::ListParams;
use kube::runtime::watcher::Event;
use kube::{Api, Client};

use crate::cli::Failure;
use crate::{config, run};

pub use recorder::Recorder;

/// Arguments of `record`.
#[derive(Args)]
pub struct RecordArgs {
    /// The application.
    #[arg(value_name = "NAMESPACE/NAME", value_parser = application)]
    application: (String, String),
    /// The configuration file of the operator, or a pattern of such files; decisions depend on it.
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// The kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Ask JobManagers through `kubectl proxy` on this local port, as one must from outside of the cluster.
    #[arg(long, value_name = "PORT")]
    kubectl_proxy: Option<u16>,
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

fn application(text: &str) -> Result<(String, String), String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() && !name.contains('/') => {
            Ok((namespace.to_owned(), name.to_owned()))
        }
        _ => Err("write the namespace and the name, like default/orders".to_owned()),
    }
}

/// Looks at the application and prints the record. Nothing in the cluster is changed.
pub fn record(args: &RecordArgs) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let snapshot = runtime.block_on(look(args))?;
    for trouble in silent(&snapshot) {
        eprintln!("note: a JobManager did not answer, and the record says so: {}", trouble.message);
        if snapshot.policy.kubectl_proxy.is_none() {
            eprintln!("note: from outside of the cluster run `kubectl proxy`, and give --kubectl-proxy 8001");
        }
    }
    let record = Record::of(&snapshot, &flink_operator_core::step(&snapshot)).map_err(Failure::failed)?;
    let text = match args.output {
        Form::Yaml => serde_saphyr::to_string(&record).map_err(Failure::failed)?,
        Form::Json => serde_json::to_string(&record).map_err(Failure::failed)? + "\n",
    };
    std::io::stdout().write_all(text.as_bytes()).map_err(Failure::failed)
}

/// The first answer that each JobManager failed to give.
fn silent(snapshot: &Snapshot) -> impl Iterator<Item = &Trouble> {
    fn trouble<T>(seen: &Seen<T>) -> Option<&Trouble> {
        match seen {
            Seen::Unreachable(trouble) => Some(trouble),
            Seen::NotAsked | Seen::Absent | Seen::Present(_) => None,
        }
    }
    snapshot.observed.flink.values().filter_map(|seen| {
        let (one, other) = (trouble(&seen.overview), trouble(&seen.job));
        one.or(other).or(trouble(&seen.savepoint)).or(trouble(&seen.checkpoints)).or(trouble(&seen.retention))
    })
}

async fn look(args: &RecordArgs) -> Result<Snapshot, Failure> {
    let (namespace, name) = &args.application;
    let policy = config::policy(args.config.as_deref(), args.kubectl_proxy)?;
    let client = run::client(args.kubeconfig.as_deref(), None).await?;
    let flink = flink(&client, &policy, namespace, name).await?;
    let found = record::look(&client, &flink, &policy, namespace, name).await;
    let found = found.map_err(|trouble| Failure::Failed(trouble.message))?;
    found.ok_or_else(|| Failure::Failed(format!("there is no FlinkApplication {name} in the namespace {namespace}")))
}

/// A client that knows the ports of the application's Services.
async fn flink(client: &Client, policy: &Policy, namespace: &str, name: &str) -> Result<FlinkClient, Failure> {
    let services: Api<Service> = Api::namespaced(client.clone(), namespace);
    let labelled = ListParams::default().labels(&format!("{}={name}", names::APP));
    let children = Children::default();
    for service in services.list(&labelled).await.map_err(Failure::failed)? {
        children.hear(&Event::Apply(service));
    }
    let ui_port: UiPort = Arc::new(move |namespace, service| children.ui_port(namespace, service));
    let port = policy.kubectl_proxy;
    let addresses = Addresses::Kubernetes { proxy: Arc::new(move || port), ui_port };
    FlinkClient::new(addresses, Timeouts::default(), Arc::new(Uncounted)).map_err(Failure::failed)
}
