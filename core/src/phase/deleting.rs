//! Deleting: the job ends as `deleteMode` says, then the finalizer goes; garbage collection does the rest.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::application::DeleteMode;
use crate::backoff;
use crate::effect::Effect;
use crate::memory::{Deployed, JobHolder, Memory, Stopped};
use crate::phase::{Deleting, Phase, savepointing};
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, Job, JobState, Needs, SavepointNeed, SavepointSeen, Seen, Trouble, TroubleClass};
use crate::step::{EventReason, Step};
use crate::view::{View, clause};

pub(super) fn needs(application_uid: &str, at: &Deleting) -> Needs {
    let flink = at.holders.first().map(|holder| {
        let job = Some(holder.job.clone());
        let trigger = holder.trigger(application_uid);
        let savepoint = Some(SavepointNeed { job: holder.job.clone(), trigger, says_all: false });
        let needs = FlinkNeeds { job: job.clone(), savepoint, checkpoints: job, ..FlinkNeeds::default() };
        (holder.revision.clone(), needs)
    });
    Needs { objects: true, flink: BTreeMap::from_iter(flink), ..Needs::default() }
}

/// The deletion is heard in `phase`: which jobs must end first?
pub(super) fn heard(view: &View<'_>, phase: &Phase) -> Step {
    let ledger = view.ledger();
    let uid = &view.app.uid;
    let mut holders = Vec::new();
    holders.extend(ledger.deployed.as_ref().filter(|_| ledger.stopped.is_none()).map(Deployed::holder));
    holders.extend(ledger.second.as_ref().map(Deployed::holder));
    match phase {
        Phase::SubmittingJob(at) => holders.push(at.holder(uid)),
        Phase::RollingBackJob(at) => {
            holders.extend(at.launch.as_ref().map(|launch| launch.holder(uid)));
            holders.extend(view.deployed().zip(at.clear.clone()).map(|(deployed, job)| JobHolder {
                revision: deployed.revision.id.clone(),
                job,
                next_stop: 1,
            }));
        }
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
        | Phase::Deleting(_) => {}
    }
    let target = phase.target().cloned();
    let at = Deleting { since: view.now, holders, target, tries: Default::default(), blocked: None };
    let mut memory = view.with(Phase::Deleting(at));
    memory.ledger.last_error = None;
    Rule::DeletionHeard.to(memory)
}

pub(super) fn step(view: &View<'_>, at: &Deleting) -> Step {
    if !view.app.finalized {
        return Rule::DeletionRests.stay();
    }
    let mode = view.app.delete_mode;
    let Some(holder) = at.holders.first().filter(|_| mode != DeleteMode::None) else {
        return release(view, at, "");
    };
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    if objects.clusters.get(&holder.revision).is_none_or(|cluster| cluster.jobmanager.is_none()) {
        return release(view, at, "the job's JobManager does not exist any more");
    }
    if view.ledger().stopped.as_ref().is_some_and(|stopped| stopped.job == holder.job) {
        return release(view, at, "the last savepoint is recorded");
    }
    let flink = view.flink(&holder.revision);
    if let Seen::Present(SavepointSeen::Completed { path }) = &flink.savepoint {
        return saved(view, at, holder, Rule::FinalSavepointCompleted, path);
    }
    match &flink.job {
        Seen::Unreachable(trouble) => flink_awaited(view, at, &trouble.message),
        Seen::NotAsked => flink_awaited(view, at, "the JobManager was not asked"),
        Seen::Absent => release(view, at, "Flink does not know the job any more"),
        Seen::Present(job) if job.state.has_ended() => ended(view, at, holder, job),
        Seen::Present(job) if mode == DeleteMode::ForceCancel => cancel(view, at, holder, job),
        Seen::Present(job) => stop(view, at, holder, job),
    }
}

