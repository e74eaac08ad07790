//! Savepointing: the running job is stopped with a savepoint; from its end to the submission of the
//! new job every millisecond is downtime. (BlueGreen takes a savepoint of a job that runs on.)

use std::collections::BTreeMap;

use crate::backoff;
use crate::effect::Effect;
use crate::health::{JobFigures, whole_second};
use crate::memory::{Deployed, Ledger, Memory, Revision, Stopped, Tries};
use crate::phase::{Phase, Savepointing, launch, recovering};
use crate::rule::Rule;
use crate::snapshot::{
    Checkpoints, FlinkNeeds, Job, JobState, Needs, SavepointNeed, SavepointSeen, Seen, Trouble, TroubleClass,
};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish, clause};

/// Savepoints that are tried in one deploy.
pub(super) const TRIES: u32 = 3;
/// How late Flink shows the state of a job by default (`web.refresh-interval`). A savepoint that failed because
/// the job was restarting is not tried again on a view of the job that is as old as that.
pub(super) const VIEW_IS_LATE_MS: u32 = 3_000;

/// One more savepoint failed.
pub(super) fn one_more_failed(view: &View<'_>, tries: Tries) -> Tries {
    let tries = backoff::failed_once_more(tries, view.now, view.policy, &view.app.uid);
    backoff::not_before(tries, backoff::after(view.now, VIEW_IS_LATE_MS))
}

/// The deployed job is next to be stopped. That is written before it is asked for: a request that nobody answers may
/// arrive when this deploy was taken back long ago.
pub(super) fn enter(view: &View<'_>, target: &Revision, rule: Rule) -> Step {
    let phase = Savepointing { target: target.clone(), since: view.now, tries: Tries::default() };
    let mut memory = view.with(Phase::Savepointing(phase));
    if let (Some(deployed), None) = (&mut memory.ledger.deployed, target.colour) {
        deployed.stop_asked = true;
    }
    let step = rule.to(memory);
    let Some(deployed) = view.deployed() else { return step };
    match target.colour {
        None => {
            let text = format!("Job {} is being stopped with a savepoint.", deployed.job);
            step.note(EventReason::CancellingJob, text)
        }
        Some(_) => {
            let text = format!("A savepoint of job {} is being taken; it runs on.", deployed.job);
            step.note(EventReason::SavepointingJob, text)
        }
    }
}

