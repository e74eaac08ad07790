//! Recovering: there is no savepoint to be had of the deployed job, so its newest checkpoint stands in for it.
//!
//! Either the job is gone (it failed, was cancelled by hand, or its JobManager forgot it), or it runs and its
//! savepoints fail; then it is cancelled first, and only if its checkpoint outlives that.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backoff;
use crate::effect::Effect;
use crate::health::JobFigures;
use crate::memory::{Deployed, Ledger, Memory, Revision, Tries};
use crate::phase::savepointing::{self, VIEW_IS_LATE_MS};
use crate::phase::{DeployFailed, Phase, Recovering, Running, launch};
use crate::rule::Rule;
use crate::snapshot::{Checkpoints, FlinkNeeds, Job, JobState, Needs, Retention, Seen};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish};

/// Why a checkpoint that is there may not be there once the job is cancelled.
const GOES_WITH_THE_JOB: &str = "its checkpoints do not outlive a cancellation (set \
                                 execution.checkpointing.externalized-checkpoint-retention to RETAIN_ON_CANCELLATION)";

/// What a JobManager with high availability says of a job that it is about to bring back.
const TELLS_OF_NO_CHECKPOINT: &str = "its JobManager has just started and does not tell of its checkpoints yet";

/// A job that is not known is waited for.
pub(super) fn brought_back(view: &View<'_>, since: Timestamp, until: Timestamp) -> Step {
    let wake = backoff::next_poll(since, view.now).min(until);
    Rule::FlinkAwaited.stay().because("its JobManager does not know the job, and may bring it back").wake_at(wake)
}

/// There is no savepoint, for a cause that is told; `target` is started next.
pub(super) fn enter(view: &View<'_>, ledger: Ledger, rule: Rule, target: &Revision, cause: String) -> Step {
    let at = Recovering {
        target: target.clone(),
        since: view.now,
        cause: cause.clone(),
        cancelling: None,
        tries: Tries::default(),
    };
    let lost = matches!(rule, Rule::LostJobRecovered | Rule::StoppedJobResumed);
    let reason = if lost { EventReason::JobLost } else { EventReason::SavepointFailed };
    rule.to(Memory { phase: Phase::Recovering(at), ledger }).note(reason, cause)
}

/// What is to be said of a job that its JobManager does not know.
pub(super) fn lost(deployed: &Deployed) -> String {
    format!(
        "The JobManager of revision {} does not know job {} any more (was it restarted without high availability?).",
        deployed.revision.id, deployed.job
    )
}

