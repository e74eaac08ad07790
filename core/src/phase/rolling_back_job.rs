//! RollingBackJob: a deploy failed after the old job was stopped. The old job starts again, from the state that was
//! saved for the new one, as soon as nothing of the new one is left.

use std::collections::BTreeMap;

use crate::backoff;
use crate::effect::Effect;
use crate::id::JobId;
use crate::memory::{Deployed, Failure, Ledger, Memory};
use crate::phase::launch::{self, Ending, Launching};
use crate::phase::{DeployFailed, Launch, Phase, RollingBackJob, submitting_job};
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, JobState, Needs, Objects, Seen};
use crate::step::{EventReason, Step};
use crate::view::View;

/// How long a submission may be on its way: as long a job that Flink does not know may still appear.
const ON_ITS_WAY_MS: u32 = 10_000;

pub(super) fn needs(application_uid: &str, at: &RollingBackJob, ledger: &Ledger) -> Needs {
    match (&at.launch, &at.clear, &ledger.deployed) {
        (Some(launch), _, _) => launch::needs(application_uid, launch),
        (None, Some(job), Some(deployed)) => {
            let flink = FlinkNeeds { job: Some(job.clone()), ..FlinkNeeds::default() };
            Needs { objects: true, flink: BTreeMap::from([(deployed.revision.id.clone(), flink)]), ..Needs::default() }
        }
        (None, None, _) | (None, Some(_), None) => Needs { objects: true, ..Needs::default() },
    }
}

pub(super) fn step(view: &View<'_>, at: &RollingBackJob) -> Step {
    match &at.launch {
        Some(launch) => relaunch(view, at, launch),
        None => clear(view, at),
    }
}

/// What is left of the failed deploy goes first: two jobs must not run.
fn clear(view: &View<'_>, at: &RollingBackJob) -> Step {
    let (Some(deployed), Some(stopped)) = (view.deployed(), &view.ledger().stopped) else {
        return nothing_to_go_back_to(view);
    };
    let cleared = || {
        let launch = launch::new(view, &deployed.revision, stopped.state.clone());
        let phase = RollingBackJob { launch: Some(launch), clear: None, ..at.clone() };
        Rule::FailedDeployCleared.to(view.with(Phase::RollingBackJob(phase)))
    };
    match (&at.clear, edited(view)) {
        (None, Some(step)) => step,
        (None, None) => match view.objects() {
            None => view.kubernetes_awaited(),
            Some(objects) => remove(view, at, objects).unwrap_or_else(cleared),
        },
        (Some(job), _) => end(view, at, deployed, job).unwrap_or_else(cleared),
    }
}

/// Nothing of the old job's new start was asked for yet, so another deploy can begin at once.
fn edited(view: &View<'_>) -> Option<Step> {
    let spec = view.spec().ok()?;
    let failed = view.ledger().failed.as_ref()?;
    (failed.digest.as_ref() != Some(spec.digest())).then(|| view.begin(Rule::TargetReplaced, spec))
}

fn nothing_to_go_back_to(view: &View<'_>) -> Step {
    let what = match view.deployed() {
        None => "Nothing was deployed before; mend the cause and edit the spec (restartNonce will do) to try again.",
        Some(_) => "What was deployed before was left alone; mend the cause and edit the spec (restartNonce will do).",
    };
    fail(view, view.ledger().clone(), Rule::NothingToRollBackTo, EventReason::DeployFailed, what)
}

/// The phase ends in DeployFailed whatever comes of it; the failure that led here stays on record.
fn fail(view: &View<'_>, mut ledger: Ledger, rule: Rule, reason: EventReason, what: &str) -> Step {
    let before = ledger.failed.take();
    let text = match &before {
        Some(failed) => format!("{} {what}", failed.message),
        None => what.to_owned(),
    };
    ledger.failed = before.map(|failed| Failure { message: text.clone(), ..failed });
    ledger.last_error = None;
    let phase = Phase::DeployFailed(DeployFailed { since: view.now });
    let step = rule.to(Memory { phase, ledger }).note(reason, text.clone());
    if reason == EventReason::DeployFailed { step } else { step.note(EventReason::DeployFailed, text) }
}

