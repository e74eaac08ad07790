//! Cancelling: the spec wants no savepoint, so the running job is cancelled and the new one starts afresh.

use crate::backoff;
use crate::effect::Effect;
use crate::memory::{Deployed, Revision, Tries};
use crate::phase::{Cancelling, Phase, launch, recovering, savepointing};
use crate::rule::Rule;
use crate::snapshot::{Job, JobState, Retention, Seen, Trouble};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish, clause};

/// The deployed job is next to be cancelled.
pub(super) fn of(view: &View<'_>, target: &Revision) -> Phase {
    Phase::Cancelling(Cancelling { target: target.clone(), since: view.now, tries: Tries::default() })
}

pub(super) fn step(view: &View<'_>, at: &Cancelling) -> Step {
    let Some(deployed) = view.deployed() else {
        return savepointing::submit(view, &at.target, Rule::JobCancelled, view.ledger().clone());
    };
    let flink = view.flink(&deployed.revision.id);
    match &flink.job {
        Seen::Present(job) if job.state.has_ended() => match (&flink.checkpoints, &flink.retention) {
            // Its newest checkpoint is what is gone back to if the new job fails.
            (Seen::Unreachable(trouble), _) | (_, Seen::Unreachable(trouble)) => {
                awaiting(view, at, deployed, &trouble.message)
            }
            _ => ended(view, at, deployed),
        },
        Seen::Present(job) => cancel(view, at, deployed, job),
        Seen::Absent => match view.may_come_back(at.since) {
            Some(until) => recovering::brought_back(view, at.since, until),
            None => ended(view, at, deployed),
        },
        Seen::Unreachable(trouble) => awaiting(view, at, deployed, &trouble.message),
        Seen::NotAsked => awaiting(view, at, deployed, "the JobManager was not asked"),
    }
}

/// The new job starts afresh; the old one's newest checkpoint is kept in mind for the case that it fails.
fn ended(view: &View<'_>, at: &Cancelling, deployed: &Deployed) -> Step {
    let flink = view.flink(&deployed.revision.id);
    let stays = flink.retention.present() == Some(&Retention::Retained);
    let newest = flink.checkpoints.present().and_then(|history| history.latest.as_ref()).filter(|_| stays);
    let mut ledger = savepointing::stopped(view, deployed, newest.and_then(|it| it.path.as_deref()));
    ledger.last_error = None;
    let text = format!("Job {} was cancelled without a savepoint.", deployed.job);
    let phase = launch::of(view, &at.target, None);
    Rule::JobCancelled.to(crate::memory::Memory { phase, ledger }).note(EventReason::CanceledJob, text)
}

fn cancel(view: &View<'_>, at: &Cancelling, deployed: &Deployed, job: &Job) -> Step {
    // The job may be on its way out already, so there is no turning back, only another deploy.
    match view.wish(&at.target) {
        Wish::Other(spec) => return view.begin(Rule::TargetReplaced, spec),
        Wish::Deployed | Wish::Target(_) | Wish::Refused(_) => {}
    }
    if let Some(trouble) = view.trouble() {
        return request_failed(view, at, trouble);
    }
    if let Some(step) =
        timed_out(view, at, deployed, &format!("it is {}", job.state)).or_else(|| view.backing_off(at.tries))
    {
        return step;
    }
    let wake = backoff::next_poll(at.since, view.now);
    if job.state == JobState::Cancelling {
        return Rule::JobEndAwaited.stay().wake_at(wake);
    }
    let effect = Effect::CancelJob { revision: deployed.revision.id.clone(), job: deployed.job.clone() };
    Rule::CancelRequested.stay().run([effect]).wake_at(wake)
}

fn request_failed(view: &View<'_>, at: &Cancelling, trouble: &Trouble) -> Step {
    let again = |tries| Phase::Cancelling(Cancelling { tries, ..at.clone() });
    view.tried(Rule::CancelRetried, at.tries, trouble, again)
}

fn awaiting(view: &View<'_>, at: &Cancelling, deployed: &Deployed, why: &str) -> Step {
    let wait = || Rule::FlinkAwaited.stay().because(why).wake_at(backoff::next_poll(at.since, view.now));
    timed_out(view, at, deployed, why).unwrap_or_else(wait)
}

fn timed_out(view: &View<'_>, at: &Cancelling, deployed: &Deployed, why: &str) -> Option<Step> {
    view.passed(at.since, view.policy.savepoint_timeout_ms).then(|| {
        let text = format!(
            "Job {} did not end within {} s of being cancelled: {}. {}; look at the job, then edit the spec \
             (restartNonce will do) to try again.",
            deployed.job,
            view.policy.savepoint_timeout_ms / 1000,
            clause(why),
            view.what_stays(&at.target),
        );
        view.fail(Rule::CancelGivenUp, Some(&at.target), EventReason::CancelFailed, text)
    })
}