pub(super) fn needs(application_uid: &str, at: &Savepointing, ledger: &Ledger) -> Needs {
    let Some(deployed) = &ledger.deployed else {
        return Needs::default();
    };
    let job = deployed.job.clone();
    let trigger = at.trigger(application_uid, deployed);
    let flink = FlinkNeeds {
        job: Some(job.clone()),
        savepoint: Some(SavepointNeed { job: job.clone(), trigger, says_all: true }),
        checkpoints: Some(job),
        ..FlinkNeeds::default()
    };
    Needs { objects: true, flink: BTreeMap::from([(deployed.revision.id.clone(), flink)]), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &Savepointing) -> Step {
    let Some(deployed) = view.deployed() else {
        return submit(view, &at.target, Rule::JobFinishedBeforeSavepoint, view.ledger().clone());
    };
    let flink = view.flink(&deployed.revision.id);
    match (&flink.savepoint, &flink.job) {
        (Seen::Present(SavepointSeen::Completed { path }), _) => {
            saved(view, at, deployed, Rule::SavepointCompleted, path)
        }
        (Seen::Present(SavepointSeen::InProgress), _) => {
            let wake = backoff::next_poll(at.since, view.now);
            timed_out(view, at).unwrap_or_else(|| Rule::SavepointAwaited.stay().wake_at(wake))
        }
        (Seen::Present(SavepointSeen::Failed { cause }), Seen::Present(job)) => {
            ended(view, at, deployed, job, &flink.checkpoints).unwrap_or_else(|| failed(view, at, deployed, cause))
        }
        (Seen::Absent, Seen::Present(job)) => {
            ended(view, at, deployed, job, &flink.checkpoints).unwrap_or_else(|| not_triggered(view, at, deployed, job))
        }
        (Seen::Present(SavepointSeen::Failed { .. }) | Seen::Absent, Seen::Absent) => lost(view, at, deployed),
        (Seen::Unreachable(trouble), _) | (_, Seen::Unreachable(trouble)) => awaiting(view, at, Some(trouble)),
        (Seen::NotAsked, _) | (_, Seen::NotAsked) => awaiting(view, at, None),
    }
}

/// The savepoint is complete: recorded, and the new job is next, unless the spec asks for another by now.
fn saved(view: &View<'_>, at: &Savepointing, deployed: &Deployed, rule: Rule, path: &str) -> Step {
    if at.target.colour.is_some() && rule == Rule::SavepointCompleted {
        return taken(view, at, deployed, path);
    }
    let text = format!("Job {} was stopped with savepoint {path}.", deployed.job);
    submit(view, &at.target, rule, stopped(view, deployed, Some(path))).note(EventReason::CanceledJob, text)
}

/// The job runs on, and the new version starts from its savepoint.
fn taken(view: &View<'_>, at: &Savepointing, deployed: &Deployed, path: &str) -> Step {
    let mut ledger = view.ledger().clone();
    ledger.last_error = None;
    // Should the job be lost before its next checkpoint, this is its newest state, whatever becomes of the new version.
    // It may be so new that nothing was told of it yet.
    let job = ledger.job.get_or_insert_with(|| JobFigures::of_one_that_runs(view.now));
    job.last_checkpoint = Some(path.to_owned());
    job.last_checkpoint_time = Some(whole_second(view.now));
    let phase = launch::of(view, &at.target, Some(path.to_owned()));
    let text = format!("Savepoint {path} of job {} is complete.", deployed.job);
    Rule::SavepointTaken.to(Memory { phase, ledger }).note(EventReason::SavepointCompleted, text)
}

/// The ledger once the deployed job runs no more.
pub(super) fn stopped(view: &View<'_>, deployed: &Deployed, state: Option<&str>) -> Ledger {
    let mut ledger = view.ledger().clone();
    ledger.stopped = Some(Stopped { job: deployed.job.clone(), state: state.map(str::to_owned) });
    // Nothing may be told of a job that does not run.
    ledger.job = None;
    ledger
}

/// The new job is next, from the state that the ledger holds.
pub(super) fn submit(view: &View<'_>, target: &Revision, rule: Rule, mut ledger: Ledger) -> Step {
    ledger.last_error = None;
    let restore_from = ledger.stopped.as_ref().and_then(|stopped| stopped.state.clone());
    rule.to(Memory { phase: launch::of(view, target, restore_from), ledger })
}

/// What a job that runs no more means; None if it may still run.
fn ended(
    view: &View<'_>,
    at: &Savepointing,
    deployed: &Deployed,
    job: &Job,
    checkpoints: &Seen<Checkpoints>,
) -> Option<Step> {
    if !job.state.has_ended() {
        return None;
    }
    let history = match checkpoints {
        Seen::Present(history) => history,
        Seen::Unreachable(trouble) => return Some(awaiting(view, at, Some(trouble))),
        Seen::Absent | Seen::NotAsked => &Checkpoints::default(),
    };
    if job.state != JobState::Finished {
        let cause = job.failure.as_deref().unwrap_or("Flink names no cause");
        let text = format!("Job {} is {} ({cause}), so no savepoint can be taken of it.", deployed.job, job.state);
        return Some(recovering::enter(view, view.ledger().clone(), Rule::JobEndedBeforeSavepoint, &at.target, text));
    }
    let path = history.savepoint.as_ref().and_then(|it| it.path.as_deref());
    Some(match path {
        Some(path) => saved(view, at, deployed, Rule::SavepointFoundInHistory, path),
        None => {
            let text = format!("Job {} has finished; it leaves no state to start from.", deployed.job);
            submit(view, &at.target, Rule::JobFinishedBeforeSavepoint, view.ledger().clone())
                .note(EventReason::JobFinished, text)
        }
    })
}

/// Flink gave up on the savepoint and the job still runs.
fn failed(view: &View<'_>, at: &Savepointing, deployed: &Deployed, cause: &str) -> Step {
    let trouble = Trouble {
        class: TroubleClass::TryAgain,
        method: "CancelJobWithSavepoint".to_owned(),
        message: cause.to_owned(),
    };
    let cause = clause(cause);
    let mut ledger = view.ledger().clone();
    ledger.deployed = Some(Deployed { next_stop: deployed.next_stop.saturating_add(1), ..deployed.clone() });
    let tries = one_more_failed(view, at.tries);
    if tries.failed >= TRIES {
        let text = format!("{TRIES} savepoints of job {} failed, the last one because: {cause}.", deployed.job);
        return recovering::enter(view, ledger, Rule::SavepointGivenUp, &at.target, text);
    }
    ledger.last_error = Some(view.error(&trouble));
    let phase = Phase::Savepointing(Savepointing { tries, ..at.clone() });
    let text = format!("Savepoint {} of {TRIES} of job {} failed: {cause}.", tries.failed, deployed.job);
    Rule::SavepointRetried.to(Memory { phase, ledger }).note(EventReason::SavepointFailed, text)
}

/// Flink does not know the trigger, so an edit can still turn back. (A request that nobody answered may still arrive, and
/// then the job is started again.)
fn not_triggered(view: &View<'_>, at: &Savepointing, deployed: &Deployed, job: &Job) -> Step {
    match view.wish(&at.target) {
        Wish::Deployed => return view.revert(),
        Wish::Other(spec) => return view.begin(Rule::TargetReplaced, spec),
        Wish::Target(spec) if spec.force_rollback => return view.force_back(&at.target),
        // A refused edit does not matter here: the target is pinned.
        Wish::Target(_) | Wish::Refused(_) => {}
    }
    if let Some(trouble) = view.trouble() {
        return request_failed(view, at, trouble);
    }
    if let Some(step) = timed_out(view, at).or_else(|| view.backing_off(at.tries)) {
        return step;
    }
    if job.state != JobState::Running {
        let wake = backoff::next_poll(at.since, view.now);
        return Rule::JobAwaited.stay().because(format!("job {} is {}", deployed.job, job.state)).wake_at(wake);
    }
    let trigger = at.trigger(&view.app.uid, deployed);
    let (revision, job) = (deployed.revision.id.clone(), deployed.job.clone());
    Rule::SavepointRequested.stay().run([match at.target.colour {
        None => Effect::StopWithSavepoint { revision, job, trigger },
        Some(_) => Effect::TakeSavepoint { revision, job, trigger },
    }])
}

fn request_failed(view: &View<'_>, at: &Savepointing, trouble: &Trouble) -> Step {
    if trouble.class == TroubleClass::TryAgain {
        if let Some(step) = timed_out(view, at) {
            return step;
        }
        let again = |tries| Phase::Savepointing(Savepointing { tries, ..at.clone() });
        return view.tried(Rule::SavepointRequestRetried, at.tries, trouble, again);
    }
    let text = format!("Flink refuses to take a savepoint: {}.", clause(&trouble.message));
    recovering::enter(view, view.ledger().clone(), Rule::SavepointGivenUp, &at.target, text)
}

fn lost(view: &View<'_>, at: &Savepointing, deployed: &Deployed) -> Step {
    let text = recovering::lost(deployed);
    recovering::enter(view, view.ledger().clone(), Rule::JobLostBeforeSavepoint, &at.target, text)
}

fn awaiting(view: &View<'_>, at: &Savepointing, trouble: Option<&Trouble>) -> Step {
    timed_out(view, at).unwrap_or_else(|| {
        let step = Rule::FlinkAwaited.stay().wake_at(backoff::next_poll(at.since, view.now));
        match trouble {
            Some(trouble) => step.because(trouble.message.clone()),
            None => step,
        }
    })
}

/// The deploy is given up, but not the savepoint: its trigger id is kept, and if it still completes, the
/// next deploy finds it.
fn timed_out(view: &View<'_>, at: &Savepointing) -> Option<Step> {
    view.passed(at.since, view.policy.savepoint_timeout_ms).then(|| {
        let text = format!(
            "No savepoint was complete after {} s. {}; look at its checkpoints in the Flink UI, then edit the spec \
             (restartNonce will do) to try again.",
            view.policy.savepoint_timeout_ms / 1000,
            view.what_stays(&at.target),
        );
        view.fail(Rule::SavepointTimedOut, Some(&at.target), EventReason::SavepointFailed, text)
    })
}
