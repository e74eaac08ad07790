//! The spec on the wire, field by field the original's.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    Affinity, EnvFromSource, EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements, Toleration,
    Volume, VolumeMount,
};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::schema::{config_schema, embedded, resources_schema};
use super::status::FlinkApplicationStatus;

/// What a user asks for: an image, a job in it, and the size and the settings of its Flink cluster.
// Numbers are as wide as JSON allows rather than as wide as they should be: a spec that is out of
// range must still be readable, so that the refusal can name the field.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "flink.k8s.io",
    version = "v1beta1",
    kind = "FlinkApplication",
    plural = "flinkapplications",
    singular = "flinkapplication",
    shortname = "flinkapp",
    namespaced,
    status = "FlinkApplicationStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "A Flink job and the cluster that it runs on.",
    annotation("api-approved.kubernetes.io", "unapproved")
)]
#[serde(rename_all = "camelCase")]
pub struct FlinkApplicationSpec {
    /// The image of the JobManager and the TaskManagers. It holds Flink and the job's jar, the jar in
    /// Flink's web upload directory.
    pub image: String,
    /// When the kubelet pulls the image. The default is IfNotPresent.
    #[schemars(extend("enum" = ["Always", "Never", "IfNotPresent"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<String>,
    /// Secrets to pull the image with.
    #[schemars(schema_with = "embedded::<Option<Vec<LocalObjectReference>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_secrets: Option<Vec<LocalObjectReference>>,
    /// The service account of the pods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_name: Option<String>,
    /// The security context of the pods.
    #[schemars(schema_with = "embedded::<Option<PodSecurityContext>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security_context: Option<PodSecurityContext>,
    /// Flink's configuration. A value is a string, a number or a boolean.
    #[schemars(schema_with = "config_schema")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flink_config: Option<BTreeMap<String, Value>>,
    /// The version of Flink in the image, such as 1.20. Below 1.11 (and when it is left out) the
    /// memory is configured as a heap size, from 1.11 on as the size of the process.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flink_version: Option<String>,
    /// The TaskManagers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_manager_config: Option<TaskManagerConfig>,
    /// The JobManager.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_manager_config: Option<JobManagerConfig>,
    /// The name of the jar in Flink's web upload directory, without a path.
    pub jar_name: String,
    /// The parallelism of the job. There are as many TaskManagers as it needs slots.
    #[schemars(range(min = 1))]
    pub parallelism: i64,
    /// The class whose main method builds the job.
    pub entry_class: String,
    /// The arguments of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_args: Option<String>,
    /// Deprecated: use savepointPath.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_info: Option<SavepointInfo>,
    /// The savepoint that the first deploy starts from. Later deploys start from their predecessor's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// Cancels the job without a savepoint on an update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_disabled: Option<bool>,
    /// How an update replaces the running job. Dual (the default; Single is another word for it)
    /// starts the new cluster, stops the old job with a savepoint and starts the new job from it.
    /// BlueGreen lets both jobs run until one is torn down.
    #[schemars(extend("enum" = ["Dual", "Single", "BlueGreen"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_mode: Option<String>,
    /// The port of Flink's RPC. The default is 6123.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpc_port: Option<i64>,
    /// The port of the blob server. The default is 6125.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blob_port: Option<i64>,
    /// The port of the queryable state server. The default is 6124.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_port: Option<i64>,
    /// The port of the JobManager's REST interface and web page. The default is 8081.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ui_port: Option<i64>,
    /// The port of Flink's internal metrics query service. The default is 50101.
    #[schemars(range(min = 1, max = 65535))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metrics_query_port: Option<i64>,
    /// Volumes of the pods.
    #[schemars(schema_with = "embedded::<Option<Vec<Volume>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<Vec<Volume>>,
    /// Where the container of each pod mounts the volumes.
    #[schemars(schema_with = "embedded::<Option<Vec<VolumeMount>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_mounts: Option<Vec<VolumeMount>>,
    /// Any text. A change of it deploys again although nothing else has changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_nonce: Option<String>,
    /// What becomes of the job when the application is deleted: Savepoint (the default) stops it with
    /// a savepoint, ForceCancel cancels it, None lets it end with its cluster.
    #[schemars(extend("enum" = ["Savepoint", "None", "ForceCancel"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_mode: Option<String>,
    /// How a change of nothing but the parallelism is made: on a new cluster (NewCluster, the
    /// default), or on the same cluster with more TaskManagers (InPlace).
    #[schemars(extend("enum" = ["NewCluster", "InPlace"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_mode: Option<String>,
    /// Lets the job start from a savepoint that holds state which no operator of the job claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// Gives an update up and goes back to the job before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_rollback: Option<bool>,
    /// The oldest checkpoint, in seconds, that a job may be restored from when no savepoint can be
    /// taken. The default is 3600.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_checkpoint_restore_age_seconds: Option<i64>,
    /// The hash of the version that is torn down (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tear_down_version_hash: Option<String>,
    /// Starts the job without state when there is neither a savepoint nor a checkpoint to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback_without_state: Option<bool>,
}

/// Deprecated: where the first deploy starts from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointInfo {
    /// Deprecated: use spec.savepointPath.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_location: Option<String>,
}

/// The JobManager's pod.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobManagerConfig {
    /// Resources of the container. The default is 4 CPUs and 3072Mi, requested and limited.
    #[schemars(schema_with = "resources_schema")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Environment variables of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_config: Option<EnvironmentConfig>,
    /// The count of JobManagers. The default is 1; more than one wants high availability.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// The part of the memory that is not heap (Flink below 1.11). The default is 0.5.
    #[schemars(range(min = 0, max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap_memory_fraction: Option<f64>,
    /// The part of the memory that is left to the system (Flink 1.11 and later). The default is 0.2.
    #[schemars(range(min = 0, max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_memory_fraction: Option<f64>,
    /// Labels of the nodes that the pod may run on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints that the pod tolerates.
    #[schemars(schema_with = "embedded::<Option<Vec<Toleration>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// Where the pod is scheduled.
    #[schemars(schema_with = "embedded::<Option<Affinity>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
}

/// The TaskManagers' pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TaskManagerConfig {
    /// Resources of the container. The default is 2 CPUs and 1024Mi, requested and limited.
    #[schemars(schema_with = "resources_schema")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourceRequirements>,
    /// Environment variables of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_config: Option<EnvironmentConfig>,
    /// The task slots of each TaskManager. The default is 16.
    #[schemars(range(min = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_slots: Option<i64>,
    /// The part of the memory that is not heap (Flink below 1.11). The default is 0.5.
    #[schemars(range(min = 0, max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub off_heap_memory_fraction: Option<f64>,
    /// The part of the memory that is left to the system (Flink 1.11 and later). The default is 0.2.
    #[schemars(range(min = 0, max = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_memory_fraction: Option<f64>,
    /// Labels of the nodes that the pods may run on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_selector: Option<BTreeMap<String, String>>,
    /// Taints that the pods tolerate.
    #[schemars(schema_with = "embedded::<Option<Vec<Toleration>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerations: Option<Vec<Toleration>>,
    /// Where the pods are scheduled.
    #[schemars(schema_with = "embedded::<Option<Affinity>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity: Option<Affinity>,
}

/// Environment variables of a container.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EnvironmentConfig {
    /// ConfigMaps and Secrets whose entries become variables.
    #[schemars(schema_with = "embedded::<Option<Vec<EnvFromSource>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_from: Option<Vec<EnvFromSource>>,
    /// Variables, one by one.
    #[schemars(schema_with = "embedded::<Option<Vec<EnvVar>>>")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<Vec<EnvVar>>,
}
