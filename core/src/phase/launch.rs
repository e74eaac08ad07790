//! What SubmittingJob and RollingBackJob share: one job is started under our id, and watched until all its tasks run.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backoff;
use crate::effect::{Effect, Submission};
use crate::id::JobId;
use crate::memory::{Deployed, JobHolder, Revision};
use crate::phase::{Launch, Phase, repair};
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, Job, JobState, Needs, Objects, Seen, Trouble, TroubleClass};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish, clause};

/// Tries before the submission is given up; with the default delays about five minutes.
const TRIES: u32 = 15;
/// How long TaskManagers that are not needed any more are waited for.
const REGISTERED_MS: u32 = 60_000;
/// How often tasks that come up are looked for, in milliseconds.
const TASKS_MS: u32 = 500;
/// How long the tasks of a small job need to come up, in milliseconds. Flink tells for three seconds what it told at the
/// first look, so that look must not come too early.
const FIRST_LOOK_MS: u32 = 2_500;
/// Submissions under different ids, where Flink forgets the job.
const ATTEMPTS: u32 = 3;

/// How far a launch is.
pub(super) enum Launching {
    /// It goes on with this step.
    Goes(Box<Step>),
    /// All tasks run.
    Runs,
    /// The job has already come to its own end.
    Finished,
    /// It does not start.
    Ended(Ending, String),
}

/// Why a job does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Flink refuses it.
    Refused,
    /// Flink did not take it, or forgot it, in spite of all tries.
    GivenUp,
    /// Its JobManager did not take it in time.
    NotTaken,
    /// It ended before its tasks ran.
    Failed,
    /// Its tasks did not all run in time; it is there and may still come up.
    Slow,
}

/// SubmittingJob with the first submission of `target`, or the next one where it has the deployed cluster.
pub(super) fn of(view: &View<'_>, target: &Revision, restore_from: Option<String>) -> Phase {
    Phase::SubmittingJob(new(view, target, restore_from))
}

pub(super) fn new(view: &View<'_>, target: &Revision, restore_from: Option<String>) -> Launch {
    let attempt = view.next_attempt(target);
    let (target, since) = (target.clone(), view.now);
    Launch { target, since, attempt, tries: Default::default(), restore_from, accepted: None }
}

impl Launch {
    /// The job's id.
    pub(super) fn job(&self, application_uid: &str) -> JobId {
        JobId::derive(application_uid, &self.target.id, self.attempt)
    }

    /// The job, which may be running.
    pub(super) fn holder(&self, application_uid: &str) -> JobHolder {
        JobHolder { revision: self.target.id.clone(), job: self.job(application_uid), next_stop: 1 }
    }

    /// What is deployed once the job runs.
    pub(super) fn deployed(&self, application_uid: &str) -> Deployed {
        Deployed {
            revision: self.target.clone(),
            job: self.job(application_uid),
            next_stop: 1,
            restored_from: self.restore_from.clone(),
            attempt: self.attempt,
            given_up: false,
            stop_asked: false,
        }
    }
}

pub(super) fn needs(application_uid: &str, at: &Launch) -> Needs {
    let overview = at.accepted.is_none();
    let flink = FlinkNeeds { overview, job: Some(at.job(application_uid)), ..FlinkNeeds::default() };
    Needs { objects: true, flink: BTreeMap::from([(at.target.id.clone(), flink)]), ..Needs::default() }
}

/// One look at a launch; `again` makes the phase of what is to be remembered of it.
pub(super) fn step(view: &View<'_>, at: &Launch, again: &dyn Fn(Launch) -> Phase) -> Launching {
    match &view.flink(&at.target.id).job {
        Seen::Present(job) => watch(view, at, job, again),
        Seen::Absent => submit(view, at, again),
        Seen::Unreachable(trouble) => unreachable(view, at, &trouble.message),
        Seen::NotAsked => unreachable(view, at, "the JobManager was not asked"),
    }
}

fn goes(step: Step) -> Launching {
    Launching::Goes(Box::new(step))
}

