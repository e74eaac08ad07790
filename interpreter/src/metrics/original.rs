//! The original's metrics: `<prefix>:<scope>:<name>` with the labels `app_name` and `ns`.
//!
//! What is counted follows from what a step saw, decided and brought about; nothing else counts. Each
//! call counts under its own name, and what our operator never does is a row without events.

use std::collections::BTreeMap;
use std::time::Duration;

use flink_operator_core::effect::Effect;
use flink_operator_core::manifest::names::{self, Role};
use flink_operator_core::phase::PhaseName;
use flink_operator_core::snapshot::{FlinkSeen, Observed, Report, Seen};
use strum::IntoEnumIterator as _;

/// One of the original's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Count {
    /// A request that brought what it was made for.
    Done(Deed),
    /// One that did not.
    Failed(Deed),
    /// Something that has no outcome.
    Once(Occasion),
}

/// What has a counter for success and one for failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumIter)]
#[allow(missing_docs, reason = "row() says what each one means")]
pub enum Deed {
    DeleteResource,
    CreateJobManager,
    CreateService,
    CreateIngress,
    CreateTaskManager,
    Create,
    Update,
    Delete,
    SubmitJob,
    CancelJob,
    ForceCancelJob,
    CheckSavepoint,
    GetJobs,
    GetJobConfig,
    GetCluster,
    GetCheckpoints,
    SavepointJob,
}

/// What has one counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::EnumIter)]
#[allow(missing_docs, reason = "row() says what each one means")]
pub enum Occasion {
    CacheHit,
    CacheMiss,
    ReconcileError,
    AppChanged,
    UpdateConflict,
    UpdateInvalid,
    DeploymentsCached,
    DeploymentsFresh,
    DeploymentsUnknown,
}

/// A counter as it is exported and documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The middle part of the name.
    pub scope: &'static str,
    /// The last part of the name.
    pub name: &'static str,
    /// What is counted.
    pub means: &'static str,
}

const fn row(scope: &'static str, name: &'static str, means: &'static str) -> Row {
    Row { scope, name, means }
}

const JOBMANAGER: &str = "job_manager_controller";
const TASKMANAGER: &str = "task_manager_controller";
const KUBERNETES: &str = "k8_cluster";
const FLINK: &str = "flink_jm_client";
/// The scope of the phases' metrics.
pub const MACHINE: &str = "state_machine";

impl Count {
    /// All counters.
    pub fn all() -> impl Iterator<Item = Self> {
        let deeds = Deed::iter().flat_map(|deed| [Self::Done(deed), Self::Failed(deed)]);
        Occasion::iter().map(Self::Once).chain(deeds)
    }

    /// Its name and meaning.
    pub const fn row(self) -> Row {
        match self {
            Self::Done(deed) => deed.rows().0,
            Self::Failed(deed) => deed.rows().1,
            Self::Once(occasion) => occasion.row(),
        }
    }
}

