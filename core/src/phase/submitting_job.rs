//! SubmittingJob: the new job is started, or a lost one again.

use crate::memory::{Deployed, Failure, Ledger, Memory};
use crate::phase::launch::{self, Ending, Launching};
use crate::phase::{DeployFailed, DualRunning, Launch, Phase, RollingBackJob, Running};
use crate::rule::Rule;
use crate::step::{EventReason, Step};
use crate::view::View;

pub(super) fn step(view: &View<'_>, at: &Launch) -> Step {
    let is_recovery = view.deployed().is_some_and(|deployed| deployed.revision == at.target);
    if !is_recovery && view.rollback_forced() {
        let text = "spec.forceRollback gives the deploy up.".to_owned();
        return roll_back(view, at, Rule::LaunchForcedBack, EventReason::DeployFailed, text);
    }
    match launch::step(view, at, &Phase::SubmittingJob) {
        Launching::Goes(step) => *step,
        Launching::Runs => started(view, at, is_recovery, Rule::JobStarted),
        Launching::Finished => {
            let text = format!("Job {} has finished.", at.job(&view.app.uid));
            started(view, at, is_recovery, Rule::JobFinishedAtOnce).note(EventReason::JobFinished, text)
        }
        // There is nothing better to go back to: the job is watched as it comes up.
        Launching::Ended(Ending::Slow, _) if is_recovery => started(view, at, true, Rule::RecoveredJobWatched),
        Launching::Ended(_, text) if is_recovery => not_recovered(view, at, text),
        Launching::Ended(ending, text) => {
            let (rule, reason) = match ending {
                Ending::Refused => (Rule::SubmissionRefused, EventReason::JobSubmissionFailed),
                Ending::GivenUp => (Rule::SubmissionGivenUp, EventReason::JobSubmissionFailed),
                Ending::NotTaken => (Rule::SubmissionTimedOut, EventReason::JobSubmissionFailed),
                Ending::Failed => (Rule::JobFailedToStart, EventReason::JobMonitoringFailed),
                Ending::Slow => (Rule::JobStartTimedOut, EventReason::JobMonitoringFailed),
            };
            roll_back(view, at, rule, reason, text)
        }
    }
}

fn started(view: &View<'_>, at: &Launch, is_recovery: bool, rule: Rule) -> Step {
    let deployed = at.deployed(&view.app.uid);
    let mut ledger = view.ledger().clone();
    ledger.last_error = None;
    if at.target.colour.is_some() && view.deployed().is_some() && !view.on_deployed_cluster(&at.target) {
        ledger.second = Some(deployed);
        ledger.failed = None;
        let phase = Phase::DualRunning(DualRunning { since: view.now, tearing: None });
        return Rule::SecondJobStarted.to(Memory { phase, ledger });
    }
    start_anew(&mut ledger, deployed);
    if is_recovery && ledger.failed.is_some() {
        let phase = Phase::DeployFailed(DeployFailed { since: view.now });
        return Rule::JobRecoveredAfterFailure.to(Memory { phase, ledger });
    }
    ledger.failed = None;
    rule.to(Memory { phase: Phase::Running(Running { since: view.now }), ledger })
}

/// A job is deployed of which nothing is known yet.
pub(super) fn start_anew(ledger: &mut Ledger, deployed: Deployed) {
    ledger.deployed = Some(deployed);
    ledger.stopped = None;
    ledger.cluster = None;
    ledger.job = None;
    ledger.last_error = None;
}

fn roll_back(view: &View<'_>, at: &Launch, rule: Rule, reason: EventReason, text: String) -> Step {
    let mut ledger = view.ledger().clone();
    ledger.last_error = None;
    ledger.failed = Some(view.failure(rule, Some(&at.target), &text));
    let clear = view.on_deployed_cluster(&at.target).then(|| at.job(&view.app.uid));
    if let Some(deployed) = ledger.deployed.as_mut().filter(|_| clear.is_some()) {
        deployed.attempt = at.attempt;
    }
    let phase = RollingBackJob { since: view.now, clear, launch: None, tries: Default::default() };
    rule.to(Memory { phase: Phase::RollingBackJob(phase), ledger }).note(reason, text)
}

/// The job may still be there under this id, so it is this one that is looked at from now on.
fn not_recovered(view: &View<'_>, at: &Launch, text: String) -> Step {
    let text = format!("{text} {}", advice(at));
    let mut ledger = view.ledger().clone();
    start_anew(&mut ledger, Deployed { given_up: true, ..at.deployed(&view.app.uid) });
    let now = view.failure(Rule::JobNotRecovered, Some(&at.target), &text);
    // A spec that failed before is still not tried again by itself.
    ledger.failed = Some(match ledger.failed {
        Some(before) => Failure { message: text.clone(), reason: now.reason, time: now.time, ..before },
        None => now,
    });
    let phase = Phase::DeployFailed(DeployFailed { since: view.now });
    Rule::JobNotRecovered.to(Memory { phase, ledger }).note(EventReason::RecoveryFailed, text)
}

/// Where a launch that failed leaves the user.
pub(super) fn advice(at: &Launch) -> String {
    match &at.restore_from {
        Some(path) => {
            format!(
                "No job runs now; the next edit of the spec starts from {path}. If that is gone, savepointDisabled: true \
                 starts without state."
            )
        }
        None => "No job runs now. Mend the cause and edit the spec (restartNonce will do) to try again.".to_owned(),
    }
}
