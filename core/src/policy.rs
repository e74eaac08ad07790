//! What the operator's own configuration says: times, retries, and how objects are dressed.

use serde::{Deserialize, Serialize};

/// The part of the operator's configuration that decisions depend on.
///
/// All times are milliseconds. The defaults are the original's where it had the setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Policy {
    /// Host of the Ingress with `{{$jobCluster}}` for the application's name; empty makes no Ingress.
    pub ingress_url_format: String,
    /// Name of the containers with `%s` for `jobmanager` or `taskmanager`; empty means just that word.
    pub container_name_format: String,
    /// The local port of `kubectl proxy`, if that is how JobManagers are reached (`useKubectlProxy`).
    pub kubectl_proxy: Option<u16>,
    /// `schedulerName` of the pods; empty means the cluster's default scheduler.
    pub scheduler_name: String,
    /// First delay of a retry (`baseBackoffDuration`).
    pub base_backoff_ms: u32,
    /// Longest delay of a retry (`maxBackoffDuration`).
    pub max_backoff_ms: u32,
    /// How long a new cluster may take to come up (`maxErrDuration`).
    pub cluster_start_timeout_ms: u32,
    /// How long a submitted job may take until all its tasks run (`flinkJobVertexTimeout`).
    pub job_start_timeout_ms: u32,
    /// How long a savepoint may take before the update is given up.
    pub savepoint_timeout_ms: u32,
    /// How often a resting application looks at its job (`resyncPeriod`).
    pub poll_interval_ms: u32,
    /// How often figures that only tell (counts, times) reach the status.
    pub status_refresh_ms: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            ingress_url_format: String::new(),
            container_name_format: String::new(),
            kubectl_proxy: None,
            scheduler_name: String::new(),
            base_backoff_ms: 100,
            max_backoff_ms: 30_000,
            cluster_start_timeout_ms: 5 * 60_000,
            job_start_timeout_ms: 3 * 60_000,
            savepoint_timeout_ms: 30 * 60_000,
            poll_interval_ms: 30_000,
            status_refresh_ms: 60_000,
        }
    }
}