/// The first of the jobs runs no more, or nobody cares: the next one's turn, or the end.
fn release(view: &View<'_>, at: &Deleting, why: &str) -> Step {
    if at.holders.len() > 1 && view.app.delete_mode != DeleteMode::None {
        let holders = at.holders.iter().skip(1).cloned().collect();
        let (since, target) = (view.now, at.target.clone());
        let next = Deleting { since, holders, target, tries: Default::default(), blocked: None };
        return Rule::JobEnded.to(view.with(Phase::Deleting(next)));
    }
    let step = Rule::FinalizerReleased.stay().run([Effect::RemoveFinalizer]).because(why);
    match view.trouble() {
        // The next try waits a moment: the effect's own failure says nothing new.
        Some(trouble) => {
            Rule::BackoffAwaited.stay().because(trouble.message.clone()).wake_at(backoff::after(view.now, 1_000))
        }
        None => step,
    }
}

fn saved(view: &View<'_>, at: &Deleting, holder: &JobHolder, rule: Rule, path: &str) -> Step {
    let mut ledger = view.ledger().clone();
    ledger.stopped = Some(Stopped { job: holder.job.clone(), state: Some(path.to_owned()) });
    ledger.job = None;
    ledger.last_error = None;
    let text = format!("Job {} was stopped with savepoint {path}.", holder.job);
    rule.to(Memory { phase: Phase::Deleting(at.clone()), ledger }).note(EventReason::CanceledJob, text)
}

/// The job runs no more. If it was stopped with a savepoint, that is recorded before its cluster goes.
fn ended(view: &View<'_>, at: &Deleting, holder: &JobHolder, job: &Job) -> Step {
    let checkpoints = &view.flink(&holder.revision).checkpoints;
    if let Seen::Unreachable(trouble) = checkpoints {
        return flink_awaited(view, at, &trouble.message);
    }
    let history = checkpoints.present().and_then(|history| history.savepoint.as_ref());
    match history.and_then(|savepoint| savepoint.path.as_deref()).filter(|_| job.state == JobState::Finished) {
        Some(path) => saved(view, at, holder, Rule::FinalSavepointFoundInHistory, path),
        None => release(view, at, "the job has ended"),
    }
}

fn cancel(view: &View<'_>, at: &Deleting, holder: &JobHolder, job: &Job) -> Step {
    if let Some(trouble) = view.trouble() {
        return request_failed(view, at, trouble);
    }
    if let Some(step) = view.backing_off(at.tries) {
        return step;
    }
    let wake = backoff::next_poll(at.since, view.now);
    if job.state == JobState::Cancelling {
        return Rule::JobEndAwaited.stay().wake_at(wake);
    }
    let text = format!("Job {} is cancelled without a savepoint.", holder.job);
    Rule::CancelRequested
        .stay()
        .run([Effect::CancelJob { revision: holder.revision.clone(), job: holder.job.clone() }])
        .note(EventReason::ForceCanceling, text)
        .wake_at(wake)
}

fn stop(view: &View<'_>, at: &Deleting, holder: &JobHolder, job: &Job) -> Step {
    let wake = backoff::next_poll(at.since, view.now);
    match &view.flink(&holder.revision).savepoint {
        Seen::Present(SavepointSeen::InProgress | SavepointSeen::Completed { .. }) => under_way(view, at, wake),
        Seen::Present(SavepointSeen::Failed { cause }) => failed(view, at, holder, cause),
        Seen::Unreachable(trouble) => flink_awaited(view, at, &trouble.message),
        Seen::NotAsked => flink_awaited(view, at, "the savepoint was not asked for"),
        Seen::Absent => {
            if let Some(cause) = &at.blocked {
                return blocked(view, cause);
            }
            if let Some(trouble) = view.trouble() {
                return request_failed(view, at, trouble);
            }
            if let Some(step) = view.backing_off(at.tries) {
                return step;
            }
            if job.state != JobState::Running {
                return Rule::JobAwaited.stay().because(format!("job {} is {}", holder.job, job.state)).wake_at(wake);
            }
            // While a TaskManager comes back Flink shows RUNNING, and every savepoint would fail at once.
            if !job.tasks.first_stage_started() && !view.passed(at.since, view.policy.savepoint_timeout_ms) {
                let tasks = job.tasks;
                let why = format!("{} of {} tasks of job {} run", tasks.running, tasks.total, holder.job);
                return Rule::JobAwaited.stay().because(why).wake_at(wake);
            }
            let trigger = holder.trigger(&view.app.uid);
            Rule::FinalSavepointRequested.stay().run([Effect::StopWithSavepoint {
                revision: holder.revision.clone(),
                job: holder.job.clone(),
                trigger,
            }])
        }
    }
}