impl Deed {
    /// The counters of success and failure.
    const fn rows(self) -> (Row, Row) {
        match self {
            Self::DeleteResource => (
                row("flink_controller", "delete_resource_success", "Objects of clusters that were deleted."),
                row("flink_controller", "delete_resource_failure", "Deletions of them that failed."),
            ),
            Self::CreateJobManager => (
                row(JOBMANAGER, "deployment_create_success", "JobManager Deployments that were created."),
                row(JOBMANAGER, "deployment_create_failure", "Creations of them that failed."),
            ),
            Self::CreateService => (
                row(JOBMANAGER, "service_create_success", "Services that were created."),
                row(JOBMANAGER, "service_create_failure", "Creations of them that failed."),
            ),
            Self::CreateIngress => (
                row(JOBMANAGER, "ingress_create_success", "Ingresses that were created."),
                row(JOBMANAGER, "ingress_create_failure", "Creations of them that failed."),
            ),
            Self::CreateTaskManager => (
                row(TASKMANAGER, "deployment_create_success", "TaskManager Deployments that were created."),
                row(TASKMANAGER, "deployment_create_failure", "Creations of them that failed."),
            ),
            Self::Create => (
                row(KUBERNETES, "create_success", "Objects of any kind that were created."),
                row(KUBERNETES, "create_failure", "Creations that failed."),
            ),
            Self::Update => (
                row(KUBERNETES, "update_success", "Statuses, finalizers and objects that were written."),
                row(KUBERNETES, "update_failure", "Writes that failed, conflicts aside."),
            ),
            Self::Delete => (
                row(KUBERNETES, "delete_success", "Objects that were deleted."),
                row(KUBERNETES, "delete_failure", "Deletions that failed."),
            ),
            Self::SubmitJob => (
                row(FLINK, "submit_job_success", "Jobs that Flink accepted."),
                row(FLINK, "submit_job_failure", "Submissions that failed."),
            ),
            Self::CancelJob => (
                row(FLINK, "cancel_job_success", "Accepted requests to stop a job with a savepoint."),
                row(FLINK, "cancel_job_failure", "Such requests that failed."),
            ),
            Self::ForceCancelJob => (
                row(FLINK, "force_cancel_job_success", "Accepted requests to cancel a job without a savepoint."),
                row(FLINK, "force_cancel_job_failure", "Such requests that failed."),
            ),
            Self::CheckSavepoint => (
                row(FLINK, "check_savepoint_status_success", "Answers to the question how a savepoint stands."),
                row(FLINK, "check_savepoint_status_failure", "Such questions without an answer."),
            ),
            Self::GetJobs => (
                row(FLINK, "get_jobs_success", "Answers to the question how the job stands."),
                row(FLINK, "get_jobs_failure", "Such questions without an answer."),
            ),
            Self::GetJobConfig => (
                row(FLINK, "get_job_config_success", "Never: this question is not asked."),
                row(FLINK, "get_job_config_failure", "Never: this question is not asked."),
            ),
            Self::GetCluster => (
                row(FLINK, "get_cluster_success", "Answers to the question for slots and TaskManagers."),
                row(FLINK, "get_cluster_failure", "Such questions without an answer."),
            ),
            Self::GetCheckpoints => (
                row(FLINK, "get_checkpoints_success", "Answers to the question for checkpoints."),
                row(FLINK, "get_checkpoints_failed", "Such questions without an answer."),
            ),
            Self::SavepointJob => (
                row(FLINK, "savepoint_job_success", "Accepted requests for a savepoint of a job that runs on."),
                row(FLINK, "savepoint_job_failed", "Such requests that failed."),
            ),
        }
    }
}

impl Occasion {
    const fn row(self) -> Row {
        match self {
            Self::CacheHit => row("reconciler", "cache_hit", "Looks at the application, out of the watch cache."),
            Self::CacheMiss => row("reconciler", "cache_miss", "Never: an application outside the cache has no task."),
            Self::ReconcileError => {
                row("reconciler", "reconcile_error", "Looks that ended because the API server failed, or by a bug.")
            }
            Self::AppChanged => row("flink_controller", "app_changed_counter", "Deploys that were begun."),
            Self::UpdateConflict => {
                row(KUBERNETES, "update_conflict", "Status writes that found the application changed; it is read anew.")
            }
            Self::UpdateInvalid => {
                row(KUBERNETES, "update_invalide_version", "Status writes that were refused as invalid.")
            }
            Self::DeploymentsCached => {
                row(KUBERNETES, "get_deployment_cache_hit", "Looks at the Deployments out of the watch cache.")
            }
            Self::DeploymentsFresh => {
                row(KUBERNETES, "get_deployment_cache_miss", "Looks at the Deployments straight at the API server.")
            }
            Self::DeploymentsUnknown => row(KUBERNETES, "get_deployment_failure", "Looks without an answer."),
        }
    }
}

/// What was counted of one application.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tally {
    /// The counters that have counted.
    pub counts: BTreeMap<Count, u64>,
    /// By phase.
    pub phases: BTreeMap<PhaseName, PhaseTally>,
}

