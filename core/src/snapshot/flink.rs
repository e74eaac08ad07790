//! What is asked of a JobManager, and its answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Seen;
use crate::id::{JobId, TriggerId};

/// Questions to one JobManager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlinkNeeds {
    /// Slots and TaskManagers.
    pub overview: bool,
    /// The state of this job.
    pub job: Option<JobId>,
    /// How often that job restarted, which only tells.
    pub restarts: bool,
    /// A savepoint; asked before the job, so that a job that is seen to run ran after it.
    pub savepoint: Option<SavepointNeed>,
    /// The checkpoint statistics of this job.
    pub checkpoints: Option<JobId>,
    /// Whether checkpoints of this job outlive its cancellation.
    pub retention: Option<JobId>,
}

impl FlinkNeeds {
    /// Whether the answers to `asked` hold all the answers to these.
    pub fn are_met_by(&self, asked: &Self) -> bool {
        let Self { overview, job, restarts, savepoint, checkpoints, retention } = self;
        let is_asked = |one: &Option<JobId>, asked: &Option<JobId>| one.is_none() || one == asked;
        *overview <= asked.overview
            && is_asked(job, &asked.job)
            && *restarts <= asked.restarts
            // An answer about a savepoint can make the other questions needless.
            && *savepoint == asked.savepoint
            && is_asked(checkpoints, &asked.checkpoints)
            && is_asked(retention, &asked.retention)
    }
}

/// The question how far a savepoint is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SavepointNeed {
    /// The job that it is taken of.
    pub job: JobId,
    /// The id under which it was asked for.
    pub trigger: TriggerId,
    /// One that is under way or complete says all: job and checkpoints are not asked then. No job may be running
    /// meanwhile, so every question counts.
    pub says_all: bool,
}

impl SavepointNeed {
    /// Whether this answer leaves nothing to be asked.
    pub fn is_met_by(&self, seen: &Seen<SavepointSeen>) -> bool {
        let goes_well = matches!(seen, Seen::Present(SavepointSeen::InProgress | SavepointSeen::Completed { .. }));
        self.says_all && goes_well
    }
}

/// One line of `GET /jobs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListedJob {
    /// The job.
    pub id: JobId,
    /// Its state.
    pub state: JobState,
}

/// One JobManager's answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FlinkSeen {
    /// Slots and TaskManagers.
    pub overview: Seen<Overview>,
    /// The asked job; Absent when Flink does not know it.
    pub job: Seen<Job>,
    /// The asked savepoint; Absent when Flink does not know the trigger.
    pub savepoint: Seen<SavepointSeen>,
    /// The asked job's checkpoint statistics.
    pub checkpoints: Seen<Checkpoints>,
    /// What becomes of the asked job's checkpoints when it is cancelled; Absent where it takes none.
    pub retention: Seen<Retention>,
}

impl FlinkSeen {
    /// One of the questions found no JobManager.
    pub fn is_unreachable(&self) -> bool {
        let Self { overview, job, savepoint, checkpoints, retention } = self;
        overview.is_unreachable()
            || job.is_unreachable()
            || savepoint.is_unreachable()
            || checkpoints.is_unreachable()
            || retention.is_unreachable()
    }
}

/// `GET /jobs/:id/checkpoints/config`: what becomes of a job's checkpoints when it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Retention {
    /// They stay (`RETAIN_ON_CANCELLATION`).
    Retained,
    /// They are deleted.
    Deleted,
    /// The job takes none by itself.
    None,
}

/// `GET /taskmanagers`, with the sums that `GET /overview` has as well.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Overview {
    /// Slots of all registered TaskManagers.
    pub slots_total: u32,
    /// Slots that no task uses.
    pub slots_available: u32,
    /// The last heartbeat of each registered TaskManager.
    pub heartbeats: Vec<Timestamp>,
}

/// `GET /jobs/:id`, and the root cause from `/jobs/:id/exceptions` where the job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Flink's word for the job as a whole.
    pub state: JobState,
    /// When Flink accepted the job.
    #[serde(default)]
    pub start_time: Option<Timestamp>,
    /// Its tasks by state.
    #[serde(default)]
    pub tasks: Tasks,
    /// `numRestarts`, where the JobManager told it.
    #[serde(default)]
    pub restarts: Option<u32>,
    /// The root cause of the last failure in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// Counts of tasks (parallel subtasks of all vertices).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Tasks {
    /// All of them; zero while Flink still builds the graph.
    pub total: u32,
    /// RUNNING
    pub running: u32,
    /// FINISHED
    pub finished: u32,
    /// FAILED
    pub failed: u32,
    /// CREATED: not even scheduled.
    pub created: u32,
}

