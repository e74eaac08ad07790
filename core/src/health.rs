//! How the cluster and the job look: the figures of `status.clusterStatus` and `status.jobStatus`, and
//! the three colours. Figures only tell; colours and states matter and are written at once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::backoff::elapsed_ms;
use crate::snapshot::{Checkpoints, ClusterObjects, FlinkSeen, Job, JobState, Overview, Retention, Seen};

/// A TaskManager whose last heartbeat is older than this is not healthy.
const HEARTBEAT_MS: u64 = 2 * 60_000;
/// A job whose newest checkpoint is older than this is Yellow.
const CHECKPOINT_MS: u64 = 10 * 60_000;
/// How long a job stays Red after it was seen FAILING.
const FAILING_MS: u64 = 60_000;

/// A colour, as the original spells it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString, strum::EnumIter,
)]
pub enum Health {
    /// All is as it should be.
    Green,
    /// It works, but not with all its parts.
    Yellow,
    /// It does not work.
    Red,
}

/// `status.clusterStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterFigures {
    /// Green if every TaskManager that exists is healthy, Red if the JobManager does not answer.
    pub health: Health,
    /// TaskManager pods that are available.
    pub taskmanagers: u32,
    /// TaskManagers whose last heartbeat is at most two minutes old.
    pub healthy_taskmanagers: u32,
    /// Slots of all registered TaskManagers.
    pub slots: u32,
    /// Slots that no task uses.
    pub free_slots: u32,
}

/// `status.jobStatus`, as far as it is observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobFigures {
    /// Red while it fails, Yellow while tasks are missing or checkpoints stay away.
    pub health: Health,
    /// Flink's word; None if the JobManager does not know the job any more.
    pub state: Option<JobState>,
    /// When Flink accepted the job.
    pub start_time: Option<Timestamp>,
    /// Restarts after failures since it started.
    pub restarts: u32,
    /// Tasks that run.
    pub running_tasks: u32,
    /// All tasks.
    pub total_tasks: u32,
    /// Completed checkpoints.
    pub completed_checkpoints: u32,
    /// Failed checkpoints.
    pub failed_checkpoints: u32,
    /// Whether it takes checkpoints; None where that was not seen yet.
    pub checkpointing: Option<bool>,
    /// Path of the newest checkpoint.
    pub last_checkpoint: Option<String>,
    /// When it was triggered.
    pub last_checkpoint_time: Option<Timestamp>,
    /// Path that the job was restored from last.
    pub restore_path: Option<String>,
    /// When that was.
    pub restore_time: Option<Timestamp>,
    /// When it was last seen FAILING.
    pub last_failing: Option<Timestamp>,
    /// When these figures were taken.
    pub refreshed: Timestamp,
}

/// How far what is seen is from what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Difference {
    /// Not at all.
    None,
    /// In figures that can wait.
    Tells,
    /// In a colour or a state.
    Matters,
}

/// What the figures are made of.
pub(crate) struct Sight<'a> {
    pub now: Timestamp,
    pub objects: Option<&'a ClusterObjects>,
    pub flink: &'a FlinkSeen,
}