/// The work on an application in one phase.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PhaseTally {
    /// Every pass.
    pub all: Stopwatch,
    /// Those without an error.
    pub succeeded: Stopwatch,
    /// Those with one.
    pub errors: u64,
}

/// A number of times and their sum.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Stopwatch {
    /// How many.
    pub count: u64,
    /// Their sum in milliseconds.
    pub sum_ms: f64,
}

impl Stopwatch {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.sum_ms += took.as_secs_f64() * 1000.0;
    }
}

impl Tally {
    /// Counts one.
    pub fn count(&mut self, count: Count) {
        *self.counts.entry(count).or_default() += 1;
    }

    /// Counts what a look saw; `fresh` tells whether Kubernetes was asked and not the cache.
    pub fn observed(&mut self, observed: &Observed, fresh: bool) {
        match &observed.objects {
            Seen::NotAsked => {}
            Seen::Absent | Seen::Present(_) if fresh => self.count(Count::Once(Occasion::DeploymentsFresh)),
            Seen::Absent | Seen::Present(_) => self.count(Count::Once(Occasion::DeploymentsCached)),
            Seen::Unreachable(_) => self.count(Count::Once(Occasion::DeploymentsUnknown)),
        }
        // The original never asked what becomes of checkpoints, and has no counter for it.
        for FlinkSeen { overview, job, savepoint, checkpoints, retention: _ } in observed.flink.values() {
            self.answered(Deed::GetCluster, overview);
            self.answered(Deed::GetJobs, job);
            self.answered(Deed::CheckSavepoint, savepoint);
            self.answered(Deed::GetCheckpoints, checkpoints);
        }
    }

    /// That Flink does not know a thing is an answer.
    fn answered<T>(&mut self, deed: Deed, seen: &Seen<T>) {
        match seen {
            Seen::NotAsked => {}
            Seen::Absent | Seen::Present(_) => self.count(Count::Done(deed)),
            Seen::Unreachable(_) => self.count(Count::Failed(deed)),
        }
    }

    /// Counts what was performed. After one that failed no other was.
    pub fn performed(&mut self, effects: &[Effect], report: &Report) {
        for (effect, done) in super::outcomes(effects, report) {
            for deed in deeds(effect) {
                self.count(if done { Count::Done(deed) } else { Count::Failed(deed) });
            }
        }
    }

    /// Counts one pass over the application in a phase.
    pub fn handled(&mut self, phase: PhaseName, took: Duration, succeeded: bool) {
        let tally = self.phases.entry(phase).or_default();
        tally.all.add(took);
        if succeeded { tally.succeeded.add(took) } else { tally.errors += 1 }
    }
}

fn deeds(effect: &Effect) -> Vec<Deed> {
    match effect {
        Effect::CreateDeployment(deployment) => match names::role_of(deployment.metadata.labels.as_ref()) {
            Some(Role::JobManager) => vec![Deed::Create, Deed::CreateJobManager],
            Some(Role::TaskManager) => vec![Deed::Create, Deed::CreateTaskManager],
            None => vec![Deed::Create],
        },
        Effect::CreateService(_) => vec![Deed::Create, Deed::CreateService],
        Effect::CreateIngress(_) => vec![Deed::Create, Deed::CreateIngress],
        Effect::PointService(_)
        | Effect::PointIngress(_)
        | Effect::ScaleDeployment { .. }
        | Effect::AddFinalizer
        | Effect::RemoveFinalizer => vec![Deed::Update],
        Effect::DeleteDeployment(_) | Effect::DeleteService(_) | Effect::DeleteIngress(_) => {
            vec![Deed::Delete, Deed::DeleteResource]
        }
        Effect::SubmitJob(_) => vec![Deed::SubmitJob],
        Effect::TakeSavepoint { .. } => vec![Deed::SavepointJob],
        Effect::StopWithSavepoint { .. } => vec![Deed::CancelJob],
        Effect::CancelJob { .. } => vec![Deed::ForceCancelJob],
    }
}
