//! Flink's configuration as the container gets it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::names::{self, Role};
use crate::application::{Application, MemoryOption, Spec};
use crate::id::RevisionId;

const SLOTS: &str = "taskmanager.numberOfTaskSlots";
const RPC_ADDRESS: &str = "jobmanager.rpc.address";
const RPC_PORT: &str = "jobmanager.rpc.port";
const UI_PORT: &str = "jobmanager.web.port";
const QUERY_PORT: &str = "query.server.port";
const BLOB_PORT: &str = "blob.server.port";
const METRICS_PORT: &str = "metrics.internal.query-service.port";

const KUBERNETES_ID: &str = "kubernetes.cluster-id";
const CLUSTER_ID: &str = "high-availability.cluster-id";

/// The keys whose values the operator decides where there is high availability: Kubernetes' ConfigMaps are named by the
/// first, ZooKeeper's nodes and the files in the storage directory are under the second.
pub const AVAILABILITY_KEYS: [&str; 2] = [KUBERNETES_ID, CLUSTER_ID];

/// The keys whose values the operator decides.
pub fn operator_keys(memory: MemoryOption) -> [String; 9] {
    let role_memory = |role: Role| memory.key(role.as_str());
    let [slots, address, rpc, ui, query, blob, metrics] =
        [SLOTS, RPC_ADDRESS, RPC_PORT, UI_PORT, QUERY_PORT, BLOB_PORT, METRICS_PORT].map(str::to_owned);
    let (jobmanager, taskmanager) = (role_memory(Role::JobManager), role_memory(Role::TaskManager));
    [slots, address, rpc, ui, query, blob, metrics, jobmanager, taskmanager]
}

/// The configuration of a role's container: one `key: value` a line, sorted, then what differs from
/// role to role and from revision to revision.
///
/// `$HOST_IP` stands there literally: the image's entry point replaces it.
pub(super) fn properties(app: &Application, spec: &Spec, revision: &RevisionId, role: Role) -> String {
    let mut keys = spec.flink_config.clone();
    let memory = |role: Role| spec.memory_option.key(role.as_str());
    let ports = &spec.ports;
    if spec.high_availability.is_on() {
        keys.retain(|key, _| !AVAILABILITY_KEYS.contains(&key.as_str()));
    }
    keys.extend([
        (SLOTS.to_owned(), spec.taskmanager.slots.to_string()),
        (RPC_PORT.to_owned(), ports.rpc.to_string()),
        (UI_PORT.to_owned(), ports.ui.to_string()),
        (QUERY_PORT.to_owned(), ports.query.to_string()),
        (BLOB_PORT.to_owned(), ports.blob.to_string()),
        (METRICS_PORT.to_owned(), ports.metrics.to_string()),
        (memory(Role::JobManager), format!("{}k", spec.jobmanager.pod.flink_memory_kib)),
        (memory(Role::TaskManager), format!("{}k", spec.taskmanager.pod.flink_memory_kib)),
    ]);
    lines(&keys) + "\n" + &addresses(app, spec, revision, role)
}

/// Where JobManager and TaskManagers find each other. Two clusters that keep their state in one place under the same
/// cluster id would be one to Flink, and the older JobManager would lead both: each revision has an id of its own.
fn addresses(app: &Application, spec: &Spec, revision: &RevisionId, role: Role) -> String {
    let service = names::versioned_service(&app.name, revision);
    let ids = || format!("{KUBERNETES_ID}: {service}\n{CLUSTER_ID}: /{}/{service}\n", app.namespace);
    let mut text = match (spec.high_availability.is_on(), role) {
        (false, Role::JobManager | Role::TaskManager) => format!("{RPC_ADDRESS}: {service}\n"),
        (true, Role::JobManager) => format!("{}{RPC_ADDRESS}: $HOST_IP\n", ids()),
        (true, Role::TaskManager) => ids(),
    };
    if role == Role::TaskManager {
        text.push_str("taskmanager.host: $HOST_IP\n");
    }
    text
}

fn lines(keys: &BTreeMap<String, String>) -> String {
    keys.iter().fold(String::new(), |mut text, (key, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key}: {value}");
        text
    })
}
