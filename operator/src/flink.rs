//! How this process reaches JobManagers: by name from within the cluster, or through the API server from outside.

use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use flink_operator_interpreter::flink::{Addresses, Calls, FlinkClient, Proxy, Timeouts, UiPort};

use crate::cli::Failure;

/// How JobManagers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FlinkAccess {
    /// By the DNS name of the revision's Service, which pods can resolve.
    Dns,
    /// Through the proxy of the API server.
    ApiServer,
}

impl FlinkAccess {
    /// The way of a process with this kubeconfig, where none is asked for.
    pub fn or_usual(asked: Option<Self>, kubeconfig: Option<&Path>) -> Self {
        let in_pod = || kubeconfig.is_none() && std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
        asked.unwrap_or_else(|| if in_pod() { Self::Dns } else { Self::ApiServer })
    }

    /// A client for it. While `proxy` names a port, `kubectl proxy` there is asked instead.
    pub fn client(
        self,
        client: kube::Client,
        proxy: Proxy,
        ui_port: UiPort,
        calls: Arc<dyn Calls>,
    ) -> Result<FlinkClient, Failure> {
        let timeouts = Timeouts::default();
        if self == Self::ApiServer && proxy().is_none() {
            return Ok(FlinkClient::through(client, Addresses::ApiServer { ui_port }, timeouts, calls));
        }
        FlinkClient::new(Addresses::Kubernetes { proxy, ui_port }, timeouts, calls).map_err(Failure::failed)
    }
}