/// Flink is at the savepoint, but it may be at it for ever.
fn under_way(view: &View<'_>, at: &Deleting, wake: Timestamp) -> Step {
    if let Some(cause) = &at.blocked {
        return blocked(view, cause);
    }
    let limit = view.policy.savepoint_timeout_ms;
    if view.passed(at.since, limit) {
        return block(view, at, at.holders.first(), &format!("no savepoint was complete after {} s", limit / 1000));
    }
    Rule::FinalSavepointAwaited.stay().wake_at(wake)
}

/// The job may still end, or its savepoint complete.
fn blocked(view: &View<'_>, cause: &str) -> Step {
    Rule::DeletionBlocked.stay().because(cause).wake_at(backoff::after(view.now, view.policy.poll_interval_ms))
}

fn request_failed(view: &View<'_>, at: &Deleting, trouble: &Trouble) -> Step {
    if trouble.class == TroubleClass::TryAgain {
        let again = |tries| Phase::Deleting(Deleting { tries, ..at.clone() });
        return view.tried(Rule::FinalSavepointRequestRetried, at.tries, trouble, again);
    }
    block(view, at, at.holders.first(), &trouble.message)
}

fn failed(view: &View<'_>, at: &Deleting, holder: &JobHolder, cause: &str) -> Step {
    let holder = JobHolder { next_stop: holder.next_stop.saturating_add(1), ..holder.clone() };
    let tries = savepointing::one_more_failed(view, at.tries);
    if tries.failed >= savepointing::TRIES {
        return block(view, at, Some(&holder), cause);
    }
    let text = format!(
        "Savepoint {} of {} of job {} failed: {}.",
        tries.failed,
        savepointing::TRIES,
        holder.job,
        clause(cause)
    );
    let phase = Phase::Deleting(Deleting { tries, holders: with_first(at, &holder), ..at.clone() });
    Rule::FinalSavepointRetried.to(view.with(phase)).note(EventReason::SavepointFailed, text)
}

/// The jobs with another number of the next try in the first place.
fn with_first(at: &Deleting, holder: &JobHolder) -> Vec<JobHolder> {
    std::iter::once(holder).chain(at.holders.iter().skip(1)).cloned().collect()
}

fn block(view: &View<'_>, at: &Deleting, holder: Option<&JobHolder>, cause: &str) -> Step {
    let text = format!(
        "The job cannot be stopped with a savepoint: {}. Set deleteMode to ForceCancel or None to delete without one.",
        clause(cause)
    );
    let holders = holder.map(|holder| with_first(at, holder)).unwrap_or_default();
    let phase = Phase::Deleting(Deleting { holders, blocked: Some(cause.to_owned()), ..at.clone() });
    Rule::FinalSavepointGivenUp.to(view.with(phase)).note(EventReason::DeletionBlocked, text)
}

fn flink_awaited(view: &View<'_>, at: &Deleting, message: &str) -> Step {
    let why = format!("{message}; set deleteMode to None to delete without asking the job");
    Rule::FlinkAwaited.stay().because(why).wake_at(backoff::next_poll(at.since, view.now))
}
