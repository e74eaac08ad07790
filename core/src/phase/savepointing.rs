//! Savepointing: the running job is stopped with a savepoint; from its end to the submission of the
//! new job every millisecond is downtime.

use std::collections::BTreeMap;

use crate::backoff;
use crate::effect::Effect;
use crate::memory::{Deployed, Ledger, Memory, Savepoint, Tries};
use crate::phase::{Phase, Savepointing, SubmittingJob};
use crate::rule::Rule;
use crate::snapshot::{Checkpoints, FlinkNeeds, Job, JobState, Needs, SavepointSeen, Seen, Trouble, TroubleClass};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish};

/// Savepoints that are tried in one deploy.
pub(super) const TRIES: u32 = 3;
/// How late Flink shows the state of a job by default (`web.refresh-interval`). A savepoint that failed because
/// the job was restarting is not tried again on a view of the job that is as old as that.
const VIEW_IS_LATE_MS: u32 = 3_000;

/// One more savepoint failed.
pub(super) fn one_more_failed(view: &View<'_>, tries: Tries) -> Tries {
    let tries = backoff::failed_once_more(tries, view.now, view.policy, &view.app.uid);
    backoff::not_before(tries, backoff::after(view.now, VIEW_IS_LATE_MS))
}

pub(super) fn needs(application_uid: &str, ledger: &Ledger) -> Needs {
    let Some(deployed) = &ledger.deployed else {
        return Needs::default();
    };
    let holder = deployed.holder();
    let flink = FlinkNeeds {
        overview: false,
        job: Some(holder.job.clone()),
        savepoint: Some((holder.job.clone(), holder.trigger(application_uid))),
        checkpoints: Some(holder.job),
    };
    Needs { objects: false, flink: BTreeMap::from([(holder.revision, flink)]), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &Savepointing) -> Step {
    let Some(deployed) = view.deployed() else {
        return submit(view, at, Rule::JobFinishedBeforeSavepoint, view.ledger().clone(), None);
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
    let mut ledger = view.ledger().clone();
    ledger.savepoint = Some(Savepoint { path: path.to_owned(), job: deployed.job.clone() });
    // No job runs now, so nothing may be told of one.
    ledger.job = None;
    let text = format!("Job {} was stopped with savepoint {path}.", deployed.job);
    submit(view, at, rule, ledger, Some(path.to_owned())).note(EventReason::CanceledJob, text)
}

fn submit(view: &View<'_>, at: &Savepointing, rule: Rule, mut ledger: Ledger, restore_from: Option<String>) -> Step {
    ledger.last_error = None;
    rule.to(Memory { phase: SubmittingJob::first(&at.target, view.now, restore_from), ledger })
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
        let newest = history.latest.as_ref().and_then(|it| it.path.as_deref()).unwrap_or("none that is known");
        let cause = job.failure.as_deref().unwrap_or("Flink names no cause");
        let text = format!(
            "Job {} is {} ({cause}), so it cannot be stopped with a savepoint. Its newest checkpoint: {newest}.",
            deployed.job, job.state
        );
        return Some(view.fail(Rule::JobEndedBeforeSavepoint, Some(&at.target), EventReason::SavepointFailed, text));
    }
    let path = history.savepoint.as_ref().and_then(|it| it.path.as_deref());
    Some(match path {
        Some(path) => saved(view, at, deployed, Rule::SavepointFoundInHistory, path),
        None => {
            let text = format!("Job {} has finished; it leaves no state to start from.", deployed.job);
            submit(view, at, Rule::JobFinishedBeforeSavepoint, view.ledger().clone(), None)
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
    let mut ledger = view.ledger().clone();
    ledger.deployed = Some(Deployed { next_stop: deployed.next_stop.saturating_add(1), ..deployed.clone() });
    let tries = one_more_failed(view, at.tries);
    if tries.failed >= TRIES {
        let text = format!(
            "{TRIES} savepoints of job {} failed, the last one because: {cause}. The job runs on with what was deployed; \
             mend the cause and edit the spec (restartNonce will do) to try again.",
            deployed.job
        );
        return view.fail_with(ledger, Rule::SavepointGivenUp, Some(&at.target), EventReason::SavepointFailed, text);
    }
    ledger.last_error = Some(view.error(&trouble));
    let phase = Phase::Savepointing(Savepointing { tries, ..at.clone() });
    let text = format!("Savepoint {} of {TRIES} of job {} failed: {cause}.", tries.failed, deployed.job);
    Rule::SavepointRetried.to(Memory { phase, ledger }).note(EventReason::SavepointFailed, text)
}

/// Flink does not know the trigger: nothing was asked yet, so an edit can still turn back.
fn not_triggered(view: &View<'_>, at: &Savepointing, deployed: &Deployed, job: &Job) -> Step {
    match view.wish(&at.target) {
        Wish::Deployed => return view.revert(),
        Wish::Other(spec) => return view.begin(Rule::TargetReplaced, spec),
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
    let holder = deployed.holder();
    let trigger = holder.trigger(&view.app.uid);
    Rule::SavepointRequested.stay().run([Effect::StopWithSavepoint {
        revision: holder.revision,
        job: holder.job,
        trigger,
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
    let text =
        format!("Flink refuses to take a savepoint: {}. The job runs on with what was deployed.", trouble.message);
    view.fail(Rule::SavepointGivenUp, Some(&at.target), EventReason::SavepointFailed, text)
}

fn lost(view: &View<'_>, at: &Savepointing, deployed: &Deployed) -> Step {
    let known = view.ledger().job.as_ref().and_then(|job| job.last_checkpoint.as_deref()).unwrap_or("none");
    let text = format!(
        "The JobManager of revision {} does not know job {} any more (was it restarted without high availability?). \
         Its newest known checkpoint: {known}.",
        deployed.revision.id, deployed.job
    );
    view.fail(Rule::JobLostBeforeSavepoint, Some(&at.target), EventReason::SavepointFailed, text)
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
            "No savepoint was complete after {} s. The new cluster is deleted, the deployed one is left alone; look at \
             its checkpoints in the Flink UI, then edit the spec (restartNonce will do) to try again.",
            view.policy.savepoint_timeout_ms / 1000
        );
        view.fail(Rule::SavepointTimedOut, Some(&at.target), EventReason::SavepointFailed, text)
    })
}