impl Sight<'_> {
    /// Compares without building anything, because a resting application does this all the time.
    pub fn difference(&self, cluster: Option<&ClusterFigures>, job: Option<&JobFigures>) -> Difference {
        let seen_cluster = self.cluster();
        let cluster_differs = seen_cluster.is_some() && seen_cluster.as_ref() != cluster;
        if cluster_differs && seen_cluster.map(|it| it.health) != cluster.map(|it| it.health) {
            return Difference::Matters;
        }
        match (self.job_differs(job), cluster_differs) {
            (Difference::None, true) => Difference::Tells,
            (difference, _) => difference,
        }
    }

    /// The figures to write: what is seen now, or what was known where nothing was seen.
    pub fn figures(&self, job: Option<&JobFigures>) -> (Option<ClusterFigures>, Option<JobFigures>) {
        (self.cluster(), self.job(job))
    }

    fn cluster(&self) -> Option<ClusterFigures> {
        let taskmanager = self.objects.and_then(|objects| objects.taskmanager.as_ref());
        let taskmanagers = taskmanager.map_or(0, |it| it.available);
        match &self.flink.overview {
            Seen::NotAsked => None,
            Seen::Absent | Seen::Unreachable(_) => Some(ClusterFigures {
                health: Health::Red,
                taskmanagers,
                healthy_taskmanagers: 0,
                slots: 0,
                free_slots: 0,
            }),
            Seen::Present(overview) => {
                let healthy = self.healthy(overview);
                let all = taskmanager.map_or(0, |it| it.existing);
                Some(ClusterFigures {
                    health: if healthy == all { Health::Green } else { Health::Yellow },
                    taskmanagers,
                    healthy_taskmanagers: healthy,
                    slots: overview.slots_total,
                    free_slots: overview.slots_available,
                })
            }
        }
    }

    fn healthy(&self, overview: &Overview) -> u32 {
        // One that has just registered has not sent any: Flink then says 1970.
        let healthy = |at: &&Timestamp| **at <= Timestamp::UNIX_EPOCH || elapsed_ms(**at, self.now) <= HEARTBEAT_MS;
        let healthy = overview.heartbeats.iter().filter(healthy).count();
        u32::try_from(healthy).unwrap_or(u32::MAX)
    }

    fn job_differs(&self, known: Option<&JobFigures>) -> Difference {
        let job = match &self.flink.job {
            Seen::NotAsked | Seen::Unreachable(_) => return Difference::None,
            Seen::Absent => None,
            Seen::Present(job) => Some(job),
        };
        let Some(known) = known else {
            return Difference::Matters;
        };
        let history = self.flink.checkpoints.present();
        // Flink forgets a job some time after it has ended; it is still the job that ended.
        if job.is_none() && known.state.is_some_and(JobState::has_ended) {
            return Difference::None;
        }
        if known.state != job.map(|job| job.state) || known.health != self.health(job, history, Some(known)) {
            return Difference::Matters;
        }
        // From its first checkpoint on the job has something to lose.
        let first = history.and_then(|history| history.latest.as_ref()).is_some_and(|latest| latest.path.is_some());
        if first && known.last_checkpoint.is_none() {
            return Difference::Matters;
        }
        if known.checkpointing.is_none() && self.flink.retention.present().is_some() {
            return Difference::Matters;
        }
        let same_job = job.is_none_or(|job| {
            (job.tasks.running, job.tasks.total) == (known.running_tasks, known.total_tasks)
                && job.restarts.is_none_or(|restarts| restarts == known.restarts)
        });
        let same_history = history.is_none_or(|history| {
            history.completed == known.completed_checkpoints
                && history.failed == known.failed_checkpoints
                && history.restored.as_ref().map(|it| whole_second(it.time)) == known.restore_time
        });
        if same_job && same_history { Difference::None } else { Difference::Tells }
    }

    fn job(&self, known: Option<&JobFigures>) -> Option<JobFigures> {
        let job = match &self.flink.job {
            Seen::NotAsked | Seen::Unreachable(_) => return known.cloned(),
            Seen::Absent => None,
            Seen::Present(job) => Some(job),
        };
        if job.is_none() && known.and_then(|known| known.state).is_some_and(JobState::has_ended) {
            return known.cloned();
        }
        let history = self.flink.checkpoints.present();
        let mut figures = known.cloned().unwrap_or_else(|| JobFigures::unknown(self.now));
        figures.health = self.health(job, history, known);
        figures.state = job.map(|job| job.state);
        figures.refreshed = whole_second(self.now);
        if let Some(job) = job {
            figures.start_time = job.start_time.map(whole_second);
            (figures.running_tasks, figures.total_tasks) = (job.tasks.running, job.tasks.total);
            figures.restarts = job.restarts.unwrap_or(figures.restarts);
            if job.state == JobState::Failing {
                figures.last_failing = Some(whole_second(self.now));
            }
        }
        if let (None, Some(retention)) = (figures.checkpointing, self.flink.retention.present()) {
            figures.checkpointing = Some(*retention != Retention::None);
        }
        if let Some(history) = history {
            figures.completed_checkpoints = history.completed;
            figures.failed_checkpoints = history.failed;
            // A savepoint that was taken meanwhile may be newer.
            let is_newer =
                |time: Timestamp| figures.last_checkpoint_time.is_none_or(|known| known <= whole_second(time));
            if let Some(latest) = history.latest.as_ref().filter(|latest| is_newer(latest.time)) {
                figures.last_checkpoint.clone_from(&latest.path);
                figures.last_checkpoint_time = Some(whole_second(latest.time));
            }
            if let Some(restored) = &history.restored {
                figures.restore_path.clone_from(&restored.path);
                figures.restore_time = Some(whole_second(restored.time));
            }
        }
        Some(figures)
    }

    fn health(&self, job: Option<&Job>, history: Option<&Checkpoints>, known: Option<&JobFigures>) -> Health {
        let Some(job) = job else {
            return Health::Red;
        };
        let failed_lately =
            known.and_then(|known| known.last_failing).is_some_and(|at| elapsed_ms(at, self.now) < FAILING_MS);
        match job.state {
            JobState::Finished => return Health::Green,
            JobState::Failing | JobState::Failed | JobState::Canceled | JobState::Suspended => return Health::Red,
            JobState::Running
            | JobState::Initializing
            | JobState::Created
            | JobState::Cancelling
            | JobState::Restarting
            | JobState::Reconciling => {}
        }
        let stale = history
            .and_then(|history| history.latest.as_ref())
            .is_some_and(|latest| elapsed_ms(latest.time, self.now) > CHECKPOINT_MS);
        if failed_lately || job.tasks.created > 0 {
            Health::Red
        } else if !job.tasks.all_started() || stale {
            Health::Yellow
        } else {
            Health::Green
        }
    }
}

impl JobFigures {
    /// Nothing is known yet.
    pub fn unknown(now: Timestamp) -> Self {
        Self {
            health: Health::Red,
            state: None,
            start_time: None,
            restarts: 0,
            running_tasks: 0,
            total_tasks: 0,
            completed_checkpoints: 0,
            failed_checkpoints: 0,
            checkpointing: None,
            last_checkpoint: None,
            last_checkpoint_time: None,
            restore_path: None,
            restore_time: None,
            last_failing: None,
            refreshed: now,
        }
    }

    /// It was just seen to run, and nothing else is known yet.
    pub(crate) fn of_one_that_runs(now: Timestamp) -> Self {
        Self { health: Health::Green, state: Some(JobState::Running), ..Self::unknown(now) }
    }
}

/// Times that only tell have whole seconds in the status, as the original wrote them.
pub(crate) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