fn remove(view: &View<'_>, at: &RollingBackJob, objects: &Objects) -> Option<Step> {
    let (removals, left) = view.leftovers(objects, None);
    if view.passed(at.since, view.policy.cluster_start_timeout_ms) && (left || !removals.is_empty()) {
        let what = "What is left of it does not go away, so the job before it cannot be started again. Its state is \
                    safe; the next edit of the spec starts from it.";
        return Some(fail(view, view.ledger().clone(), Rule::RollbackBlocked, EventReason::RollbackFailed, what));
    }
    match removals.is_empty() {
        false => Some(Rule::LeftoversRemoved.stay().run(removals)),
        true => left.then(|| Rule::LeftoversAwaited.stay().wake_at(backoff::next_poll(at.since, view.now))),
    }
}

/// The failed job was started on the deployed cluster, which stays: the job alone must end.
fn end(view: &View<'_>, at: &RollingBackJob, deployed: &Deployed, job: &JobId) -> Option<Step> {
    let wake = backoff::next_poll(at.since, view.now);
    if view.passed(at.since, view.policy.cluster_start_timeout_ms) {
        let what = "It does not end, so the job before it cannot be started again. Look at it in the Flink UI; the next \
                    edit of the spec waits for its end and starts from the newest state.";
        return Some(fail(
            view,
            taken_for_deployed(view, deployed, job),
            Rule::RollbackBlocked,
            EventReason::RollbackFailed,
            what,
        ));
    }
    match &view.flink(&deployed.revision.id).job {
        Seen::Present(job) if job.state.has_ended() => None,
        Seen::Present(job) if job.state == JobState::Cancelling => Some(Rule::JobEndAwaited.stay().wake_at(wake)),
        Seen::Present(_) => Some(cancel(view, at, deployed, job)),
        Seen::Absent if view.passed(at.since, ON_ITS_WAY_MS) => None,
        Seen::Absent => {
            Some(Rule::JobEndAwaited.stay().because("its submission may still be on its way").wake_at(wake))
        }
        Seen::Unreachable(trouble) => Some(Rule::FlinkAwaited.stay().because(trouble.message.clone()).wake_at(wake)),
        Seen::NotAsked => Some(Rule::FlinkAwaited.stay().wake_at(wake)),
    }
}

fn cancel(view: &View<'_>, at: &RollingBackJob, deployed: &Deployed, job: &JobId) -> Step {
    if let Some(trouble) = view.trouble() {
        let again = |tries| Phase::RollingBackJob(RollingBackJob { tries, ..at.clone() });
        return view.tried(Rule::CancelRetried, at.tries, trouble, again);
    }
    if let Some(step) = view.backing_off(at.tries) {
        return step;
    }
    let effect = Effect::CancelJob { revision: deployed.revision.id.clone(), job: job.clone() };
    Rule::CancelRequested.stay().run([effect]).wake_at(backoff::next_poll(at.since, view.now))
}

/// The failed job may run: it is this one that is looked at from now on.
fn taken_for_deployed(view: &View<'_>, deployed: &Deployed, job: &JobId) -> Ledger {
    let mut ledger = view.ledger().clone();
    let restored_from = ledger.stopped.as_ref().and_then(|stopped| stopped.state.clone());
    let failed = Deployed { job: job.clone(), next_stop: 1, restored_from, given_up: true, ..deployed.clone() };
    submitting_job::start_anew(&mut ledger, failed);
    ledger
}

fn relaunch(view: &View<'_>, at: &RollingBackJob, launch: &Launch) -> Step {
    let again = |launch| Phase::RollingBackJob(RollingBackJob { launch: Some(launch), ..at.clone() });
    let mut ledger = view.ledger().clone();
    let deployed = launch.deployed(&view.app.uid);
    match launch::step(view, launch, &again) {
        Launching::Goes(step) => *step,
        Launching::Runs | Launching::Finished | Launching::Ended(Ending::Slow, _) => {
            let what = format!("The job before it runs again as {}.", deployed.job);
            submitting_job::start_anew(&mut ledger, deployed);
            fail(view, ledger, Rule::RollbackSucceeded, EventReason::RollbackSucceeded, &what)
        }
        Launching::Ended(Ending::Refused | Ending::GivenUp | Ending::NotTaken | Ending::Failed, text) => {
            let what =
                format!("The job before it could not be started again: {text} {}", submitting_job::advice(launch));
            submitting_job::start_anew(&mut ledger, Deployed { given_up: true, ..deployed });
            fail(view, ledger, Rule::RollbackFailed, EventReason::RollbackFailed, &what)
        }
    }
}