/// Another deploy begins where the spec asks for it. A job on the deployed cluster is seen through first: that
/// cluster is not deleted with it.
fn replaced(view: &View<'_>, at: &Launch) -> Option<Launching> {
    match view.wish(&at.target) {
        Wish::Other(spec) if !view.on_deployed_cluster(&at.target) => {
            Some(goes(view.begin(Rule::TargetReplaced, spec)))
        }
        Wish::Other(_) | Wish::Target(_) | Wish::Deployed | Wish::Refused(_) => None,
    }
}

/// Flink knows the job.
fn watch(view: &View<'_>, at: &Launch, job: &Job, again: &dyn Fn(Launch) -> Phase) -> Launching {
    let id = at.job(&view.app.uid);
    let Some(accepted) = at.accepted else {
        let phase = again(Launch { accepted: Some(view.now), ..at.clone() });
        let text = format!("Flink accepted job {id} of revision {}.", at.target.id);
        return goes(Rule::JobAccepted.to(view.with(phase)).note(EventReason::JobSubmitted, text));
    };
    let cause = || clause(job.failure.as_deref().unwrap_or("Flink names no cause"));
    match job.state {
        JobState::Running if job.tasks.first_stage_started() => match repoint(view, at, accepted) {
            Some(step) => goes(step),
            None => Launching::Runs,
        },
        JobState::Finished => Launching::Finished,
        JobState::Failed | JobState::Canceled | JobState::Suspended => {
            Launching::Ended(Ending::Failed, format!("Job {id} is {} before its tasks ran: {}.", job.state, cause()))
        }
        JobState::Initializing
        | JobState::Created
        | JobState::Running
        | JobState::Failing
        | JobState::Cancelling
        | JobState::Restarting
        | JobState::Reconciling => {
            if let Some(replaced) = replaced(view, at) {
                return replaced;
            }
            let deadline = view.deadline(accepted, view.policy.job_start_timeout_ms);
            if view.now >= deadline {
                let text = format!(
                    "{} of {} tasks of job {id} ran after {} s (job state {}, last failure: {}).",
                    job.tasks.running,
                    job.tasks.total,
                    view.policy.job_start_timeout_ms / 1000,
                    job.state,
                    cause(),
                );
                return Launching::Ended(Ending::Slow, text);
            }
            let why = format!("job {id} is {}, {} of {} tasks run", job.state, job.tasks.running, job.tasks.total);
            let wake = deadline.min(backoff::after(view.now, TASKS_MS));
            goes(Rule::JobStartAwaited.stay().because(why).wake_at(wake))
        }
    }
}

/// Before the launch counts as done, the application's own Service leads to it; but a job that runs does not
/// wait for a Service for ever: whatever phase follows goes on trying.
fn repoint(view: &View<'_>, at: &Launch, accepted: Timestamp) -> Option<Step> {
    let objects = view.objects()?;
    if view.trouble().is_some() || view.passed(accepted, view.policy.job_start_timeout_ms) {
        return None;
    }
    repair::pointing(view, objects, &at.target)
}

/// Flink does not know the job: it is not submitted yet, or was forgotten.
fn submit(view: &View<'_>, at: &Launch, again: &dyn Fn(Launch) -> Phase) -> Launching {
    if let Some(replaced) = replaced(view, at) {
        return replaced;
    }
    if at.accepted.is_some() {
        return vanished(view, at, again);
    }
    if let Some(trouble) = view.trouble() {
        return not_submitted(view, at, trouble, again);
    }
    let failed = view.ledger().last_error.as_ref().filter(|_| at.tries.failed > 0);
    let why = failed.map_or("Flink does not show the job", |error| clause(&error.message));
    if let Some(ended) = timed_out(view, at, why) {
        return ended;
    }
    if let Some(step) = view.backing_off(at.tries) {
        return goes(step);
    }
    if !view.app.finalized {
        return goes(Rule::FinalizerRequested.stay().run([Effect::AddFinalizer]));
    }
    let Some(objects) = view.objects() else {
        return goes(view.kubernetes_awaited());
    };
    goes(make_room(view, at, objects).unwrap_or_else(|| {
        let submission = Submission {
            revision: at.target.id.clone(),
            job: at.job(&view.app.uid),
            plan: at.target.job.clone(),
            restore_from: at.restore_from.clone(),
        };
        let effects = [Effect::SubmitJob(Box::new(submission))];
        Rule::SubmissionRequested.stay().run(effects).wake_at(backoff::after(view.now, first_look_ms(view)))
    }))
}

