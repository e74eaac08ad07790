//! What the original left in the middle of something: what became of it is found out by looking, and only then is
//! there a memory of ours.
//!
//! Its savepoint is waited for, and no job is started while one of the original's may run: the job that runs is
//! the deployed one, whatever the original meant to do with it. Two that run as versions (BlueGreen) are both kept.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::end::End;
use super::jobs::{self, Found, Jobs, Pair};
use crate::application::{Application, DeleteMode};
use crate::health::JobFigures;
use crate::id::{JobId, RevisionId, TriggerId};
use crate::memory::{Failure, Revision};
use crate::snapshot::{Checkpoints, FlinkNeeds, FlinkSeen, Job, Needs, SavepointNeed, SavepointSeen, Seen, Snapshot};
use crate::step::Step;

/// A savepoint is older than the status that names its trigger by no more than this.
const TRIGGERED_BEFORE_MS: i64 = 60_000;

/// A status of the original that is no memory of ours yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// `status.phase`
    pub phase: LeftIn,
    /// `status.deployHash`, with the job's plan from the job's status.
    pub deployed: Option<Revision>,
    /// The job that the status names: the deployed revision's, or (not in BlueGreen) already the next one's.
    pub job: Option<JobId>,
    /// The version in `status.versionStatuses` that is not the deployed one (BlueGreen).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub second: Option<Version>,
    /// `status.savepointTriggerId`: a request that ends the deployed job with a savepoint.
    pub trigger: Option<TriggerId>,
    /// `status.savepointPath`: the state of a job that runs no more.
    pub savepoint: Option<String>,
    /// `status.teardownHash`: the original does not deploy a spec of this hash again (BlueGreen).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn_down: Option<RevisionId>,
    /// The deploy that it gave up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Failure>,
    /// `status.lastUpdatedAt`
    pub since: Timestamp,
    /// How the job looked.
    pub figures: Option<JobFigures>,
}

/// A version of an application, as the original's status names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The revision, as far as it is told.
    pub revision: Revision,
    /// Its job; None where it was not submitted, or the status was not written any more.
    pub job: Option<JobId>,
    /// How the job looked.
    pub figures: Option<JobFigures>,
}

/// The phases of the original that leave something to be found out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display, strum::EnumString, strum::EnumIter,
)]
#[serde(rename_all = "camelCase")]
pub enum LeftIn {
    /// A new cluster was being created; the deployed job was not touched.
    Updating,
    /// It was starting.
    ClusterStarting,
    /// The deployed cluster was being given more TaskManagers.
    Rescaling,
    /// The deployed job was being stopped with a savepoint.
    Savepointing,
    /// It was being cancelled without one.
    Cancelling,
    /// The savepoint had failed; a checkpoint was looked for.
    Recovering,
    /// The new job was being submitted.
    SubmittingJob,
    /// The former job was being submitted again.
    RollingBackJob,
    /// At rest, but something is not said: no job is named after a rollback that failed, or a version is listed
    /// that is not the deployed one.
    DeployFailed,
    /// As DeployFailed; or a version was torn down.
    Running,
    /// Two versions run.
    DualRunning,
    /// The last savepoint was being taken.
    Deleting,
}

impl Left {
    /// The deployed job, if the status still says which one that is.
    fn holder(&self) -> Option<Found> {
        let (revision, job) = self.deployed.as_ref().zip(self.job.as_ref())?;
        // The id may be the new job's, on another cluster.
        let submits = matches!(self.phase, LeftIn::SubmittingJob | LeftIn::RollingBackJob);
        let is_named = !submits || revision.colour.is_some();
        is_named.then(|| Found { revision: revision.clone(), job: job.clone() })
    }

    /// The other version's job, if the status says which one that is.
    pub(super) fn second_job(&self) -> Option<Found> {
        let second = self.second.as_ref()?;
        Some(Found { revision: second.revision.clone(), job: second.job.clone()? })
    }

    /// A savepoint whose end is to be waited for.
    fn savepointing(&self) -> Option<(Found, &TriggerId)> {
        let pending = self.holder().zip(self.trigger.as_ref());
        pending.filter(|_| self.savepoint.is_none())
    }

    /// Nothing was deployed and nothing can have been submitted.
    fn is_new(&self) -> bool {
        let before = matches!(self.phase, LeftIn::Updating | LeftIn::ClusterStarting | LeftIn::Savepointing);
        before && self.deployed.is_none() && self.job.is_none() && self.savepoint.is_none()
    }

    /// No job but the deployed one can have been submitted.
    fn submitted_nothing(&self) -> bool {
        match self.phase {
            LeftIn::Updating
            | LeftIn::ClusterStarting
            | LeftIn::Rescaling
            | LeftIn::Savepointing
            | LeftIn::Cancelling
            | LeftIn::Recovering => true,
            LeftIn::Running | LeftIn::DeployFailed => self.second.is_none(),
            LeftIn::SubmittingJob | LeftIn::RollingBackJob | LeftIn::DualRunning | LeftIn::Deleting => false,
        }
    }
}

