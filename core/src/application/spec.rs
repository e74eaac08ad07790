//! A valid spec: every number in its range, every default filled in, every word understood.

use std::collections::BTreeMap;
use std::num::{NonZeroU16, NonZeroU32};

use k8s_openapi::api::core::v1::{
    Affinity, EnvFromSource, EnvVar, LocalObjectReference, PodSecurityContext, ResourceRequirements, Toleration,
    Volume, VolumeMount,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refusal::Problem;
use super::version::{Ability, FlinkVersion};
use crate::id::{Digest, RevisionId};

/// What an application asks for. Only a parse makes one, so it is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Spec {
    /// The image of all pods.
    pub image: String,
    /// Always, Never or IfNotPresent.
    pub image_pull_policy: String,
    /// Secrets to pull the image with.
    pub image_pull_secrets: Vec<LocalObjectReference>,
    /// The service account of the pods; none for the namespace's default.
    pub service_account_name: Option<String>,
    /// The security context of the pods.
    pub security_context: Option<PodSecurityContext>,
    /// The version of Flink in the image; none when it was left out or cannot be read.
    pub flink_version: Option<FlinkVersion>,
    /// Flink's configuration as the user gave it, values printed, without the keys that are the
    /// operator's.
    pub flink_config: BTreeMap<String, String>,
    /// Who keeps the JobManager's state.
    pub high_availability: HighAvailability,
    /// The option that gives Flink its memory.
    pub memory_option: MemoryOption,
    /// The ports of the pods and the Services.
    pub ports: Ports,
    /// The JobManager's pods.
    pub jobmanager: JobManager,
    /// The TaskManagers' pods.
    pub taskmanager: TaskManager,
    /// Volumes of all pods.
    pub volumes: Vec<Volume>,
    /// Where all containers mount them.
    pub volume_mounts: Vec<VolumeMount>,
    /// The job.
    pub job: JobPlan,
    /// Any text that makes another deploy of the same spec.
    pub restart_nonce: Option<String>,
    /// The savepoint that the first deploy starts from.
    pub initial_savepoint: Option<String>,
    /// What becomes of the job when the application is deleted.
    pub delete_mode: DeleteMode,
    /// The oldest checkpoint, in seconds, that may stand in for a savepoint.
    pub max_checkpoint_restore_age_seconds: NonZeroU32,
    /// How an update replaces the running job.
    pub deployment_mode: DeploymentMode,
    /// A change of nothing but the parallelism is made on the same cluster.
    pub scales_in_place: bool,
    /// An update cancels the job without a savepoint, and the new one starts afresh.
    pub savepoint_disabled: bool,
    /// An update under way is given up.
    pub force_rollback: bool,
    /// A job may start without its state where there is nothing else to start from.
    pub fallback_without_state: bool,
    /// The revision that is to be torn down (BlueGreen).
    pub tear_down: Option<RevisionId>,
    /// What is allowed and yet hardly meant.
    pub warnings: Vec<Problem>,
    pub(super) digest: Digest,
    pub(super) cluster_digest: Digest,
}

impl Spec {
    /// The identity of what this spec asks for: over what shapes the pods and the job.
    ///
    /// Labels, annotations, modes, the initial savepoint and the operator's own templates are not
    /// part of it; a default written out and the same default left away are the same.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The same without the parallelism and what follows from it.
    pub fn cluster_digest(&self) -> &Digest {
        &self.cluster_digest
    }
}

/// How an update replaces the running job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, strum::Display)]
pub enum DeploymentMode {
    /// The old job is stopped before the new one starts.
    #[default]
    Dual,
    /// Both run until one of them is torn down.
    BlueGreen,
}

/// The colour of a version (BlueGreen).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Colour {
    /// The second version's, and every other one's after it.
    Blue,
    /// The first version's.
    Green,
}

impl Colour {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Blue => Self::Green,
            Self::Green => Self::Blue,
        }
    }
}

