//! The status on the wire: the original's fields, and what the core must remember beside them.
//!
//! Everything at the top is optional, for the original left much of it out. What the phases and the
//! ledger remember is written as the core holds it. Times that only tell have whole seconds.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::memory::{Deployed, Failure, Stopped};
use crate::phase::{
    Cancelling, ClusterStarting, Deleting, DeployFailed, DualRunning, Launch, Recovering, Rescaling, RollingBackJob,
    Running, Savepointing, Updating,
};

/// What the operator tells about an application, and what it must still know after a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlinkApplicationStatus {
    /// Where the application stands. Empty means new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Never written; read because the original declared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When the status was last written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_updated_at: Option<Time>,
    /// Never written; read because the original declared it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The colour of the version in charge (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_version: Option<String>,
    /// The colour of the version under way (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updating_version: Option<String>,
    /// The Flink cluster as it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_status: Option<FlinkClusterStatus>,
    /// The job as it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_status: Option<FlinkJobStatus>,
    /// The deployed and the updating version (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_statuses: Option<Vec<FlinkApplicationVersionStatus>>,
    /// The id of the last revision whose deploy failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_deploy_hash: Option<String>,
    /// The id of the revision that a failed deploy left in charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback_hash: Option<String>,
    /// The id of the deployed revision: its job runs, or ran last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_hash: Option<String>,
    /// The id of the revision under way (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updating_hash: Option<String>,
    /// The id of the revision that was torn down (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teardown_hash: Option<String>,
    /// The id that the cluster had before it was scaled in place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_place_updated_from_hash: Option<String>,
    /// The savepoint request under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_trigger_id: Option<String>,
    /// The savepoint or checkpoint that the next job starts from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// How often the failing call of the current phase was repeated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_count: Option<i64>,
    /// The error that stands in the way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_seen_error: Option<FlinkApplicationError>,
    /// The deployment mode that the application was first seen with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment_mode: Option<String>,

    /// The generation of the spec that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions in the form that `kubectl wait` reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<Condition>>,
    /// How many deploys were begun in the life of the application.
    #[schemars(range(min = 0))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploys: Option<u32>,
    /// The revision in charge and its job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed: Option<Deployed>,
    /// The last deploy that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
    /// The deployed job, once it was stopped, and the state that it left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// The newer version that runs beside the deployed one (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub second: Option<Deployed>,
    /// What the version that was torn down last was made of (BlueGreen).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub torn_down: Option<Digest>,
    /// What the phase Updating remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updating: Option<Updating>,
    /// What the phase ClusterStarting remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_starting: Option<ClusterStarting>,
    /// What the phase Savepointing remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepointing: Option<Savepointing>,
    /// What the phase SubmittingJob remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitting_job: Option<Launch>,
    /// What the phase Rescaling remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rescaling: Option<Rescaling>,
    /// What the phase Cancelling remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancelling: Option<Cancelling>,
    /// What the phase Recovering remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovering: Option<Recovering>,
    /// What the phase RollingBackJob remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolling_back_job: Option<RollingBackJob>,
    /// What the phase DualRunning remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dual_running: Option<DualRunning>,
    /// What the phase Running remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<Running>,
    /// What the phase DeployFailed remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_failed: Option<DeployFailed>,
    /// What the phase Deleting remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleting: Option<Deleting>,
}

/// The Flink cluster as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlinkClusterStatus {
    /// The address of Flink's web page; empty when there is no way in from outside.
    #[serde(rename = "clusterOverviewURL", skip_serializing_if = "Option::is_none")]
    pub cluster_overview_url: Option<String>,
    /// Green, Yellow or Red.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// How many TaskManagers are available.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_task_managers: Option<i64>,
    /// How many TaskManagers sent a heartbeat of late.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_task_managers: Option<i64>,
    /// How many task slots the cluster has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_task_slots: Option<i64>,
    /// How many task slots are free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_task_slots: Option<i64>,
}

/// The job as it was last seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlinkJobStatus {
    /// The address of the job's page; empty when there is no way in from outside.
    #[serde(rename = "jobOverviewURL", skip_serializing_if = "Option::is_none")]
    pub job_overview_url: Option<String>,
    /// Flink's id of the job.
    #[serde(rename = "jobID", skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Green, Yellow or Red.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The state of the job, in Flink's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The jar that the job was started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jar_name: Option<String>,
    /// The parallelism that the job was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallelism: Option<i64>,
    /// The class that the job was started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry_class: Option<String>,
    /// The arguments that the job was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub program_args: Option<String>,
    /// Whether the job was allowed to leave state behind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// When the job started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// How often the job was restarted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_restart_count: Option<i64>,
    /// How many checkpoints were completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_checkpoint_count: Option<i64>,
    /// How many checkpoints failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_checkpoint_count: Option<i64>,
    /// The checkpoint or savepoint that the job was last restored from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_path: Option<String>,
    /// When the job was last restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_time: Option<Time>,
    /// When the job was last seen failing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failing_time: Option<Time>,
    /// The path of the newest completed checkpoint.
    #[serde(rename = "lastCheckpoint", skip_serializing_if = "Option::is_none")]
    pub last_checkpoint_path: Option<String>,
    /// When the newest completed checkpoint was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_checkpoint_time: Option<Time>,
    /// How many tasks run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_tasks: Option<i64>,
    /// How many tasks the job has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_tasks: Option<i64>,
    /// Whether the job takes checkpoints by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpointing: Option<bool>,
    /// When these figures were taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<Time>,
}

/// One of the two versions of an application (BlueGreen).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlinkApplicationVersionStatus {
    /// blue or green.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// The id of the version's revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_hash: Option<String>,
    /// The version's cluster as it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_status: Option<FlinkClusterStatus>,
    /// The version's job as it was last seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_status: Option<FlinkJobStatus>,
}

/// An error that stands in the way, and what is done about it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FlinkApplicationError {
    /// The error in one sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app_error: Option<String>,
    /// The call that failed, in the original's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// What kind of error it is, in the original's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// Whether the call is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_retryable: Option<bool>,
    /// Whether the deploy is given up at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_fail_fast: Option<bool>,
    /// How often the call is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i64>,
    /// When the call last failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error_update_time: Option<Time>,
}
