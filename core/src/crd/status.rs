//! The status on the wire: the original's fields, and what the core must remember beside them.
//!
//! Everything at the top is optional, for the original left much of it out. Times that deadlines are
//! counted from have microseconds; times that only tell have seconds, as the original wrote them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, MicroTime, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{Digest, JobId, RevisionId};

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
    pub deployed: Option<DeployedStatus>,
    /// The revision that is being deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<RevisionStatus>,
    /// The last deploy that failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed: Option<FailedStatus>,
    /// The newest completed savepoint that the operator took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint: Option<SavepointStatus>,
    /// What the phase Updating remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updating: Option<UpdatingStatus>,
    /// What the phase ClusterStarting remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster_starting: Option<ClusterStartingStatus>,
    /// What the phase Savepointing remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepointing: Option<SavepointingStatus>,
    /// What the phase SubmittingJob remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submitting_job: Option<SubmittingJobStatus>,
    /// What the phase Running remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<RunningStatus>,
    /// What the phase DeployFailed remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_failed: Option<DeployFailedStatus>,
    /// What the phase Deleting remembers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deleting: Option<DeletingStatus>,
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

/// One attempt to bring a spec to life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionStatus {
    /// The id in the names of all its objects.
    pub id: RevisionId,
    /// The digest of the spec that it brings to life.
    pub digest: Digest,
    /// Which deploy of the application it is, counted from 1.
    #[schemars(range(min = 0))]
    pub number: u32,
    /// The generation of the spec that it brings to life.
    pub generation: i64,
    /// The job that it runs.
    pub job: RevisionJob,
}

/// The job of a revision: all that it takes to submit it again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionJob {
    /// The jar in Flink's web upload directory.
    pub jar_name: String,
    /// The class whose main method builds the job.
    pub entry_class: String,
    /// The arguments of the program; empty for none.
    pub program_args: String,
    /// The parallelism of the job.
    #[schemars(range(min = 1))]
    pub parallelism: u32,
    /// Whether the job may leave state behind.
    pub allow_non_restored_state: bool,
}

/// The revision in charge and its job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployedStatus {
    /// The revision in charge.
    pub revision: RevisionStatus,
    /// The id of its job.
    pub job_id: JobId,
    /// How often it was tried to stop this job.
    #[schemars(range(min = 0))]
    pub stops: u32,
    /// The savepoint or checkpoint that the job started from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
}

/// A deploy that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedStatus {
    /// The digest of the spec that failed: it is not tried again until it changes.
    pub digest: Digest,
    /// The revision that failed.
    pub revision_id: RevisionId,
    /// The phase in which it failed.
    pub phase: String,
    /// The rule that gave it up.
    pub reason: String,
    /// Why, in one sentence.
    pub message: String,
    /// When it was given up.
    pub time: MicroTime,
}

/// A completed savepoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointStatus {
    /// Where it lies.
    pub path: String,
    /// When it was completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<MicroTime>,
    /// The job whose state it holds.
    pub job_id: JobId,
}

/// What the phase Updating remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatingStatus {
    /// When the phase was entered.
    pub since: MicroTime,
    /// How often its effect failed.
    #[schemars(range(min = 0))]
    pub tries: u32,
    /// When its effect is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<MicroTime>,
}

/// What the phase ClusterStarting remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStartingStatus {
    /// When the phase was entered.
    pub since: MicroTime,
}

/// What the phase Savepointing remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SavepointingStatus {
    /// When the phase was entered.
    pub since: MicroTime,
    /// Which savepoint of this job is under way, counted from 1.
    #[schemars(range(min = 0))]
    pub attempt: u32,
    /// When the next one is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<MicroTime>,
}

/// What the phase SubmittingJob remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubmittingJobStatus {
    /// When the phase was entered.
    pub since: MicroTime,
    /// Which submission of this revision is under way, counted from 1.
    #[schemars(range(min = 0))]
    pub attempt: u32,
    /// How often this submission got no answer.
    #[schemars(range(min = 0))]
    pub tries: u32,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<MicroTime>,
    /// The savepoint or checkpoint that the job starts from; none means no state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<String>,
    /// When the job was first seen on its cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted: Option<MicroTime>,
}

/// What the phase Running remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunningStatus {
    /// When the phase was entered.
    pub since: MicroTime,
}

/// What the phase DeployFailed remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployFailedStatus {
    /// When the phase was entered.
    pub since: MicroTime,
}

/// What the phase Deleting remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletingStatus {
    /// When the phase was entered.
    pub since: MicroTime,
    /// The job that must end first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job_id: Option<JobId>,
    /// The revision whose cluster runs that job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision_id: Option<RevisionId>,
    /// Which savepoint of this job is under way, counted from 1.
    #[schemars(range(min = 0))]
    pub attempt: u32,
    /// How often the current effect failed.
    #[schemars(range(min = 0))]
    pub tries: u32,
    /// When it is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<MicroTime>,
    /// What blocks the deletion, and what to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}
