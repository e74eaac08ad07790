//! The bodies that go over the wire, with only the fields that are read.
//!
//! A field that some version leaves out is optional; one that every version (1.13 to 2.1 were looked
//! at) sends is not, so that a body of something else is an error and not a set of zeros.

use std::collections::BTreeMap;

use flink_operator_core::snapshot::JobState;
use serde::{Deserialize, Serialize};

/// Any answer with a status of 400 or more.
#[derive(Deserialize)]
pub struct Refusal {
    pub errors: Vec<String>,
}

/// `GET /overview`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ClusterOverview {
    pub flink_version: Option<String>,
}

/// `GET /taskmanagers`
#[derive(Deserialize)]
pub struct TaskManagers {
    pub taskmanagers: Vec<TaskManager>,
}

/// One TaskManager.
#[derive(Deserialize)]
pub struct TaskManager {
    #[serde(rename = "slotsNumber")]
    pub slots: u32,
    #[serde(rename = "freeSlots")]
    pub free_slots: u32,
    /// Despite its name the time of the last heartbeat, in milliseconds since 1970.
    #[serde(rename = "timeSinceLastHeartbeat")]
    pub last_heartbeat: i64,
}

/// `GET /jobs`
#[derive(Deserialize)]
pub struct Jobs {
    pub jobs: Vec<JobStatus>,
}

/// One job of the list.
#[derive(Deserialize)]
pub struct JobStatus {
    pub id: String,
    pub status: JobState,
}

/// `GET /jobs/:id`
#[derive(Deserialize)]
pub struct JobDetails {
    pub state: JobState,
    /// Milliseconds since 1970, or something below 1.
    #[serde(rename = "start-time")]
    pub start_time: Option<i64>,
    /// Empty until the graph is built.
    pub vertices: Vec<Vertex>,
}

/// One operator chain of a job.
#[derive(Deserialize)]
pub struct Vertex {
    /// Counts of its subtasks by state; every state is listed.
    pub tasks: BTreeMap<String, u32>,
}

/// One of `GET /jobs/:id/metrics?get=...`
#[derive(Deserialize)]
pub struct Metric {
    pub id: String,
    pub value: Option<String>,
}

/// `GET /jobs/:id/exceptions`
#[derive(Deserialize)]
pub struct Exceptions {
    /// Until Flink 1.20.
    #[serde(rename = "root-exception")]
    pub root: Option<String>,
    /// Since Flink 1.13; the newest comes first.
    #[serde(rename = "exceptionHistory")]
    pub history: Option<ExceptionHistory>,
}

/// The failures of a job.
#[derive(Deserialize)]
pub struct ExceptionHistory {
    pub entries: Vec<ExceptionEntry>,
}

/// One failure of a job.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExceptionEntry {
    pub exception_name: Option<String>,
    pub stacktrace: Option<String>,
}

/// `GET /jobs/:id/savepoints/:trigger`
#[derive(Deserialize)]
pub struct SavepointOperation {
    pub status: OperationStatus,
    pub operation: Option<SavepointResult>,
}

/// How far an operation is.
#[derive(Deserialize)]
pub struct OperationStatus {
    pub id: OperationState,
}

/// `COMPLETED` says only that it is over.
#[derive(Deserialize, PartialEq, Eq)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OperationState {
    InProgress,
    Completed,
}

/// One of both.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SavepointResult {
    pub location: Option<String>,
    pub failure_cause: Option<FailureCause>,
}

/// A Java exception.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FailureCause {
    pub class: String,
    pub stack_trace: Option<String>,
}

/// `GET /jobs/:id/checkpoints/config`
#[derive(Deserialize)]
pub struct CheckpointConfig {
    /// Milliseconds; the greatest number where the job takes none by itself.
    pub interval: i64,
    pub externalization: Externalization,
}

/// What becomes of checkpoints that nobody needs for a restart.
#[derive(Deserialize)]
pub struct Externalization {
    pub enabled: bool,
    pub delete_on_cancellation: bool,
}

/// `GET /jobs/:id/checkpoints`
#[derive(Deserialize)]
pub struct CheckpointStatistics {
    pub counts: CheckpointCounts,
    pub latest: LatestCheckpoints,
    #[serde(default)]
    pub history: Vec<CheckpointEntry>,
}

/// Since the job started.
#[derive(Deserialize)]
pub struct CheckpointCounts {
    pub completed: u32,
    pub failed: u32,
}

/// The newest of each kind.
#[derive(Deserialize)]
pub struct LatestCheckpoints {
    pub completed: Option<CompletedCheckpoint>,
    pub savepoint: Option<CompletedCheckpoint>,
    pub restored: Option<RestoredCheckpoint>,
}

/// A completed checkpoint or savepoint.
#[derive(Clone, Deserialize)]
pub struct CompletedCheckpoint {
    /// A path, or words in angle brackets.
    pub external_path: Option<String>,
    /// Milliseconds since 1970.
    pub trigger_timestamp: i64,
    /// Flink has deleted it.
    #[serde(default)]
    pub discarded: bool,
    /// `SYNC_SAVEPOINT` where the savepoint was taken to stop the job; older versions do not tell.
    pub checkpoint_type: Option<String>,
}

/// What a job started from.
#[derive(Deserialize)]
pub struct RestoredCheckpoint {
    pub external_path: Option<String>,
    /// Milliseconds since 1970.
    pub restore_timestamp: i64,
}

/// One line of the history.
#[derive(Deserialize)]
pub struct CheckpointEntry {
    pub status: String,
    pub is_savepoint: bool,
}

/// `POST /jars/:jar/run`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunJar<'a> {
    pub job_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub entry_class: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub program_args_list: Vec<String>,
    pub parallelism: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub savepoint_path: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_non_restored_state: bool,
}

/// The answer to [`RunJar`].
#[derive(Deserialize)]
pub struct JobStarted {
    pub jobid: String,
}

/// `POST /jobs/:id/stop`
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stop<'a> {
    pub drain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<&'a str>,
}

/// `POST /jobs/:id/savepoints`
#[derive(Serialize)]
pub struct TakeSavepoint<'a> {
    #[serde(rename = "cancel-job")]
    pub cancel_job: bool,
    #[serde(rename = "triggerId", skip_serializing_if = "Option::is_none")]
    pub trigger_id: Option<&'a str>,
}

/// The answer to a request that goes on by itself.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Triggered {
    pub request_id: String,
}