/// What there is to look at.
enum Open<'a> {
    /// Nothing: the status says that this job runs.
    Runs(Found),
    /// Nothing: the status says that both versions run.
    BothRun(Box<Pair>),
    /// Nothing was submitted, or nobody cares for it.
    Nothing,
    /// Whether what runs is what was torn down or what was kept.
    Written(Found, &'a RevisionId),
    /// How the original's savepoint ends.
    Savepoint(Found, &'a TriggerId),
    /// Which job runs, and where.
    Jobs,
}

fn open<'a>(app: &Application, left: &'a Left) -> Open<'a> {
    let deleting = is_deleting(app, left);
    if (deleting && app.delete_mode == DeleteMode::None) || (left.is_new() && left.second_job().is_none()) {
        return Open::Nothing;
    }
    let waits = !(deleting && app.delete_mode == DeleteMode::ForceCancel);
    if let Some((found, trigger)) = left.savepointing().filter(|_| waits) {
        return Open::Savepoint(found, trigger);
    }
    match (left.holder(), left.second_job(), &left.torn_down) {
        (Some(first), Some(second), _) if left.phase == LeftIn::DualRunning && !deleting => {
            Open::BothRun(Box::new((first, second)))
        }
        (Some(found), _, torn_down) if !deleting && left.savepoint.is_none() && left.submitted_nothing() => {
            match torn_down {
                Some(torn_down) => Open::Written(found, torn_down),
                None => Open::Runs(found),
            }
        }
        (Some(_) | None, _, _) => Open::Jobs,
    }
}

pub(super) fn is_deleting(app: &Application, left: &Left) -> bool {
    app.deletion.is_some() || left.phase == LeftIn::Deleting
}

pub(crate) fn needs(app: &Application, left: &Left) -> Needs {
    match open(app, left) {
        Open::Nothing | Open::Runs(_) | Open::BothRun(_) => Needs::default(),
        Open::Written(..) => Needs { written: true, ..Needs::default() },
        Open::Savepoint(Found { revision, job }, trigger) => {
            let questions = FlinkNeeds {
                job: Some(job.clone()),
                savepoint: Some(SavepointNeed { job: job.clone(), trigger: trigger.clone(), says_all: false }),
                checkpoints: Some(job),
                ..FlinkNeeds::default()
            };
            // A rollback tells by its Deployments which spec was given up.
            let written = left.phase == LeftIn::RollingBackJob;
            Needs { written, flink: BTreeMap::from([(revision.id, questions)]), ..Needs::default() }
        }
        Open::Jobs => Needs { objects: true, written: true, jobs: true, ..Needs::default() },
    }
}

pub(crate) fn step(snapshot: &Snapshot, left: &Left) -> Step {
    let end = End::new(snapshot, left);
    match open(&snapshot.application, left) {
        Open::Nothing => end.begins_anew(left.holder()),
        Open::Runs(found) => end.runs(found, None),
        Open::BothRun(pair) => end.both_run(*pair),
        Open::Written(found, torn_down) => match &snapshot.observed.written {
            Seen::Present(written) => end.runs_after_teardown(found, torn_down, written),
            Seen::Unreachable(trouble) => end.awaits(&trouble.message),
            Seen::NotAsked | Seen::Absent => end.awaits("the application's Deployments were not seen yet"),
        },
        Open::Savepoint(found, _) => savepoint(&end, &found),
        Open::Jobs => match jobs::find(snapshot, left) {
            Jobs::Unknown(why) => end.awaits(&why),
            Jobs::One(found) => end.runs(found, left.savepoint.clone()),
            Jobs::Both(pair) => end.both_run(*pair),
            Jobs::None { last } => match (&left.deployed, &left.savepoint) {
                (None, None) => end.begins_anew(left.holder()),
                (Some(_), _) | (_, Some(_)) => end.has_no_job(last, left.savepoint.clone()),
            },
        },
    }
}

/// The original's savepoint, as Flink tells of it.
fn savepoint(end: &End<'_>, of: &Found) -> Step {
    let nothing = FlinkSeen::default();
    let flink = end.snapshot.observed.flink.get(&of.revision.id).unwrap_or(&nothing);
    let runs_on = || end.runs(of.clone(), None);
    let waits = |why: &str| if end.is_late() { runs_on() } else { end.awaits(why) };
    match (&flink.savepoint, &flink.job) {
        (Seen::Present(SavepointSeen::Completed { path }), found) => match found {
            Seen::Present(job) if !job.state.has_ended() => waits("the savepoint is complete and the job is ending"),
            Seen::Present(_) | Seen::Absent | Seen::Unreachable(_) | Seen::NotAsked => {
                end.has_no_job(Some(of.job.clone()), Some(path.clone()))
            }
        },
        (Seen::Present(SavepointSeen::InProgress), _) => waits("Flink takes the savepoint that it was asked for"),
        (Seen::Present(SavepointSeen::Failed { .. }), _) => runs_on(),
        (Seen::Absent, found) => forgotten(end, &of.job, found, &flink.checkpoints).unwrap_or_else(runs_on),
        (Seen::Unreachable(trouble), _) => waits(&trouble.message),
        (Seen::NotAsked, _) => waits("the JobManager was not asked"),
    }
}

/// Flink forgets what became of a request after some minutes; the checkpoint history still names the savepoint.
fn forgotten(end: &End<'_>, id: &JobId, job: &Seen<Job>, history: &Seen<Checkpoints>) -> Option<Step> {
    let ended = match job {
        Seen::Present(job) => job.state.has_ended(),
        Seen::Absent => false,
        Seen::Unreachable(trouble) => return Some(end.awaits(&trouble.message)).filter(|_| !end.is_late()),
        Seen::NotAsked => return Some(end.awaits("the JobManager was not asked")).filter(|_| !end.is_late()),
    };
    if let (true, Seen::Unreachable(trouble)) = (ended, history) {
        return Some(end.awaits(&trouble.message)).filter(|_| !end.is_late());
    }
    let newest = history.present().and_then(|history| history.any_savepoint.as_ref()).filter(|_| ended)?;
    let earliest = end.left.since.as_millisecond().saturating_sub(TRIGGERED_BEFORE_MS);
    let path = newest.path.clone().filter(|_| newest.time.as_millisecond() >= earliest)?;
    Some(end.has_no_job(Some(id.clone()), Some(path)))
}
