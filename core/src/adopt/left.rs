//! What the original left in the middle of something: what became of it is found out by looking, and only then is
//! there a memory of ours.
//!
//! Its savepoint is waited for, and no job is started while one of the original's may run: the job that runs is
//! the deployed one, whatever the original meant to do with it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::jobs::{self, Jobs};
use crate::application::{Application, DeleteMode};
use crate::backoff;
use crate::health::JobFigures;
use crate::id::{JobId, TriggerId};
use crate::memory::{Deployed, JobHolder, Ledger, Memory, Revision, Savepoint};
use crate::phase::{Deleting, DeployFailed, Phase, Running};
use crate::rule::Rule;
use crate::snapshot::{Checkpoints, FlinkNeeds, FlinkSeen, Job, Needs, SavepointSeen, Seen, Snapshot};
use crate::step::{EventReason, Step};

/// A job that nobody knows: Flink's answer to a question about it is that there is none.
const NO_JOB: &str = "00000000000000000000000000000000";
/// A savepoint is older than the status that names its trigger by no more than this.
const TRIGGERED_BEFORE_MS: i64 = 60_000;

/// A status of the original that is no memory of ours yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Left {
    /// `status.phase`
    pub phase: LeftIn,
    /// `status.deployHash`, with the job's plan from `status.jobStatus`.
    pub deployed: Option<Revision>,
    /// `status.jobStatus.jobID`: of the deployed revision, or already of the next one.
    pub job: Option<JobId>,
    /// `status.savepointTriggerId`: a request that ends the deployed job with a savepoint.
    pub trigger: Option<TriggerId>,
    /// `status.savepointPath`: the state of a job that runs no more.
    pub savepoint: Option<String>,
    /// `status.lastUpdatedAt`
    pub since: Timestamp,
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
    /// At rest, but without the job's id: a rollback failed, and no job is known to run.
    DeployFailed,
    /// As DeployFailed.
    Running,
    /// The last savepoint was being taken.
    Deleting,
}

impl Left {
    /// The deployed job, if the status still says which one that is.
    fn holder(&self) -> Option<(&Revision, &JobId)> {
        // The id may be the new job's, on another cluster.
        let submits = matches!(self.phase, LeftIn::SubmittingJob | LeftIn::RollingBackJob);
        self.deployed.as_ref().zip(self.job.as_ref()).filter(|_| !submits)
    }

    /// A savepoint whose end is to be waited for.
    fn savepointing(&self) -> Option<(&Revision, &JobId, &TriggerId)> {
        let ((revision, job), trigger) = (self.holder()?, self.trigger.as_ref()?);
        self.savepoint.is_none().then_some((revision, job, trigger))
    }

    /// Nothing was deployed and nothing can have been submitted.
    fn is_new(&self) -> bool {
        let before = matches!(self.phase, LeftIn::Updating | LeftIn::ClusterStarting | LeftIn::Savepointing);
        before && self.deployed.is_none() && self.job.is_none() && self.savepoint.is_none()
    }
}

/// What there is to look at.
enum Open<'a> {
    /// Nothing: the status says it all.
    Nothing,
    /// How the original's savepoint ends.
    Savepoint(&'a Revision, &'a JobId, &'a TriggerId),
    /// Which job runs, and where.
    Jobs,
}

fn open<'a>(app: &Application, left: &'a Left) -> Open<'a> {
    let deleting = is_deleting(app, left);
    if deleting && app.delete_mode == DeleteMode::None {
        return Open::Nothing;
    }
    match left.savepointing() {
        Some((revision, job, trigger)) if !(deleting && app.delete_mode == DeleteMode::ForceCancel) => {
            Open::Savepoint(revision, job, trigger)
        }
        Some(_) | None if left.is_new() => Open::Nothing,
        Some(_) | None if left.holder().is_some() && left.savepoint.is_none() && !deleting => Open::Nothing,
        Some(_) | None => Open::Jobs,
    }
}

fn is_deleting(app: &Application, left: &Left) -> bool {
    app.deletion.is_some() || left.phase == LeftIn::Deleting
}

pub(crate) fn needs(app: &Application, left: &Left) -> Needs {
    match open(app, left) {
        Open::Nothing => Needs::default(),
        Open::Savepoint(revision, job, trigger) => {
            let questions = FlinkNeeds {
                job: Some(job.clone()),
                savepoint: Some((job.clone(), trigger.clone())),
                checkpoints: Some(job.clone()),
                ..FlinkNeeds::default()
            };
            Needs { flink: BTreeMap::from([(revision.id.clone(), questions)]), ..Needs::default() }
        }
        Open::Jobs => Needs { objects: true, written: true, jobs: true, ..Needs::default() },
    }
}