pub(super) fn needs(ledger: &Ledger) -> Needs {
    let flink = ledger.deployed.as_ref().map(|deployed| {
        let job = Some(deployed.job.clone());
        let needs = FlinkNeeds { job: job.clone(), checkpoints: job.clone(), retention: job, ..FlinkNeeds::default() };
        (deployed.revision.id.clone(), needs)
    });
    Needs { objects: true, flink: BTreeMap::from_iter(flink), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &Recovering) -> Step {
    let Some(deployed) = view.deployed() else {
        return savepointing::submit(view, &at.target, Rule::NothingToRestore, view.ledger().clone());
    };
    let flink = view.flink(&deployed.revision.id);
    let job = match &flink.job {
        Seen::Unreachable(trouble) => return awaiting(view, at, deployed, &trouble.message),
        Seen::NotAsked => return awaiting(view, at, deployed, "the JobManager was not asked"),
        Seen::Absent => None,
        Seen::Present(job) => Some(job),
    };
    let lives = job.is_some_and(|job| !job.state.has_ended());
    match view.wish(&at.target) {
        Wish::Other(spec) => return view.begin(Rule::TargetReplaced, spec),
        Wish::Deployed if lives && at.cancelling.is_none() => return view.revert(),
        Wish::Target(spec) if spec.force_rollback && lives && at.cancelling.is_none() => {
            return view.force_back(&at.target);
        }
        Wish::Deployed | Wish::Target(_) | Wish::Refused(_) => {}
    }
    let history = match &flink.checkpoints {
        Seen::Unreachable(trouble) => return awaiting(view, at, deployed, &trouble.message),
        Seen::Present(history) => Some(history),
        Seen::Absent | Seen::NotAsked => None,
    };
    // What is not told is not "they go with the job".
    if let Seen::Unreachable(trouble) = &flink.retention {
        return awaiting(view, at, deployed, &trouble.message);
    }
    match job {
        None => missing(view, at, deployed),
        Some(job) if job.state.has_ended() => ended(view, at, deployed, job, history),
        Some(_) if view.deployed().is_some_and(|deployed| deployed.revision == at.target) => found(view),
        Some(job) if job.state == JobState::Initializing => awaiting(view, at, deployed, TELLS_OF_NO_CHECKPOINT),
        Some(_) if at.target.colour.is_some() => restore(view, at, deployed, newest(view, deployed, history)),
        Some(job) => end(view, at, deployed, job, history),
    }
}

/// The job is not known. On the way to another revision it may still be brought back, and then two would run. (Where
/// the same revision is to be started again it has been waited for.)
fn missing(view: &View<'_>, at: &Recovering, deployed: &Deployed) -> Step {
    match view.may_come_back(at.since).filter(|_| at.target != deployed.revision) {
        Some(until) => brought_back(view, at.since, until),
        None => restore(view, at, deployed, newest(view, deployed, None)),
    }
}

/// The job that was lost is there again: a JobManager with high availability has brought it back.
fn found(view: &View<'_>) -> Step {
    match view.ledger().failed {
        None => Rule::LostJobFound.to(view.with(Phase::Running(Running { since: view.now }))),
        Some(_) => Rule::LostJobFoundAfterFailure.to(view.with(Phase::DeployFailed(DeployFailed { since: view.now }))),
    }
}

/// The job runs no more. Its history may be shown late, and the newest checkpoint is wanted.
fn ended(view: &View<'_>, at: &Recovering, deployed: &Deployed, job: &Job, history: Option<&Checkpoints>) -> Step {
    let settled = backoff::after(at.cancelling.unwrap_or(at.since), VIEW_IS_LATE_MS);
    if view.now < settled {
        return Rule::JobEndAwaited.stay().because("its newest checkpoint may not show yet").wake_at(settled);
    }
    let savepoint = history.and_then(|history| history.savepoint.as_ref()).and_then(|it| it.path.as_deref());
    match (job.state, savepoint) {
        (JobState::Finished, Some(path)) => {
            let text = format!("Job {} was stopped with savepoint {path}.", deployed.job);
            let ledger = savepointing::stopped(view, deployed, Some(path));
            savepointing::submit(view, &at.target, Rule::SavepointFoundInHistory, ledger)
                .note(EventReason::CanceledJob, text)
        }
        (JobState::Finished, None) => {
            let text = format!("Job {} has finished; it leaves no state to start from.", deployed.job);
            savepointing::submit(view, &at.target, Rule::JobFinishedBeforeSavepoint, view.ledger().clone())
                .note(EventReason::JobFinished, text)
        }
        _ => restore(view, at, deployed, outlived(view, deployed, job, newest(view, deployed, history))),
    }
}

/// A job that was cancelled may have taken its checkpoints with it; what it started from was not its own.
fn outlived(view: &View<'_>, deployed: &Deployed, job: &Job, newest: Newest) -> Newest {
    let goes = view.flink(&deployed.revision.id).retention.present() == Some(&Retention::Deleted);
    match newest {
        Newest::Checkpoint(_) if job.state == JobState::Canceled && goes => {
            Newest::Missing(GOES_WITH_THE_JOB.to_owned())
        }
        Newest::Checkpoint(_) | Newest::Lasting(_) | Newest::Nothing | Newest::Missing(_) => newest,
    }
}

/// The job runs, and no savepoint can be taken of it: it is cancelled, if there is something to start from then.
fn end(view: &View<'_>, at: &Recovering, deployed: &Deployed, job: &Job, history: Option<&Checkpoints>) -> Step {
    if at.cancelling.is_none() {
        let newest = newest(view, deployed, history);
        let stays = view.flink(&deployed.revision.id).retention.present() == Some(&Retention::Retained);
        let why = match newest {
            Newest::Missing(why) => why,
            Newest::Nothing => "it has none yet".to_owned(),
            Newest::Checkpoint(_) if !stays => GOES_WITH_THE_JOB.to_owned(),
            Newest::Checkpoint(_) | Newest::Lasting(_) => String::new(),
        };
        if !why.is_empty() && !without_state(view) {
            return given_up(view, at, deployed, &why);
        }
        let phase = Recovering { cancelling: Some(view.now), ..at.clone() };
        return Rule::CheckpointChosen.to(view.with(Phase::Recovering(phase)));
    }
    if let Some(trouble) = view.trouble() {
        let again = |tries| Phase::Recovering(Recovering { tries, ..at.clone() });
        return view.tried(Rule::CancelRetried, at.tries, trouble, again);
    }
    let since = at.cancelling.unwrap_or(at.since);
    if view.passed(since, view.policy.savepoint_timeout_ms) {
        return given_up(view, at, deployed, "the job does not end although it was cancelled");
    }
    if let Some(step) = view.backing_off(at.tries) {
        return step;
    }
    let wake = backoff::next_poll(since, view.now);
    if job.state == JobState::Cancelling {
        return Rule::JobEndAwaited.stay().wake_at(wake);
    }
    let effect = Effect::CancelJob { revision: deployed.revision.id.clone(), job: deployed.job.clone() };
    Rule::CancelRequested.stay().run([effect]).wake_at(wake)
}

/// No job runs: the newest state that is known is what the next one starts from.
fn restore(view: &View<'_>, at: &Recovering, deployed: &Deployed, newest: Newest) -> Step {
    let id = &deployed.revision.id;
    match newest {
        Newest::Checkpoint(path) | Newest::Lasting(path) => {
            let text = format!("The newest checkpoint of revision {id} stands in for a savepoint: {path}.");
            submit(view, at, deployed, Rule::CheckpointRestored, Some(&path))
                .note(EventReason::RestoringExternalizedCheckpoint, text)
        }
        Newest::Nothing => submit(view, at, deployed, Rule::NothingToRestore, None),
        Newest::Missing(why) if without_state(view) => {
            let text = format!(
                "There is no state of revision {id} to start from: {why}. spec.fallbackWithoutState: the job starts afresh."
            );
            submit(view, at, deployed, Rule::StateGivenUp, None)
                .note(EventReason::RestoringWithoutExternalizedCheckpoint, text)
        }
        Newest::Missing(why) => given_up(view, at, deployed, &why),
    }
}

/// In BlueGreen a deployed job that runs was not stopped.
fn submit(view: &View<'_>, at: &Recovering, deployed: &Deployed, rule: Rule, state: Option<&str>) -> Step {
    let beside = at.target.colour.is_some() && !view.on_deployed_cluster(&at.target);
    let mut ledger = if beside { view.ledger().clone() } else { savepointing::stopped(view, deployed, state) };
    ledger.last_error = None;
    rule.to(Memory { phase: launch::of(view, &at.target, state.map(str::to_owned)), ledger })
}

fn without_state(view: &View<'_>) -> bool {
    view.spec().is_ok_and(|spec| spec.fallback_without_state)
}

fn given_up(view: &View<'_>, at: &Recovering, deployed: &Deployed, why: &str) -> Step {
    let text = format!(
        "{} Its newest checkpoint cannot stand in for a savepoint: {why}. Edit the spec to try again; savepointPath \
         does not count any more, fallbackWithoutState: true starts without state.",
        at.cause
    );
    let mut ledger = view.ledger().clone();
    let lives = view.flink(&deployed.revision.id).job.present().is_some_and(|job| !job.state.has_ended());
    // A job that is gone would be recovered again and again.
    ledger.deployed = Some(Deployed { given_up: !lives, ..deployed.clone() });
    if at.target == deployed.revision && ledger.failed.is_some() {
        let failed = ledger.failed.clone().map(|failed| crate::memory::Failure { message: text.clone(), ..failed });
        let phase = Phase::DeployFailed(DeployFailed { since: view.now });
        ledger.failed = failed;
        return Rule::RecoveryFailed.to(Memory { phase, ledger }).note(EventReason::RecoveryFailed, text);
    }
    view.fail_with(ledger, Rule::RecoveryFailed, Some(&at.target), EventReason::RecoveryFailed, text)
}

fn awaiting(view: &View<'_>, at: &Recovering, deployed: &Deployed, why: &str) -> Step {
    if view.passed(at.cancelling.unwrap_or(at.since), view.policy.savepoint_timeout_ms) {
        return given_up(view, at, deployed, why);
    }
    Rule::FlinkAwaited.stay().because(why).wake_at(backoff::next_poll(at.since, view.now))
}

/// What is known of the newest state of a job.
enum Newest {
    /// A checkpoint of its own, which may go when the job is cancelled.
    Checkpoint(String),
    /// A savepoint, or what the job itself started from: that does not go with the job.
    Lasting(String),
    /// The job never had any: there is nothing that could be lost.
    Nothing,
    /// It had some, and it cannot be used, for this reason.
    Missing(String),
}

fn newest(view: &View<'_>, deployed: &Deployed, history: Option<&Checkpoints>) -> Newest {
    let seen = history.filter(|history| history.completed > 0);
    let (state, completed) = match (seen, &view.ledger().job) {
        (Some(history), _) => {
            let savepoint = history.any_savepoint.as_ref().filter(|it| it.path.is_some());
            let savepoint = savepoint.map(|it| (it, Newest::Lasting as fn(String) -> Newest));
            let checkpoint = history.latest.as_ref().map(|it| (it, Newest::Checkpoint as fn(String) -> Newest));
            // A savepoint is no checkpoint to Flink, but after one that failed to stop the job it is the newer state.
            let newer = savepoint.into_iter().chain(checkpoint).max_by_key(|(it, _)| it.time);
            let state = newer.and_then(|(it, kind)| Some((it.path.clone()?, Some(it.time), kind)));
            (state, history.completed)
        }
        (None, Some(told)) => {
            let kind = Newest::Checkpoint as fn(String) -> Newest;
            let last = told.last_checkpoint.clone().map(|path| (path, told.last_checkpoint_time));
            let state = resumed(deployed, told, history).or(last).map(|(path, time)| (path, time, kind));
            (state, told.completed_checkpoints)
        }
        (None, None) => (None, 0),
    };
    match state {
        Some((path, time, kind)) => match time.and_then(|time| too_old(view, time)) {
            None if deployed.restored_from.as_ref() == Some(&path) => Newest::Lasting(path),
            None => kind(path),
            Some(why) => Newest::Missing(why),
        },
        None if completed > 0 => {
            Newest::Missing("its storage has no address from which it could be restored".to_owned())
        }
        None => match &deployed.restored_from {
            Some(path) => Newest::Lasting(path.clone()),
            None if history.is_some() || takes_none(view, deployed) => Newest::Nothing,
            None => Newest::Missing("it may have taken one that was not seen before the job was lost".to_owned()),
        },
    }
}

/// What Flink itself resumed the job from after the last checkpoint that was told of: the newest that there was then.
fn resumed(
    deployed: &Deployed,
    told: &JobFigures,
    history: Option<&Checkpoints>,
) -> Option<(String, Option<Timestamp>)> {
    let (path, time) = match history {
        Some(history) => {
            let restored = history.restored.as_ref()?;
            (restored.path.clone()?, Some(restored.time))
        }
        None => (told.restore_path.clone()?, told.restore_time),
    };
    let is_its_own = deployed.restored_from.as_ref() != Some(&path);
    (is_its_own && time > told.last_checkpoint_time).then_some((path, time))
}

/// The job takes no checkpoints, so none can have been missed.
fn takes_none(view: &View<'_>, deployed: &Deployed) -> bool {
    let told = view.ledger().job.as_ref().and_then(|job| job.checkpointing);
    let seen = view.flink(&deployed.revision.id).retention.present();
    told == Some(false) || seen == Some(&Retention::None)
}

fn too_old(view: &View<'_>, time: Timestamp) -> Option<String> {
    let limit = view.spec().map_or(3600, |spec| spec.max_checkpoint_restore_age_seconds.get());
    let age = backoff::elapsed_ms(time, view.now) / 1000;
    (age > u64::from(limit))
        .then(|| format!("it is {age} s old, and spec.maxCheckpointRestoreAgeSeconds allows {limit}"))
}
