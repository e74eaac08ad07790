//! How a JobManager is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;

/// Flink's own default.
const DEFAULT_UI_PORT: u16 = 8081;

/// Tells the port named `ui` of a Service (namespace, name), where the Service is known.
///
/// An edit of `uiPort` must not make the running revision unreachable, so its Service is believed
/// before the spec.
pub type UiPort = Arc<dyn Fn(&str, &str) -> Option<u16> + Send + Sync>;

/// How a JobManager is reached.
#[derive(Clone)]
pub enum Addresses {
    /// By the DNS name of the revision's Service, from inside the cluster.
    InCluster {
        /// Where to look up the port.
        ui_port: UiPort,
    },
    /// Through a `kubectl proxy` on this machine.
    KubectlProxy {
        /// The proxy's port.
        port: u16,
        /// Where to look up the port behind the proxy.
        ui_port: UiPort,
    },
    /// At addresses that are known beforehand, by revision.
    Fixed(BTreeMap<RevisionId, String>),
}

impl Addresses {
    /// In the cluster, where no Service is known.
    pub fn in_cluster() -> Self {
        Self::InCluster { ui_port: Arc::new(|_, _| None) }
    }

    /// The address without a slash at its end; empty for a revision that has none.
    pub(super) fn base(&self, application: &Application, revision: &RevisionId) -> String {
        let namespace = &application.namespace;
        let service = format!("{}-{revision}", application.name);
        let port = |known: &UiPort| known(namespace, &service).unwrap_or_else(|| ui_port_of_spec(application));
        match self {
            Self::InCluster { ui_port } => format!("http://{service}.{namespace}:{}", port(ui_port)),
            Self::KubectlProxy { port: proxy, ui_port } => {
                let services = format!("http://localhost:{proxy}/api/v1/namespaces/{namespace}/services");
                format!("{services}/{service}:{}/proxy", port(ui_port))
            }
            Self::Fixed(bases) => bases.get(revision).map(|it| it.trim_end_matches('/').to_owned()).unwrap_or_default(),
        }
    }
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InCluster { .. } => f.write_str("InCluster"),
            Self::KubectlProxy { port, .. } => write!(f, "KubectlProxy({port})"),
            Self::Fixed(bases) => f.debug_tuple("Fixed").field(bases).finish(),
        }
    }
}

fn ui_port_of_spec(application: &Application) -> u16 {
    application.spec.as_ref().map_or(DEFAULT_UI_PORT, |spec| spec.ports.ui.get())
}