impl Tasks {
    /// Every task runs, or has already done its part.
    pub fn all_started(&self) -> bool {
        self.total > 0 && self.running.saturating_add(self.finished) >= self.total
    }

    /// The job has started: every task runs, has done its part, or waits for its stage. In a batch job the tasks of a
    /// later stage are not even scheduled before an earlier one is done; a streaming job schedules all at once.
    pub fn first_stage_started(&self) -> bool {
        let started = self.running.saturating_add(self.finished);
        started > 0 && started.saturating_add(self.created) >= self.total
    }
}

/// Flink's job states, as it spells them.
///
/// See <https://nightlies.apache.org/flink/flink-docs-stable/docs/internals/job_scheduling/>.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString, strum::EnumIter,
)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum JobState {
    /// The JobMaster is being made.
    Initializing,
    /// Accepted, not yet scheduled.
    Created,
    /// Scheduled; its tasks may still be starting.
    Running,
    /// A task failed and the job is going down.
    Failing,
    /// Ended by a failure that no restart mends.
    Failed,
    /// Being cancelled.
    Cancelling,
    /// Ended by a cancellation.
    Canceled,
    /// Ended well: its sources ended, or it was stopped with a savepoint.
    Finished,
    /// Between two tries after a failure.
    Restarting,
    /// Its JobManager lost leadership; another may go on with it.
    Suspended,
    /// Looking for its tasks after a JobManager failover.
    Reconciling,
}

impl JobState {
    /// Nothing runs any more and nothing will under this id.
    pub fn has_ended(self) -> bool {
        match self {
            JobState::Failed | JobState::Canceled | JobState::Finished | JobState::Suspended => true,
            JobState::Initializing
            | JobState::Created
            | JobState::Running
            | JobState::Failing
            | JobState::Cancelling
            | JobState::Restarting
            | JobState::Reconciling => false,
        }
    }
}

/// `GET /jobs/:id/savepoints/:trigger`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SavepointSeen {
    /// Flink is at it.
    InProgress,
    /// Done; for a stop-with-savepoint the job has ended too.
    Completed {
        /// Where the savepoint is.
        path: String,
    },
    /// Flink gave up on it.
    Failed {
        /// The root cause in one line.
        cause: String,
    },
}

/// `GET /jobs/:id/checkpoints`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Checkpoints {
    /// Completed since the job started.
    pub completed: u32,
    /// Failed since the job started.
    pub failed: u32,
    /// The newest completed checkpoint.
    pub latest: Option<Checkpoint>,
    /// The state that the job started or restarted from last.
    pub restored: Option<Checkpoint>,
    /// The newest completed savepoint that was taken to stop the job; not one after which the job ran on.
    pub savepoint: Option<Checkpoint>,
    /// The newest completed savepoint, whatever it was taken for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any_savepoint: Option<Checkpoint>,
}

/// One checkpoint or savepoint in Flink's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoint {
    /// Where it is; None where Flink says that the storage has no address.
    pub path: Option<String>,
    /// When it was triggered (of a restored one: when it was restored).
    pub time: Timestamp,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn job(number: u32) -> Option<JobId> {
        serde_json::from_value(format!("{number:032x}").into()).ok()
    }

    #[test]
    fn answers_hold_those_to_the_same_questions_and_to_fewer() {
        let asked =
            FlinkNeeds { overview: true, job: job(1), restarts: true, checkpoints: job(1), ..Default::default() };
        assert!(asked.are_met_by(&asked));
        assert!(FlinkNeeds { overview: false, checkpoints: None, ..asked.clone() }.are_met_by(&asked));
        assert!(!asked.are_met_by(&FlinkNeeds { overview: false, ..asked.clone() }));
        assert!(!FlinkNeeds { job: job(2), ..asked.clone() }.are_met_by(&asked));
        assert!(!FlinkNeeds { retention: job(1), ..asked.clone() }.are_met_by(&asked));
    }

    #[test]
    fn a_savepoint_that_was_asked_for_may_have_made_the_other_questions_needless() {
        let trigger = serde_json::from_value(format!("{:032x}", 7).into()).unwrap();
        let savepoint = Some(SavepointNeed { job: job(1).unwrap(), trigger, says_all: true });
        let fewer = FlinkNeeds { job: job(1), ..Default::default() };
        assert!(!fewer.are_met_by(&FlinkNeeds { savepoint, ..fewer.clone() }));
    }
}
