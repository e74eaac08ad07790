//! How a JobManager is reached.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU16;
use std::sync::Arc;

use flink_operator_core::application::Application;
use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest;

/// Flink's own default.
const DEFAULT_UI_PORT: NonZeroU16 = NonZeroU16::MIN.saturating_add(8080);

/// Tells the port named `ui` of a Service (namespace, name), where the Service is known.
///
/// An edit of `uiPort` must not make the running revision unreachable, so its Service is believed
/// before the spec.
pub type UiPort = Arc<dyn Fn(&str, &str) -> Option<NonZeroU16> + Send + Sync>;

/// Tells the local port of `kubectl proxy`, if that is how JobManagers are reached now.
pub type Proxy = Arc<dyn Fn() -> Option<u16> + Send + Sync>;

/// How a JobManager is reached.
#[derive(Clone)]
pub enum Addresses {
    /// By the DNS name of the revision's Service from inside the cluster, or through a `kubectl proxy` on
    /// this machine while there is one.
    Kubernetes {
        /// Asked at every request, so the configuration may change.
        proxy: Proxy,
        /// Where to look up the port.
        ui_port: UiPort,
    },
    /// Through the proxy of the API server, which the client itself reaches.
    ApiServer {
        /// Where to look up the port.
        ui_port: UiPort,
    },
    /// At addresses that are known beforehand, by revision.
    Fixed(BTreeMap<RevisionId, String>),
}

impl Addresses {
    /// In the cluster, where no Service is known.
    pub fn in_cluster() -> Self {
        Self::Kubernetes { proxy: Arc::new(|| None), ui_port: Arc::new(|_, _| None) }
    }

    /// The address without a slash at its end; empty for a revision that has none.
    pub fn base(&self, application: &Application, revision: &RevisionId) -> String {
        let address = |known: &UiPort| {
            let spec = || application.spec.as_ref().map_or(DEFAULT_UI_PORT, |spec| spec.ports.ui);
            let mut address = manifest::address(application, revision, DEFAULT_UI_PORT);
            address.port = known(&address.namespace, &address.service).unwrap_or_else(spec);
            address
        };
        match self {
            Self::Kubernetes { proxy, ui_port } => {
                let address = address(ui_port);
                match proxy() {
                    Some(port) => proxied(&format!("localhost:{port}"), &address),
                    None => format!("http://{address}"),
                }
            }
            Self::ApiServer { ui_port } => proxied("kubernetes", &address(ui_port)),
            Self::Fixed(bases) => bases.get(revision).map(|it| it.trim_end_matches('/').to_owned()).unwrap_or_default(),
        }
    }
}

/// By the API server's proxy, which answers at this host.
fn proxied(host: &str, address: &manifest::Address) -> String {
    let manifest::Address { namespace, service, port } = address;
    format!("http://{host}/api/v1/namespaces/{namespace}/services/{service}:{port}/proxy")
}

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kubernetes { proxy, .. } => f.debug_tuple("Kubernetes").field(&proxy()).finish(),
            Self::ApiServer { .. } => f.write_str("ApiServer"),
            Self::Fixed(bases) => f.debug_tuple("Fixed").field(bases).finish(),
        }
    }
}
