//! The phases, each with the data that only it needs, and the one dispatch over them.
//!
//! A phase is one file: what it needs to see, and how it steps. Every arm ends in a [`Rule`].

mod cancelling;
mod cluster_starting;
mod deleting;
mod deploy_failed;
mod dual_running;
mod launch;
mod monitor;
mod new;
mod recovering;
mod repair;
mod rescaling;
mod rolling_back_job;
mod running;
mod savepointing;
mod submitting_job;
mod updating;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::adopt;
use crate::application::DeleteMode;
use crate::effect::Effect;
use crate::id::{JobId, RevisionId, TriggerId};
use crate::memory::{Deployed, JobHolder, Memory, Revision, Tries};
use crate::rule::Rule;
use crate::snapshot::{Needs, Remembered, Snapshot};
use crate::step::{EventReason, Step};
use crate::view::View;

/// Where an application is in its life.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, strum::EnumDiscriminants)]
#[strum_discriminants(
    name(PhaseName),
    derive(Hash, PartialOrd, Ord, Serialize, Deserialize, strum::Display, strum::EnumIter, strum::EnumString),
    doc = "The phases without their data."
)]
#[serde(rename_all = "camelCase")]
pub enum Phase {
    /// Nothing was decided yet.
    #[default]
    New,
    /// The objects of a new cluster are being created.
    Updating(Updating),
    /// They exist; its pods are coming up.
    ClusterStarting(ClusterStarting),
    /// The running cluster gets more TaskManagers.
    Rescaling(Rescaling),
    /// The running job is being stopped with a savepoint.
    Savepointing(Savepointing),
    /// The running job is being cancelled without one, as the spec asks.
    Cancelling(Cancelling),
    /// There is no savepoint to be had; the newest checkpoint stands in for it.
    Recovering(Recovering),
    /// The new job is being started.
    SubmittingJob(Launch),
    /// It did not start: the job before it is being started again.
    RollingBackJob(RollingBackJob),
    /// The spec is deployed.
    Running(Running),
    /// Two versions run until one of them is torn down (BlueGreen).
    DualRunning(DualRunning),
    /// The last deploy failed; what ran before it may still run.
    DeployFailed(DeployFailed),
    /// The application is to be deleted.
    Deleting(Deleting),
}

/// Data of [`Phase::Updating`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Updating {
    /// What is being deployed.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
    /// Failed tries to create the objects.
    #[serde(default)]
    pub tries: Tries,
}

/// Data of [`Phase::ClusterStarting`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterStarting {
    /// What is being deployed.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
}

/// Data of [`Phase::Rescaling`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rescaling {
    /// What is being deployed: the same cluster with another parallelism.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
}

/// Data of [`Phase::Savepointing`]. The id of the savepoint is derived from the deployed job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Savepointing {
    /// What is being deployed.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
    /// Failed tries in this phase.
    #[serde(default)]
    pub tries: Tries,
}

impl Savepointing {
    /// The id of the try that is under way or comes next. A savepoint of a job that runs on (BlueGreen) is for one
    /// deploy: it answers neither the next one nor a request to stop.
    pub fn trigger(&self, application_uid: &str, deployed: &Deployed) -> TriggerId {
        match self.target.colour {
            None => deployed.holder().trigger(application_uid),
            Some(_) => TriggerId::derive_beside(application_uid, &deployed.job, &self.target.id, deployed.next_stop),
        }
    }
}

/// Data of [`Phase::Cancelling`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cancelling {
    /// What is being deployed.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
    /// Failed tries in this phase.
    #[serde(default)]
    pub tries: Tries,
}

/// Data of [`Phase::Recovering`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recovering {
    /// What is started next; the deployed revision itself where its job was lost.
    pub target: Revision,
    /// When the phase was entered.
    pub since: Timestamp,
    /// Why there is no savepoint, in a sentence.
    pub cause: String,
    /// Since when the deployed job, which still ran, is being cancelled.
    pub cancelling: Option<Timestamp>,
    /// Failed tries in this phase.
    #[serde(default)]
    pub tries: Tries,
}

