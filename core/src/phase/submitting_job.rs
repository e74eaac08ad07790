//! SubmittingJob: the new job is started under our id, and watched until all its tasks run.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backoff;
use crate::effect::{Effect, Submission};
use crate::id::JobId;
use crate::manifest;
use crate::memory::{Deployed, Memory};
use crate::phase::{Phase, Running, SubmittingJob};
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, Job, JobState, Needs, Seen, Trouble, TroubleClass};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish};

/// Tries before the submission is given up; with the default delays about five minutes.
const TRIES: u32 = 15;
/// Submissions of one revision under different ids.
const ATTEMPTS: u32 = 3;

fn job_id(application_uid: &str, at: &SubmittingJob) -> JobId {
    JobId::derive(application_uid, &at.target.id, at.attempt)
}

pub(super) fn needs(application_uid: &str, at: &SubmittingJob) -> Needs {
    let flink = FlinkNeeds { job: Some(job_id(application_uid, at)), ..FlinkNeeds::default() };
    Needs { objects: true, flink: BTreeMap::from([(at.target.id.clone(), flink)]), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &SubmittingJob) -> Step {
    match &view.flink(&at.target.id).job {
        Seen::Present(job) => watch(view, at, job),
        Seen::Absent => submit(view, at),
        Seen::Unreachable(trouble) => unreachable(view, at, Some(trouble)),
        Seen::NotAsked => unreachable(view, at, None),
    }
}

/// Flink knows the job.
fn watch(view: &View<'_>, at: &SubmittingJob, job: &Job) -> Step {
    let id = job_id(&view.app.uid, at);
    let Some(accepted) = at.accepted else {
        let phase = Phase::SubmittingJob(SubmittingJob { accepted: Some(view.now), ..at.clone() });
        let text = format!("Flink accepted job {id} of revision {}.", at.target.id);
        return Rule::JobAccepted.to(view.with(phase)).note(EventReason::JobSubmitted, text);
    };
    let cause = || job.failure.as_deref().unwrap_or("Flink names no cause");
    match job.state {
        JobState::Running if job.tasks.all_started() => {
            repoint(view, at, accepted).unwrap_or_else(|| started(view, at, Rule::JobStarted, &id))
        }
        JobState::Finished => {
            let text = format!("Job {id} has finished.");
            started(view, at, Rule::JobFinishedAtOnce, &id).note(EventReason::JobFinished, text)
        }
        JobState::Failed | JobState::Canceled | JobState::Suspended => {
            let text = format!("Job {id} is {} before its tasks ran: {}. {}", job.state, cause(), advice(view));
            view.fail(Rule::JobFailedToStart, Some(&at.target), EventReason::JobMonitoringFailed, text)
        }
        JobState::Initializing
        | JobState::Created
        | JobState::Running
        | JobState::Failing
        | JobState::Cancelling
        | JobState::Restarting
        | JobState::Reconciling => {
            if let Wish::Other(spec) = view.wish(&at.target) {
                return view.begin(Rule::TargetReplaced, spec);
            }
            let deadline = view.deadline(accepted, view.policy.job_start_timeout_ms);
            if view.now >= deadline {
                let text = format!(
                    "{} of {} tasks of job {id} ran after {} s (job state {}, last failure: {}). {}",
                    job.tasks.running,
                    job.tasks.total,
                    view.policy.job_start_timeout_ms / 1000,
                    job.state,
                    cause(),
                    advice(view)
                );
                return view.fail(Rule::JobStartTimedOut, Some(&at.target), EventReason::JobMonitoringFailed, text);
            }
            let why = format!("job {id} is {}, {} of {} tasks run", job.state, job.tasks.running, job.tasks.total);
            Rule::JobStartAwaited.stay().because(why).wake_at(deadline.min(backoff::next_poll(accepted, view.now)))
        }
    }
}

/// Before the deploy counts as done, the application's own Service leads to it; but a job that runs does not
/// wait for a Service for ever: Running goes on trying.
fn repoint(view: &View<'_>, at: &SubmittingJob, accepted: Timestamp) -> Option<Step> {
    let Wish::Target(spec) = view.wish(&at.target) else { return None };
    let service = view.objects()?.generic_service.as_ref()?;
    if manifest::names::selects_jobmanager(&service.selects, &at.target.id)
        || view.trouble().is_some()
        || view.passed(accepted, view.policy.job_start_timeout_ms)
    {
        return None;
    }
    let rendered = manifest::render(view.app, spec, view.policy, &at.target.id);
    Some(Rule::ServicePointed.stay().run([Effect::PointService(Box::new(rendered.generic_service))]))
}

fn started(view: &View<'_>, at: &SubmittingJob, rule: Rule, job: &JobId) -> Step {
    let mut ledger = view.ledger().clone();
    ledger.deployed = Some(Deployed {
        revision: at.target.clone(),
        job: job.clone(),
        next_stop: 1,
        restored_from: at.restore_from.clone(),
    });
    ledger.savepoint = None;
    ledger.failed = None;
    ledger.last_error = None;
    ledger.cluster = None;
    ledger.job = None;
    rule.to(Memory { phase: Phase::Running(Running { since: view.now }), ledger })
}

/// Flink does not know the job: it is not submitted yet, or was forgotten.
fn submit(view: &View<'_>, at: &SubmittingJob) -> Step {
    if let Wish::Other(spec) = view.wish(&at.target) {
        return view.begin(Rule::TargetReplaced, spec);
    }
    if at.accepted.is_some() {
        return vanished(view, at);
    }
    if let Some(trouble) = view.trouble() {
        return not_submitted(view, at, trouble);
    }
    if let Some(step) = timed_out(view, at, "Flink does not show the job").or_else(|| view.backing_off(at.tries)) {
        return step;
    }
    if !view.app.finalized {
        return Rule::FinalizerRequested.stay().run([Effect::AddFinalizer]);
    }
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    let deployed = view.deployed().map(|deployed| &deployed.revision.id);
    let (removals, left) = view.leftovers(objects, &[Some(&at.target.id), deployed]);
    if !removals.is_empty() {
        return Rule::LeftoversRemoved.stay().run(removals);
    }
    if left {
        return Rule::LeftoversAwaited.stay().wake_at(backoff::next_poll(at.since, view.now));
    }
    Rule::SubmissionRequested.stay().run([Effect::SubmitJob(Box::new(Submission {
        revision: at.target.id.clone(),
        job: job_id(&view.app.uid, at),
        plan: at.target.job.clone(),
        restore_from: at.restore_from.clone(),
    }))])
}

fn vanished(view: &View<'_>, at: &SubmittingJob) -> Step {
    if at.attempt >= ATTEMPTS {
        let text = format!(
            "Flink forgot job {} before its tasks ran, for the {ATTEMPTS}rd time. {}",
            job_id(&view.app.uid, at),
            advice(view)
        );
        return view.fail(Rule::SubmissionGivenUp, Some(&at.target), EventReason::JobMonitoringFailed, text);
    }
    let phase = SubmittingJob { attempt: at.attempt.saturating_add(1), accepted: None, since: view.now, ..at.clone() };
    Rule::JobVanished.to(view.with(Phase::SubmittingJob(phase)))
}

fn not_submitted(view: &View<'_>, at: &SubmittingJob, trouble: &Trouble) -> Step {
    if trouble.class == TroubleClass::TryAgain && at.tries.failed < TRIES {
        let again = |tries| Phase::SubmittingJob(SubmittingJob { tries, ..at.clone() });
        let text = format!("revision {}: {}", at.target.id, trouble.message);
        return view
            .tried(Rule::SubmissionRetried, at.tries, trouble, again)
            .note(EventReason::JobSubmissionFailed, text);
    }
    let rule = match trouble.class {
        TroubleClass::TryAgain => Rule::SubmissionGivenUp,
        TroubleClass::UsersFault | TroubleClass::OurBug => Rule::SubmissionRefused,
    };
    let text = format!("The job of revision {} was not accepted: {}. {}", at.target.id, trouble.message, advice(view));
    view.fail(rule, Some(&at.target), EventReason::JobSubmissionFailed, text)
}

fn unreachable(view: &View<'_>, at: &SubmittingJob, trouble: Option<&Trouble>) -> Step {
    let message = trouble.map_or("the JobManager was not asked", |trouble| trouble.message.as_str());
    if let Wish::Other(spec) = view.wish(&at.target) {
        return view.begin(Rule::TargetReplaced, spec);
    }
    timed_out(view, at, message)
        .unwrap_or_else(|| Rule::FlinkAwaited.stay().because(message).wake_at(backoff::next_poll(at.since, view.now)))
}

fn timed_out(view: &View<'_>, at: &SubmittingJob, why: &str) -> Option<Step> {
    view.passed(at.accepted.unwrap_or(at.since), view.policy.job_start_timeout_ms).then(|| {
        let limit = view.policy.job_start_timeout_ms / 1000;
        let text = format!(
            "The JobManager of revision {} did not take the job within {limit} s: {why}. {}",
            at.target.id,
            advice(view)
        );
        view.fail(Rule::SubmissionTimedOut, Some(&at.target), EventReason::JobSubmissionFailed, text)
    })
}

/// Where this leaves the user.
fn advice(view: &View<'_>) -> String {
    match &view.ledger().savepoint {
        Some(savepoint) => format!(
            "No job runs now; its state is safe in savepoint {}, from which the next edit of the spec starts.",
            savepoint.path
        ),
        None => "Mend the cause and edit the spec (restartNonce will do) to try again.".to_owned(),
    }
}
