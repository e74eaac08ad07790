//! All that a step may look at. Whatever is not in here does not exist for the core, so a recorded
//! snapshot replays to the same step on any machine.

use std::collections::BTreeMap;

use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use serde::{Deserialize, Serialize};

use crate::adopt::Left;
use crate::application::Application;
use crate::effect::EffectKey;
use crate::id::{JobId, RevisionId, TriggerId};
use crate::manifest::names::Role;
use crate::memory::Memory;
use crate::policy::Policy;

/// One look at the world, complete for one call of [`crate::step()`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The time of the look; the core knows no other clock.
    pub now: Timestamp,
    /// Since when this operator has been watching the application. No deadline passes while nobody watches: what
    /// happened meanwhile is seen only now. None where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watching_since: Option<Timestamp>,
    /// The operator's own configuration.
    #[serde(default)]
    pub policy: Policy,
    /// The resource as the user left it, without its status.
    pub application: Application,
    /// What the status told.
    pub memory: Remembered,
    /// What [`crate::needs()`] asked to see.
    #[serde(default)]
    pub observed: Observed,
    /// What became of the effects of the step before, if this process performed them.
    #[serde(default, skip_serializing_if = "Report::is_empty")]
    pub report: Report,
}

/// The memory read back from the status.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Remembered {
    /// The status was understood.
    Known(Box<Memory>),
    /// The original operator wrote it, in the middle of something: it must be found out what became of that.
    Left(Box<Left>),
    /// The status says something that this version does not understand; it must not be overwritten.
    Unreadable(String),
}

/// The answer to one question of [`Needs`]. Absent and Unreachable are different things.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Seen<T> {
    /// The question was not asked.
    #[default]
    NotAsked,
    /// The other side answered: there is no such thing.
    Absent,
    /// No answer, or none that could be understood.
    Unreachable(Trouble),
    /// There it is.
    Present(T),
}

impl<T> Seen<T> {
    /// Nobody asked.
    pub fn is_not_asked(&self) -> bool {
        matches!(self, Seen::NotAsked)
    }

    /// Nobody answered.
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Seen::Unreachable(_))
    }

    /// The thing, if it was seen.
    pub fn present(&self) -> Option<&T> {
        match self {
            Seen::Present(thing) => Some(thing),
            Seen::NotAsked | Seen::Absent | Seen::Unreachable(_) => None,
        }
    }
}

/// A failed look or effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Who can do something about it.
    pub class: TroubleClass,
    /// The call that failed, as the original names it (`SubmitJob`, `GetClusterOverview`, ...).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    /// The root cause in one line.
    pub message: String,
}

/// The three classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum TroubleClass {
    /// Transport, 5xx, 409, 429: the same call may succeed later.
    TryAgain,
    /// A bad program or a bad spec: the same call fails until the user changes something.
    UsersFault,
    /// An answer that should not exist: a bug of the operator.
    OurBug,
}

/// What to observe for the next step.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Needs {
    /// The application's Deployments, Services, Ingress and pods.
    pub objects: bool,
    /// The Deployments as they are written, to compare them with a spec.
    #[serde(default)]
    pub written: bool,
    /// The jobs that every JobManager of the application knows.
    #[serde(default)]
    pub jobs: bool,
    /// Questions to Flink, by the revision whose JobManager is asked.
    pub flink: BTreeMap<RevisionId, FlinkNeeds>,
}

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

/// The answers to [`Needs`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Observed {
    /// The owned Kubernetes objects.
    pub objects: Seen<Objects>,
    /// The owned Deployments as they are written, by the revision that their labels name.
    #[serde(skip_serializing_if = "Seen::is_not_asked")]
    pub written: Seen<BTreeMap<RevisionId, Written>>,
    /// What each JobManager lists, by revision; only those are asked whose Deployment exists.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<RevisionId, Seen<Vec<ListedJob>>>,
    /// Flink's answers, by revision.
    pub flink: BTreeMap<RevisionId, FlinkSeen>,
}

/// The Deployments of one revision, whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Written {
    /// The JobManager's.
    pub jobmanager: Option<Box<Deployment>>,
    /// The TaskManagers'.
    pub taskmanager: Option<Box<Deployment>>,
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

/// The owned Kubernetes objects, sorted by the revision that their labels name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Objects {
    /// Every cluster of this application of which anything is left.
    pub clusters: BTreeMap<RevisionId, ClusterObjects>,
    /// The Services that belong to no revision, by name: the application's, or one a colour (BlueGreen).
    pub entrances: BTreeMap<String, ServiceSeen>,
    /// The Ingresses, by name.
    pub ingresses: BTreeMap<String, IngressSeen>,
}

/// The objects of one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterObjects {
    /// The JobManager's Deployment.
    pub jobmanager: Option<DeploymentSeen>,
    /// The TaskManagers' Deployment.
    pub taskmanager: Option<DeploymentSeen>,
    /// The Service named by the revision.
    pub service: Option<ServiceSeen>,
    /// Pods that cannot run, each with the reason that Kubernetes gives.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_troubles: Vec<PodTrouble>,
}

impl ClusterObjects {
    /// The place of the Deployment of this role.
    pub fn deployment_mut(&mut self, role: Role) -> &mut Option<DeploymentSeen> {
        match role {
            Role::JobManager => &mut self.jobmanager,
            Role::TaskManager => &mut self.taskmanager,
        }
    }
}

/// What counts of a Deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeploymentSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// metadata.deletionTimestamp is set: it goes when its pods are gone.
    pub deleting: bool,
    /// spec.replicas
    pub replicas: u32,
    /// status.replicas: pods that exist.
    pub existing: u32,
    /// status.availableReplicas
    pub available: u32,
    /// Pods that have an address: a Service can lead to them, ready or not.
    pub addressed: u32,
    /// The value of `pod-deployment-selector` in spec.selector: the original drew it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub selects: String,
}

/// What counts of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ServiceSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// metadata.deletionTimestamp is set.
    pub deleting: bool,
    /// The value of `pod-deployment-selector` in spec.selector.
    pub selects: String,
    /// The numbers of spec.ports, in their order.
    pub ports: Vec<u16>,
}

/// What counts of an Ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IngressSeen {
    /// metadata.name
    pub name: String,
    /// metadata.uid
    pub uid: String,
    /// The host of its one rule.
    pub host: String,
    /// The port of the Service behind it.
    pub port: u16,
}

/// A pod that cannot run, in Kubernetes' own words.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PodTrouble {
    /// metadata.name; that of the Deployment where the API server takes none of its pods.
    pub pod: String,
    /// `ImagePullBackOff`, `CrashLoopBackOff`, `Unschedulable`, ...
    pub reason: String,
    /// The longer text beside the reason.
    pub message: String,
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

/// What became of the effects of the step before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Report {
    /// Effects that failed. An effect that succeeded shows in what is observed.
    pub failed: BTreeMap<EffectKey, Trouble>,
}

impl Report {
    /// Nothing failed, or nothing was done.
    pub fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// The worst trouble: the user's fault before a bug of ours before what may pass.
    pub fn worst(&self) -> Option<&Trouble> {
        let by = |class| self.failed.values().find(|trouble| trouble.class == class);
        by(TroubleClass::UsersFault).or_else(|| by(TroubleClass::OurBug)).or_else(|| by(TroubleClass::TryAgain))
    }
}