/// Data of [`Phase::SubmittingJob`]: one job is started under our id and watched until all its tasks run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Launch {
    /// What is being deployed.
    pub target: Revision,
    /// When it began.
    pub since: Timestamp,
    /// The number of the submission, from 1; with the revision it makes the job's id.
    pub attempt: u32,
    /// Failed tries.
    #[serde(default)]
    pub tries: Tries,
    /// The state to start from; None starts with empty state.
    pub restore_from: Option<String>,
    /// When the job was first seen on the cluster.
    pub accepted: Option<Timestamp>,
}

/// Data of [`Phase::RollingBackJob`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RollingBackJob {
    /// When the phase was entered.
    pub since: Timestamp,
    /// The job that failed, where it was started on the deployed cluster and must end before the old one starts.
    pub clear: Option<JobId>,
    /// The old job's new start, once nothing is left of the failed one.
    pub launch: Option<Launch>,
    /// Failed tries to end the failed job.
    #[serde(default)]
    pub tries: Tries,
}

/// Data of [`Phase::DualRunning`]; the two versions are in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DualRunning {
    /// When the phase was entered.
    pub since: Timestamp,
    /// The version that is being torn down.
    pub tearing: Option<Teardown>,
}

/// A version on its way out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Teardown {
    /// Which one.
    pub revision: RevisionId,
    /// When it began.
    pub since: Timestamp,
    /// Failed tries to cancel its job.
    #[serde(default)]
    pub tries: Tries,
}

/// Data of [`Phase::Running`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// When the phase was entered.
    pub since: Timestamp,
}

/// Data of [`Phase::DeployFailed`]; why is in the ledger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeployFailed {
    /// When the phase was entered.
    pub since: Timestamp,
}

/// Data of [`Phase::Deleting`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Deleting {
    /// When the phase was entered.
    pub since: Timestamp,
    /// The jobs that must end first, one after the other.
    #[serde(default)]
    pub holders: Vec<JobHolder>,
    /// What was being deployed, if anything was.
    pub target: Option<Revision>,
    /// Failed tries in this phase.
    #[serde(default)]
    pub tries: Tries,
    /// Why no further savepoint is tried.
    pub blocked: Option<String>,
}

impl Phase {
    /// The phase without its data.
    pub fn name(&self) -> PhaseName {
        self.into()
    }

    /// When it was entered; None where nobody noted it.
    pub fn since(&self) -> Option<Timestamp> {
        match self {
            Phase::New => None,
            Phase::Updating(at) => Some(at.since),
            Phase::ClusterStarting(at) => Some(at.since),
            Phase::Rescaling(at) => Some(at.since),
            Phase::Savepointing(at) => Some(at.since),
            Phase::Cancelling(at) => Some(at.since),
            Phase::Recovering(at) => Some(at.since),
            Phase::SubmittingJob(at) => Some(at.since),
            Phase::RollingBackJob(at) => Some(at.since),
            Phase::Running(at) => Some(at.since),
            Phase::DualRunning(at) => Some(at.since),
            Phase::DeployFailed(at) => Some(at.since),
            Phase::Deleting(at) => Some(at.since),
        }
    }

    /// The start of a job that is under way, of the new one or of the old one that is brought back.
    pub fn launch(&self) -> Option<&Launch> {
        match self {
            Phase::SubmittingJob(launch) => Some(launch),
            Phase::RollingBackJob(at) => at.launch.as_ref(),
            Phase::New
            | Phase::Updating(_)
            | Phase::ClusterStarting(_)
            | Phase::Rescaling(_)
            | Phase::Savepointing(_)
            | Phase::Cancelling(_)
            | Phase::Recovering(_)
            | Phase::Running(_)
            | Phase::DualRunning(_)
            | Phase::DeployFailed(_)
            | Phase::Deleting(_) => None,
        }
    }