/// Where the spec makes Flink tell the news at once, the first look may be as early as the others.
fn first_look_ms(view: &View<'_>) -> u32 {
    let interval = view.spec().ok().and_then(|spec| spec.flink_config.get("web.refresh-interval"));
    let ms = interval.and_then(|text| text.trim_end_matches("ms").trim().parse::<u32>().ok());
    if ms.is_some_and(|ms| ms <= TASKS_MS) { TASKS_MS } else { FIRST_LOOK_MS }
}

/// Nothing of an abandoned deploy may be left, and no TaskManager that is about to go.
fn make_room(view: &View<'_>, at: &Launch, objects: &Objects) -> Option<Step> {
    let wake = backoff::next_poll(at.since, view.now);
    let (removals, left) = view.leftovers(objects, Some(&at.target.id));
    if !removals.is_empty() {
        return Some(Rule::LeftoversRemoved.stay().run(removals));
    }
    if left {
        return Some(Rule::LeftoversAwaited.stay().wake_at(wake));
    }
    repair::scaling(objects, &at.target)
        .or_else(|| surplus(view, at).then(|| Rule::SurplusAwaited.stay().wake_at(wake)))
}

/// TaskManagers that are about to go are still registered: a task that they got would fail with them. One that died
/// without a word stays registered for a while; it is not waited for.
fn surplus(view: &View<'_>, at: &Launch) -> bool {
    let registered = view.flink(&at.target.id).overview.present().map_or(0, |overview| overview.heartbeats.len());
    let wanted = at.target.cluster.as_ref().and_then(|plan| usize::try_from(plan.taskmanagers).ok());
    wanted.is_some_and(|wanted| registered > wanted) && !view.passed(at.since, REGISTERED_MS)
}

fn vanished(view: &View<'_>, at: &Launch, again: &dyn Fn(Launch) -> Phase) -> Launching {
    let first = view.next_attempt(&at.target);
    if at.attempt >= first.saturating_add(ATTEMPTS).saturating_sub(1) {
        let id = at.job(&view.app.uid);
        let text = format!("Flink forgot job {id} before its tasks ran, for the {ATTEMPTS}rd time.");
        return Launching::Ended(Ending::GivenUp, text);
    }
    let attempt = at.attempt.saturating_add(1);
    let next = Launch { attempt, accepted: None, since: view.now, ..at.clone() };
    goes(Rule::JobVanished.to(view.with(again(next))))
}

fn not_submitted(view: &View<'_>, at: &Launch, trouble: &Trouble, again: &dyn Fn(Launch) -> Phase) -> Launching {
    if trouble.class == TroubleClass::TryAgain && at.tries.failed < TRIES {
        let text = format!("revision {}: {}", at.target.id, trouble.message);
        let again = |tries| again(Launch { tries, ..at.clone() });
        let step = view.tried(Rule::SubmissionRetried, at.tries, trouble, again);
        return goes(step.note(EventReason::JobSubmissionFailed, text));
    }
    let ending = match trouble.class {
        TroubleClass::TryAgain => Ending::GivenUp,
        TroubleClass::UsersFault | TroubleClass::OurBug => Ending::Refused,
    };
    let text = format!("The job of revision {} was not accepted: {}.", at.target.id, clause(&trouble.message));
    Launching::Ended(ending, text)
}

fn unreachable(view: &View<'_>, at: &Launch, why: &str) -> Launching {
    if let Some(replaced) = replaced(view, at) {
        return replaced;
    }
    timed_out(view, at, why)
        .unwrap_or_else(|| goes(Rule::FlinkAwaited.stay().because(why).wake_at(backoff::next_poll(at.since, view.now))))
}

fn timed_out(view: &View<'_>, at: &Launch, why: &str) -> Option<Launching> {
    view.passed(at.accepted.unwrap_or(at.since), view.policy.job_start_timeout_ms).then(|| {
        let limit = view.policy.job_start_timeout_ms / 1000;
        let text = format!("The JobManager of revision {} did not take the job within {limit} s: {why}.", at.target.id);
        Launching::Ended(Ending::NotTaken, text)
    })
}
