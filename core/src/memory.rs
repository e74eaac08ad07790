//! Memory: all that must survive a restart of the operator. It lives in the resource's status.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::application::{Colour, JobPlan, Ports};
use crate::health::{ClusterFigures, JobFigures};
use crate::id::{Digest, JobId, RevisionId, TriggerId};
use crate::phase::Phase;

/// Where the machine is, and what it keeps whatever the phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// The phase with its own data.
    pub phase: Phase,
    /// What outlives a phase.
    #[serde(default)]
    pub ledger: Ledger,
}

/// What outlives a phase.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Ledger {
    /// How many deploys were begun; the number of the next one is one more.
    pub deploys: u32,
    /// The revision whose job was seen running last.
    pub deployed: Option<Deployed>,
    /// The deployed job, once we have stopped it; None while it runs, as far as we are concerned.
    pub stopped: Option<Stopped>,
    /// The newer version that runs beside the deployed one (BlueGreen).
    pub second: Option<Deployed>,
    /// What the version that was torn down last was made of: the same spec does not deploy it again.
    pub torn_down: Option<Digest>,
    /// The deploy that failed last; forgotten when one succeeds.
    pub failed: Option<Failure>,
    /// The last trouble that made a phase try again.
    pub last_error: Option<LastError>,
    /// How the cluster looked; it only tells.
    pub cluster: Option<ClusterFigures>,
    /// How the job looked; it only tells.
    pub job: Option<JobFigures>,
    /// How the second version's cluster looked.
    pub second_cluster: Option<ClusterFigures>,
    /// How the second version's job looked.
    pub second_job: Option<JobFigures>,
}

/// One attempt to bring a spec to life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Revision {
    /// Names its objects.
    pub id: RevisionId,
    /// What it was made of; None where the original operator deployed it and did not say.
    pub digest: Option<Digest>,
    /// The count of deploys when it began, from 1.
    pub number: u32,
    /// metadata.generation of the spec that it was made of.
    pub generation: i64,
    /// The job, pinned: an edit of the spec does not change what is being submitted.
    pub job: JobPlan,
    /// Its colour (BlueGreen), part of the names of its objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub colour: Option<Colour>,
    /// Its cluster, pinned; None where the original operator deployed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterPlan>,
}

/// What must be known of a revision's cluster when the spec already says something else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterPlan {
    /// What it was made of, the job's parallelism and the count of TaskManagers left out: scaling in place needs
    /// nothing else to have changed.
    pub digest: Digest,
    /// The count of TaskManagers.
    pub taskmanagers: u32,
    /// The ports of its pods and Services.
    pub ports: Ports,
}

/// A revision whose job was seen running.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deployed {
    /// The revision.
    pub revision: Revision,
    /// Its job in Flink.
    pub job: JobId,
    /// The number, from 1, of the try to stop this job that is under way or comes next. A failed
    /// try's number is never used again: Flink keeps the failure under its trigger id.
    pub next_stop: u32,
    /// What the job started from.
    pub restored_from: Option<String>,
    /// The number of the last submission of this revision; 0 where the original operator submitted it.
    #[serde(default)]
    pub attempt: u32,
    /// The job could not be started again from its own state: only an edit of the spec makes another try.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub given_up: bool,
    /// A deploy came as far as asking this job to stop. Whatever became of that deploy, the request may still be on its
    /// way: if the job stops with a savepoint, it was us, and it is started again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stop_asked: bool,
}

impl Deployed {
    /// The job and the next try to stop it.
    pub fn holder(&self) -> JobHolder {
        JobHolder { revision: self.revision.id.clone(), job: self.job.clone(), next_stop: self.next_stop }
    }
}

/// A job that may be running, and the cluster that holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobHolder {
    /// Whose JobManager.
    pub revision: RevisionId,
    /// The job.
    pub job: JobId,
    /// As [`Deployed::next_stop`].
    pub next_stop: u32,
}

impl JobHolder {
    /// The id of the try to stop it that is under way or comes next.
    pub fn trigger(&self, application_uid: &str) -> TriggerId {
        TriggerId::derive(application_uid, &self.job, self.next_stop)
    }
}

/// A job that we have stopped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Stopped {
    /// The job.
    pub job: JobId,
    /// Its newest savepoint or checkpoint; None where it left none, or where the user gave it up.
    pub state: Option<String>,
}

/// A deploy that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// What was to be deployed; None where the spec was refused before it had a digest.
    pub digest: Option<Digest>,
    /// The revision that failed, if one was begun.
    pub revision: Option<RevisionId>,
    /// metadata.generation of the spec that failed.
    pub generation: i64,
    /// The name of the rule that gave up.
    pub reason: String,
    /// What happened and what to do, in one or two sentences.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

/// `status.lastSeenError`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LastError {
    /// The call that failed, as the original names it.
    pub method: String,
    /// The root cause in one line.
    pub message: String,
    /// When.
    pub time: Timestamp,
}

/// Tries that failed in this phase, and when the next one may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Tries {
    /// Failed tries since the phase was entered.
    pub failed: u32,
    /// The next try must not begin before.
    pub not_before: Option<Timestamp>,
}
