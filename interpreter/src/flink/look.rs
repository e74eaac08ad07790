//! What a JobManager is asked.

use std::collections::BTreeMap;

use flink_operator_core::id::{JobId, TriggerId};
use flink_operator_core::snapshot::{
    Checkpoint, Checkpoints, Job, JobState, ListedJob, Overview, Retention, SavepointSeen, Tasks,
};
use jiff::Timestamp;

use super::http::{Call, Request};
use super::{JobManager, cause, wire};
use crate::error::Error;

impl JobManager<'_> {
    /// Slots and TaskManagers. What `/overview` counts are the sums of what `/taskmanagers` tells of each.
    pub async fn overview(&self) -> Result<Overview, Error> {
        let found: Option<wire::TaskManagers> = self.get(Request::get(Call::TaskManagers, &["taskmanagers"])).await?;
        let found = found.ok_or_else(|| self.nonsense("/taskmanagers", "it has no list of TaskManagers"))?;
        let sum =
            |slots: fn(&wire::TaskManager) -> u32| found.taskmanagers.iter().map(slots).fold(0, u32::saturating_add);
        let heartbeats = found.taskmanagers.iter().map(|one| self.time("/taskmanagers", one.last_heartbeat));
        Ok(Overview {
            slots_total: sum(|one| one.slots),
            slots_available: sum(|one| one.free_slots),
            heartbeats: heartbeats.collect::<Result<_, _>>()?,
        })
    }

    pub(super) async fn cluster(&self) -> Result<wire::ClusterOverview, Error> {
        let found = self.get(Request::get(Call::Overview, &["overview"])).await?;
        found.ok_or_else(|| self.nonsense("/overview", "it has no overview"))
    }

    /// All jobs that the JobManager knows, with those that have ended.
    pub async fn jobs(&self) -> Result<Vec<ListedJob>, Error> {
        let found: Option<wire::Jobs> = self.get(Request::get(Call::Jobs, &["jobs"])).await?;
        let jobs = found.ok_or_else(|| self.nonsense("/jobs", "it has no list of jobs"))?.jobs;
        Ok(jobs.into_iter().map(|job| ListedJob { id: JobId::known(job.id), state: job.status }).collect())
    }

    /// A job, without its restarts; None when Flink does not know it. Where it fails, the cause is asked for too.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, Error> {
        let path = ["jobs", id.as_str()];
        let details: Option<wire::JobDetails> = self.get(Request::get(Call::Job, &path)).await?;
        let Some(details) = details else { return Ok(None) };
        let failure = match details.state {
            JobState::Failed | JobState::Failing | JobState::Restarting => self.failure(id).await,
            JobState::Initializing
            | JobState::Created
            | JobState::Running
            | JobState::Cancelling
            | JobState::Canceled
            | JobState::Finished
            | JobState::Suspended
            | JobState::Reconciling => None,
        };
        let started = details.start_time.filter(|time| *time > 0);
        Ok(Some(Job {
            state: details.state,
            start_time: started.map(|time| self.time("/jobs/:id", time)).transpose()?,
            tasks: tasks(&details.vertices),
            restarts: None,
            failure,
        }))
    }

    /// How often the job restarted; it only tells, so no answer is None.
    pub async fn restarts(&self, id: &JobId) -> Option<u32> {
        let path = ["jobs", id.as_str(), "metrics"];
        let request = Request::get(Call::JobMetrics, &path).query(&[("get", "numRestarts")]);
        let metrics: Vec<wire::Metric> = self.get(request).await.ok()??;
        let metric = metrics.into_iter().find(|metric| metric.id == "numRestarts")?;
        metric.value?.parse().ok()
    }

    /// The root cause of the newest failure; it only explains, so no answer is None.
    async fn failure(&self, id: &JobId) -> Option<String> {
        let path = ["jobs", id.as_str(), "exceptions"];
        let exceptions: wire::Exceptions = self.get(Request::get(Call::Exceptions, &path)).await.ok()??;
        let newest = exceptions.history.and_then(|history| history.entries.into_iter().next());
        let trace = newest.and_then(|entry| entry.stacktrace.or(entry.exception_name)).or(exceptions.root)?;
        Some(cause::root_cause(&trace)).filter(|cause| !cause.is_empty())
    }

    /// A savepoint; None when Flink does not know the trigger (or not even the job).
    ///
    /// The status `COMPLETED` says only that it is over: the outcome is a location or a cause.
    pub async fn savepoint(&self, job: &JobId, trigger: &TriggerId) -> Result<Option<SavepointSeen>, Error> {
        let given = self.client.given().get(trigger).cloned();
        let path = ["jobs", job.as_str(), "savepoints", given.as_deref().unwrap_or(trigger.as_str())];
        let found: Option<wire::SavepointOperation> = self.get(Request::get(Call::Savepoint, &path)).await?;
        let Some(found) = found else { return Ok(None) };
        if found.status.id == wire::OperationState::InProgress {
            return Ok(Some(SavepointSeen::InProgress));
        }
        match found.operation {
            Some(wire::SavepointResult { failure_cause: Some(failure), .. }) => {
                let cause = cause::root_cause(failure.stack_trace.as_deref().unwrap_or(&failure.class));
                Ok(Some(SavepointSeen::Failed { cause }))
            }
            Some(wire::SavepointResult { location: Some(path), .. }) if !path.is_empty() => {
                Ok(Some(SavepointSeen::Completed { path }))
            }
            Some(_) | None => {
                Err(self.nonsense("/jobs/:id/savepoints/:trigger", "completed, with neither a location nor a cause"))
            }
        }
    }

    /// Checkpoint statistics; None when Flink does not know the job, or the job takes no checkpoints.
    pub async fn checkpoints(&self, job: &JobId) -> Result<Option<Checkpoints>, Error> {
        let Some(statistics) = self.checkpoint_statistics(job).await? else { return Ok(None) };
        let completed = |it: Option<wire::CompletedCheckpoint>| {
            it.map(|it| {
                let path = it.external_path.filter(|_| !it.discarded);
                self.checkpoint(path, it.trigger_timestamp)
            })
            .transpose()
        };
        let restored = statistics.latest.restored;
        Ok(Some(Checkpoints {
            completed: statistics.counts.completed,
            failed: statistics.counts.failed,
            latest: completed(statistics.latest.completed)?,
            restored: restored.map(|it| self.checkpoint(it.external_path, it.restore_timestamp)).transpose()?,
            any_savepoint: completed(statistics.latest.savepoint.clone())?,
            savepoint: completed(statistics.latest.savepoint.filter(ends_the_job))?,
        }))
    }

    /// What becomes of a job's checkpoints when it is cancelled; None when Flink does not know the job, or the job
    /// takes no checkpoints.
    pub async fn retention(&self, job: &JobId) -> Result<Option<Retention>, Error> {
        let path = ["jobs", job.as_str(), "checkpoints", "config"];
        let config: Option<wire::CheckpointConfig> = self.get(Request::get(Call::CheckpointConfig, &path)).await?;
        Ok(config.map(|config| match config.externalization {
            _ if config.interval == i64::MAX => Retention::None,
            wire::Externalization { enabled: true, delete_on_cancellation: false } => Retention::Retained,
            wire::Externalization { .. } => Retention::Deleted,
        }))
    }

    pub(super) async fn checkpoint_statistics(&self, job: &JobId) -> Result<Option<wire::CheckpointStatistics>, Error> {
        self.get(Request::get(Call::Checkpoints, &["jobs", job.as_str(), "checkpoints"])).await
    }

    fn checkpoint(&self, path: Option<String>, time: i64) -> Result<Checkpoint, Error> {
        Ok(Checkpoint { path: path.filter(|path| is_address(path)), time: self.time("/jobs/:id/checkpoints", time)? })
    }

    fn time(&self, of: &str, milliseconds: i64) -> Result<Timestamp, Error> {
        Timestamp::from_millisecond(milliseconds)
            .map_err(|_| self.nonsense(of, &format!("{milliseconds} ms is no time since 1970")))
    }

    fn nonsense(&self, of: &str, detail: &str) -> Error {
        Error::Garbled { asked: format!("GET {of} at {}", self.base), detail: detail.to_owned() }
    }
}

/// A savepoint that somebody took while the job ran on is not the state that it ended with.
fn ends_the_job(savepoint: &wire::CompletedCheckpoint) -> bool {
    savepoint.checkpoint_type.as_deref().is_none_or(|kind| kind == "SYNC_SAVEPOINT")
}

/// Where a checkpoint has no address Flink says so in angle brackets, such as
/// `<checkpoint-not-externally-addressable>`.
fn is_address(path: &str) -> bool {
    !path.is_empty() && !path.starts_with('<')
}

/// The subtasks of all vertices together.
fn tasks(vertices: &[wire::Vertex]) -> Tasks {
    let mut by_state = BTreeMap::<&str, u32>::new();
    for (state, count) in vertices.iter().flat_map(|vertex| &vertex.tasks) {
        let sum = by_state.entry(state).or_default();
        *sum = sum.saturating_add(*count);
    }
    let of = |state| by_state.get(state).copied().unwrap_or_default();
    Tasks {
        total: by_state.values().fold(0, |sum, count| sum.saturating_add(*count)),
        running: of("RUNNING"),
        finished: of("FINISHED"),
        failed: of("FAILED"),
        created: of("CREATED"),
    }
}
