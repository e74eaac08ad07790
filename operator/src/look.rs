//! One look at a live application: how it is named, how its cluster is reached, and the snapshot that is taken.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use flink_operator_core::manifest::names;
use flink_operator_core::policy::Policy;
use flink_operator_core::snapshot::{Seen, Snapshot, Trouble};
use flink_operator_interpreter::flink::{FlinkClient, UiPort, Uncounted};
use flink_operator_interpreter::observe::{Children, ServiceView};
use flink_operator_interpreter::record;
use kube::api::ListParams;
use kube::runtime::watcher::Event;
use kube::{Api, Client};

use crate::cli::{Failure, Home};
use crate::flink::FlinkAccess;
use crate::{config, run};

/// Where to look, and how.
#[derive(Args)]
pub struct LookArgs {
    /// The namespace of the application, where its name is given alone.
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// The configuration file of the operator, or a pattern of such files; decisions depend on it.
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// The kubeconfig; without it $KUBECONFIG, ~/.kube/config or the pod's service account.
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Ask JobManagers through `kubectl proxy` on this local port.
    #[arg(long, value_name = "PORT")]
    kubectl_proxy: Option<u16>,
    /// How JobManagers are reached. Without it: in a pod by dns, elsewhere through the api-server.
    #[arg(long, value_enum, value_name = "WAY")]
    flink_access: Option<FlinkAccess>,
}

/// An application as it is named in arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The namespace, where it was written.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// Reads `NAMESPACE/NAME` or `NAME`.
pub fn named(text: &str) -> Result<Named, String> {
    let (namespace, name) = text.split_once('/').map_or((None, text), |(namespace, name)| (Some(namespace), name));
    if name.is_empty() || name.contains('/') || namespace == Some("") {
        return Err("write the namespace and the name, like default/orders".to_owned());
    }
    Ok(Named { namespace: namespace.map(str::to_owned), name: name.to_owned() })
}

/// What a look brought home.
pub struct Look {
    /// A client of the cluster, for further questions.
    pub client: Client,
    /// The application and all that a step needs to see of it.
    pub snapshot: Snapshot,
}

impl LookArgs {
    /// Looks at the application. Nothing in the cluster is changed.
    pub async fn look(&self, named: &Named, home: Home) -> Result<Look, Failure> {
        let written = self.namespace(named, home)?;
        let policy = config::policy(self.config.as_deref(), self.kubectl_proxy)?;
        let client = run::client(self.kubeconfig.as_deref(), None).await?;
        let namespace = written.unwrap_or(client.default_namespace());
        let name = &named.name;
        let access = FlinkAccess::or_usual(self.flink_access, self.kubeconfig.as_deref());
        let found = take(&client, access, &policy, namespace, name).await?;
        let missing = || Failure::Failed(format!("there is no FlinkApplication {name} in the namespace {namespace}"));
        Ok(Look { snapshot: found.ok_or_else(missing)?, client })
    }

    /// The namespace that was asked for; None means the one of the kubeconfig.
    fn namespace<'a>(&'a self, named: &'a Named, home: Home) -> Result<Option<&'a str>, Failure> {
        match (named.namespace.as_deref(), self.namespace.as_deref()) {
            (Some(one), Some(other)) if one != other => {
                Err(Failure::BadInput(format!("the application is in {one} or in {other}: write one of them")))
            }
            (None, None) if home == Home::MustBeNamed => Err(Failure::BadInput(format!(
                "in which namespace is {0}? Write it before the name, like default/{0}, or as --namespace. An \
                 application is named with its namespace, like default/orders",
                named.name
            ))),
            (one, other) => Ok(one.or(other)),
        }
    }
}

/// Looks at one application. None where there is none of this name. Nothing in the cluster is changed.
pub async fn take(
    client: &Client,
    access: FlinkAccess,
    policy: &Policy,
    namespace: &str,
    name: &str,
) -> Result<Option<Snapshot>, Failure> {
    let flink = flink(client, access, policy, namespace, name).await?;
    record::look(client, &flink, policy, namespace, name).await.map_err(|trouble| Failure::Failed(trouble.message))
}

/// The first answer that each JobManager failed to give.
pub fn silent(snapshot: &Snapshot) -> impl Iterator<Item = &Trouble> {
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

/// A client that knows the ports of the application's Services.
async fn flink(
    client: &Client,
    access: FlinkAccess,
    policy: &Policy,
    namespace: &str,
    name: &str,
) -> Result<FlinkClient, Failure> {
    let services: Api<ServiceView> = Api::namespaced(client.clone(), namespace);
    let labelled = ListParams::default().labels(&format!("{}={name}", names::APP));
    let children = Children::default();
    for service in services.list(&labelled).await.map_err(Failure::failed)? {
        children.hear(&Event::Apply(service));
    }
    let ui_port: UiPort = Arc::new(move |namespace, service| children.ui_port(namespace, service));
    let port = policy.kubectl_proxy;
    access.client(client.clone(), Arc::new(move || port), ui_port, Arc::new(Uncounted))
}