pub(crate) fn step(snapshot: &Snapshot, left: &Left) -> Step {
    let end = End { snapshot, left };
    match open(&snapshot.application, left) {
        Open::Nothing => match left.holder() {
            Some((revision, job)) => end.runs(revision.clone(), job.clone(), None),
            None => end.begins_anew(),
        },
        Open::Savepoint(revision, job, _) => savepoint(&end, revision, job),
        Open::Jobs => match jobs::find(snapshot, left) {
            Jobs::Unknown(why) => end.awaits(&why),
            Jobs::One { revision, job } => end.runs(revision, job, left.savepoint.clone()),
            Jobs::None { last } => match (&left.deployed, &left.savepoint) {
                (None, None) => end.begins_anew(),
                (Some(_), _) | (_, Some(_)) => end.has_no_job(last, left.savepoint.clone()),
            },
        },
    }
}

/// The original's savepoint, as Flink tells of it.
fn savepoint(end: &End<'_>, revision: &Revision, job: &JobId) -> Step {
    let nothing = FlinkSeen::default();
    let flink = end.snapshot.observed.flink.get(&revision.id).unwrap_or(&nothing);
    let runs_on = || end.runs(revision.clone(), job.clone(), None);
    let waits = |why: &str| if end.is_late() { runs_on() } else { end.awaits(why) };
    match (&flink.savepoint, &flink.job) {
        (Seen::Present(SavepointSeen::Completed { path }), found) => match found {
            Seen::Present(job) if !job.state.has_ended() => waits("the savepoint is complete and the job is ending"),
            Seen::Present(_) | Seen::Absent | Seen::Unreachable(_) | Seen::NotAsked => {
                end.has_no_job(Some(job.clone()), Some(path.clone()))
            }
        },
        (Seen::Present(SavepointSeen::InProgress), _) => waits("Flink takes the savepoint that it was asked for"),
        (Seen::Present(SavepointSeen::Failed { .. }), _) => runs_on(),
        (Seen::Absent, found) => forgotten(end, job, found, &flink.checkpoints).unwrap_or_else(runs_on),
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

/// How it may go on.
struct End<'a> {
    snapshot: &'a Snapshot,
    left: &'a Left,
}

impl End<'_> {
    /// A job runs: it is the deployed one.
    fn runs(&self, revision: Revision, job: JobId, restored_from: Option<String>) -> Step {
        let deployed = Deployed { revision, job, next_stop: 1, restored_from };
        let text = format!("Job {} of revision {} is taken over.", deployed.job, deployed.revision.id);
        let holder = deployed.holder();
        let ledger = Ledger { deployed: Some(deployed), job: self.left.figures.clone(), ..Ledger::default() };
        if self.is_deleting() {
            return self.deletes(ledger, Some(holder));
        }
        let phase = Phase::Running(Running { since: self.snapshot.now });
        Rule::OriginalTakenOver.to(Memory { phase, ledger }).because(text)
    }

    /// No job runs: the next one starts from `state`.
    fn has_no_job(&self, last: Option<JobId>, state: Option<String>) -> Step {
        let job = last.unwrap_or_else(|| JobId::known(NO_JOB));
        let savepoint = state.map(|path| Savepoint { path, job: job.clone() });
        let revision = self.left.deployed.clone();
        let deployed = revision.map(|revision| Deployed { revision, job, next_stop: 1, restored_from: None });
        let text = match &savepoint {
            Some(savepoint) => format!("No job runs; the next one starts from {}.", savepoint.path),
            None => "No job runs, and the status names no savepoint.".to_owned(),
        };
        let job = self.left.figures.clone().filter(|_| savepoint.is_none());
        let ledger = Ledger { deployed, savepoint, job, ..Ledger::default() };
        if self.is_deleting() {
            return self.deletes(ledger, None);
        }
        let phase = Phase::DeployFailed(DeployFailed { since: self.snapshot.now });
        Rule::OriginalStopped.to(Memory { phase, ledger }).because(text)
    }

    fn begins_anew(&self) -> Step {
        if self.is_deleting() {
            let holder = self.left.holder().map(|(revision, job)| JobHolder {
                revision: revision.id.clone(),
                job: job.clone(),
                next_stop: 1,
            });
            return self.deletes(Ledger::default(), holder);
        }
        Rule::OriginalBegunAnew.to(Memory::default())
    }

    fn deletes(&self, mut ledger: Ledger, holder: Option<JobHolder>) -> Step {
        ledger.job = None;
        let at = Deleting { since: self.snapshot.now, holder, tries: Default::default(), blocked: None };
        Rule::OriginalDeletionHeard.to(Memory { phase: Phase::Deleting(at), ledger })
    }

    fn awaits(&self, why: &str) -> Step {
        let poll = backoff::after(self.snapshot.now, 1_000);
        let text = format!(
            "{why}; until that is known, what the original operator left in {} is not touched",
            self.left.phase
        );
        Rule::OriginalAwaited.stay().because(text.clone()).note(EventReason::TakeoverAwaited, text).wake_at(poll)
    }

    /// The savepoint has had all the time that a savepoint of ours would have.
    fn is_late(&self) -> bool {
        let watched = self.snapshot.watching_since.map_or(self.left.since, |since| since.max(self.left.since));
        self.snapshot.now >= backoff::after(watched, self.snapshot.policy.savepoint_timeout_ms)
    }

    fn is_deleting(&self) -> bool {
        is_deleting(&self.snapshot.application, self.left)
    }
}
