//! The model cluster with our resource in it, and the kubeconfig that leads to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::http::{Backend, Cluster, Logs, Server};
use flink_operator_fixtures::model::{Kubelet, World, WriteOptions};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use serde_json::json;

use crate::cli::Failure;

/// How long open connections may take to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// Who creates what the sandbox creates.
const MANAGER: &str = "flinkk8soperator-sandbox";

/// The API server of the sandbox.
pub struct ApiServer {
    server: Server,
    /// A client of it.
    pub client: Client,
    /// The file for `kubectl`.
    pub kubeconfig: PathBuf,
}

impl ApiServer {
    /// Serves an empty cluster that knows our resource.
    pub async fn start(
        kubelet: Kubelet,
        port: u16,
        logs: Arc<dyn Logs>,
        backend: Arc<dyn Backend>,
        directory: &Path,
    ) -> Result<Self, Failure> {
        let now = Timestamp::now().as_millisecond();
        // Uids must differ from those of an earlier sandbox, for job ids are derived from them.
        let seed = u64::try_from(now).unwrap_or_default();
        let server = Server::start(World::new(seed, now, kubelet), port, logs, backend)
            .await
            .map_err(|error| Failure::Failed(format!("cannot listen on 127.0.0.1:{port}: {error}")))?;
        let definition = serde_json::to_value(flink_operator_core::crd::definition()).map_err(Failure::failed)?;
        let created = server.cluster.write(|world| world.create_of(definition, &WriteOptions::by(MANAGER)));
        created.map_err(|refusal| Failure::Failed(format!("the definition of the resource is refused: {refusal}")))?;
        let kubeconfig = directory.join("kubeconfig");
        write(&kubeconfig, &server.kubeconfig())?;
        let url = format!("http://{}", server.address).parse().map_err(Failure::failed)?;
        let client = Client::try_from(Config::new(url)).map_err(Failure::failed)?;
        Ok(Self { server, client, kubeconfig })
    }

    /// Writes the kubeconfig to another place too.
    pub fn copy_kubeconfig(&self, to: &Path) -> Result<(), Failure> {
        write(to, &self.server.kubeconfig())
    }

    /// The cluster behind it.
    pub fn cluster(&self) -> &Cluster {
        &self.server.cluster
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.server.address.port()
    }

    /// Creates an application, and its namespace if it is not there.
    pub async fn create(&self, application: &FlinkApplication) -> Result<(), Failure> {
        let namespace = namespace_of(application);
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        if namespaces.get_opt(namespace).await.map_err(Failure::failed)?.is_none() {
            let new = serde_json::from_value(json!({"metadata": {"name": namespace}})).map_err(Failure::failed)?;
            namespaces.create(&PostParams::default(), &new).await.map_err(Failure::failed)?;
        }
        let api: Api<FlinkApplication> = Api::namespaced(self.client.clone(), namespace);
        let by_us = PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() };
        match api.create(&by_us, application).await {
            Ok(_) => Ok(()),
            // What the API server says of a manifest is its author's to mend.
            Err(kube::Error::Api(status)) if status.code < 500 => Err(Failure::BadInput(status.message.clone())),
            Err(error) => Err(Failure::failed(error)),
        }
    }

    /// Ends watches and stops serving.
    pub async fn stop(self) {
        let _ = tokio::time::timeout(PATIENCE, self.server.stop()).await;
    }
}

/// The namespace that an application is created in.
pub fn namespace_of(application: &FlinkApplication) -> &str {
    application.metadata.namespace.as_deref().unwrap_or("default")
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::Failed(format!("cannot write {}: {error}", path.display())))
}