    /// What is being deployed, or was when the deletion was heard.
    pub fn target(&self) -> Option<&Revision> {
        match self {
            Phase::Updating(at) => Some(&at.target),
            Phase::Rescaling(at) => Some(&at.target),
            Phase::ClusterStarting(at) => Some(&at.target),
            Phase::Savepointing(at) => Some(&at.target),
            Phase::Cancelling(at) => Some(&at.target),
            Phase::Recovering(at) => Some(&at.target),
            Phase::SubmittingJob(at) => Some(&at.target),
            Phase::Deleting(at) => at.target.as_ref(),
            Phase::New
            | Phase::RollingBackJob(_)
            | Phase::Running(_)
            | Phase::DualRunning(_)
            | Phase::DeployFailed(_) => None,
        }
    }
}

/// What `phase` wants to see. A phase steps on nothing else.
pub(crate) fn needs(application_uid: &str, memory: &Memory) -> Needs {
    match &memory.phase {
        Phase::New => Needs::default(),
        Phase::Updating(_) => updating::needs(),
        Phase::Rescaling(at) => rescaling::needs(at),
        Phase::ClusterStarting(at) => cluster_starting::needs(at),
        Phase::Savepointing(at) => savepointing::needs(application_uid, at, &memory.ledger),
        Phase::Cancelling(_) | Phase::Recovering(_) => recovering::needs(&memory.ledger),
        Phase::SubmittingJob(at) => launch::needs(application_uid, at),
        Phase::RollingBackJob(at) => rolling_back_job::needs(application_uid, at, &memory.ledger),
        Phase::Running(_) | Phase::DeployFailed(_) => monitor::needs(&memory.ledger),
        Phase::DualRunning(_) => monitor::needs_of_both(&memory.ledger),
        Phase::Deleting(at) => deleting::needs(application_uid, at),
    }
}

/// The one dispatch: first what every phase hears, then the phase itself.
pub(crate) fn step(snapshot: &Snapshot) -> Step {
    let memory = match &snapshot.memory {
        Remembered::Known(memory) => memory,
        Remembered::Left(left) => return adopt::step_of_left(snapshot, left),
        Remembered::Unreadable(problem) => return unreadable(snapshot, problem),
    };
    let view = View::new(snapshot, memory);
    let step = in_phase(&view, &memory.phase);
    // Whatever is waited for is not heard of while there is no way to the JobManager.
    if step.rests() { repair::way(&view).unwrap_or(step) } else { step }
}

fn in_phase(view: &View<'_>, phase: &Phase) -> Step {
    match phase {
        Phase::Deleting(at) => deleting::step(view, at),
        phase if view.app.deletion.is_some() => deleting::heard(view, phase),
        Phase::New => new::step(view),
        Phase::Updating(at) => updating::step(view, at),
        Phase::Rescaling(at) => rescaling::step(view, at),
        Phase::ClusterStarting(at) => cluster_starting::step(view, at),
        Phase::Savepointing(at) => savepointing::step(view, at),
        Phase::Cancelling(at) => cancelling::step(view, at),
        Phase::Recovering(at) => recovering::step(view, at),
        Phase::SubmittingJob(at) => submitting_job::step(view, at),
        Phase::RollingBackJob(at) => rolling_back_job::step(view, at),
        Phase::Running(at) => running::step(view, at),
        Phase::DualRunning(at) => dual_running::step(view, at),
        Phase::DeployFailed(at) => deploy_failed::step(view, at),
    }
}

/// Without its memory the machine touches nothing, except that a deletion that asks for no care is let go.
fn unreadable(snapshot: &Snapshot, problem: &str) -> Step {
    let app = &snapshot.application;
    if app.deletion.is_some() && app.finalized && app.delete_mode == DeleteMode::None {
        return Rule::UnreadableReleased.stay().run([Effect::RemoveFinalizer]);
    }
    let advice = format!(
        "status cannot be understood: {problem}. Correct it with `kubectl edit flinkapp {} --subresource=status`, \
         or run the version of the operator that wrote it.",
        app.name
    );
    Rule::StatusUnreadable.stay().because(advice.clone()).note(EventReason::DeployFailed, advice)
}