/// The job, as it is submitted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobPlan {
    /// The jar in Flink's web upload directory.
    pub jar_name: String,
    /// The class whose main method builds the job; empty means the one that the jar names.
    pub entry_class: String,
    /// The arguments of the program; empty for none.
    pub program_args: String,
    /// The parallelism of the job.
    pub parallelism: NonZeroU32,
    /// Whether the job may leave state behind.
    pub allow_non_restored_state: bool,
}

/// The JobManager: how many, and what each pod looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct JobManager {
    /// How many JobManagers.
    pub replicas: NonZeroU32,
    /// What each pod looks like.
    pub pod: PodPlan,
}

/// The TaskManagers: how many, and what each pod looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskManager {
    /// The task slots of each TaskManager.
    pub slots: NonZeroU32,
    /// How many TaskManagers: enough for the job's parallelism.
    pub replicas: NonZeroU32,
    /// What each pod looks like.
    pub pod: PodPlan,
}

/// What the pods of one role look like beyond what all pods share.
#[derive(Clone, Debug, PartialEq)]
pub struct PodPlan {
    /// Resources of the container, quantities in canonical form.
    pub resources: ResourceRequirements,
    /// What Flink is told to use of the container's memory, in KiB.
    pub flink_memory_kib: u64,
    /// Environment variables.
    pub env: Vec<EnvVar>,
    /// ConfigMaps and Secrets whose entries become environment variables.
    pub env_from: Vec<EnvFromSource>,
    /// Labels of the nodes that the pods may run on.
    pub node_selector: BTreeMap<String, String>,
    /// Taints that the pods tolerate.
    pub tolerations: Vec<Toleration>,
    /// Where the pods are scheduled.
    pub affinity: Option<Affinity>,
}

/// The ports of the pods and the Services, all different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ports {
    /// Flink's RPC.
    pub rpc: NonZeroU16,
    /// The blob server.
    pub blob: NonZeroU16,
    /// Queryable state.
    pub query: NonZeroU16,
    /// The JobManager's REST interface and web page.
    pub ui: NonZeroU16,
    /// Flink's internal metrics query service.
    pub metrics: NonZeroU16,
}

impl Ports {
    /// The ports with their names, in the order in which objects list them.
    pub fn named(&self) -> [(&'static str, NonZeroU16); 5] {
        [("rpc", self.rpc), ("blob", self.blob), ("query", self.query), ("ui", self.ui), ("metrics", self.metrics)]
    }
}

/// What becomes of the job when its application is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeleteMode {
    /// It is stopped with a savepoint.
    #[default]
    Savepoint,
    /// It is cancelled.
    ForceCancel,
    /// It ends with its cluster.
    None,
}

impl DeleteMode {
    /// The mode of that name. A word that is not one of them means the mode that loses nothing.
    pub fn read(word: Option<&str>) -> Self {
        match word {
            Some("ForceCancel") => Self::ForceCancel,
            Some("None") => Self::None,
            Some(_) | None => Self::Savepoint,
        }
    }
}

/// Who keeps the JobManager's state when it dies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HighAvailability {
    /// Nobody: a JobManager that restarts has lost its jobs.
    None,
    /// ConfigMaps of the Kubernetes cluster.
    Kubernetes,
    /// A ZooKeeper.
    ZooKeeper,
    /// A factory class of the image.
    Other(String),
}

impl HighAvailability {
    /// Whether anybody keeps it.
    pub fn is_on(&self) -> bool {
        *self != Self::None
    }
}

/// The option that gives Flink its memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryOption {
    /// The size of the heap: Flink below 1.11, and when the version is not known.
    Heap,
    /// The size of the whole process: Flink from 1.11 on.
    Process,
}

impl MemoryOption {
    /// The option that a version understands.
    pub fn of(version: Option<FlinkVersion>) -> Self {
        if version.is_some_and(|version| version.can(Ability::ProcessMemory)) { Self::Process } else { Self::Heap }
    }

    /// The key in Flink's configuration for `jobmanager` or `taskmanager`.
    pub fn key(self, role: &str) -> String {
        match self {
            Self::Heap => format!("{role}.heap.size"),
            Self::Process => format!("{role}.memory.process.size"),
        }
    }
}
