//! The standard conditions, made of the rule that fired and what is remembered.
//!
//! See <https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md>.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::application::Application;
use crate::crd::FlinkApplicationStatus;
use crate::health::Health;
use crate::memory::Memory;
use crate::phase::Phase;
use crate::snapshot::JobState;
use crate::step::Step;

/// Sets `Ready`, `Progressing` and `Degraded` in `status`.
pub fn set(
    status: &mut FlinkApplicationStatus,
    memory: &Memory,
    application: &Application,
    step: &Step,
    now: Timestamp,
) {
    let before = status.conditions.as_deref().unwrap_or_default();
    status.conditions = Some(of(before, memory, application, step, now));
}

/// The conditions that follow these. The transition time of a condition changes only with its status, as the convention
/// asks.
pub fn of(
    before: &[Condition],
    memory: &Memory,
    application: &Application,
    step: &Step,
    now: Timestamp,
) -> Vec<Condition> {
    let why = match step.why() {
        Some(why) if !why.is_empty() => format!("{} ({why})", step.rule().edge().when),
        _ => step.rule().edge().when.to_owned(),
    };
    let reason = step.rule().to_string();
    let running = memory.ledger.deployed.is_some() && memory.ledger.stopped.is_none();
    let in_motion = !matches!(memory.phase, Phase::Running(_) | Phase::DualRunning(_) | Phase::DeployFailed(_));
    let (ready, ready_why) = ready(memory, running);
    let degraded = degraded(memory, step);
    let mut all = before.to_vec();
    let mut set = |kind: &str, holds: bool, reason: &str, message: &str| {
        put(&mut all, condition(kind, holds, reason, message, application.generation, now));
    };
    set("Ready", ready, if ready { "JobRunning" } else { "NoJobRunning" }, ready_why);
    set("Progressing", in_motion, &reason, &why);
    match degraded {
        Some((reason, message)) => set("Degraded", true, &reason, &message),
        None => set("Degraded", false, "AsExpected", "Nothing is wrong."),
    }
    all
}

fn ready(memory: &Memory, running: bool) -> (bool, &'static str) {
    let state = memory.ledger.job.as_ref().map(|job| job.state);
    let given_up = memory.ledger.deployed.as_ref().is_some_and(|deployed| deployed.given_up);
    match (running, state) {
        (false, _) => (false, "No job of this application runs."),
        (true, None) if given_up => (false, "The job could not be started again, and was not seen since."),
        (true, Some(Some(JobState::Finished))) => (true, "The job has come to its own end."),
        (true, Some(None)) => (false, "The JobManager does not know the job any more."),
        (true, Some(Some(state))) if state.has_ended() => (false, "The job has ended in failure or was cancelled."),
        (true, Some(Some(_)) | None) => (true, "A job of this application runs."),
    }
}

fn degraded(memory: &Memory, step: &Step) -> Option<(String, String)> {
    let ledger = &memory.ledger;
    if let (Phase::DeployFailed(_), Some(failed)) = (&memory.phase, &ledger.failed) {
        return Some((failed.reason.clone(), failed.message.clone()));
    }
    if let Phase::Deleting(at) = &memory.phase
        && let Some(blocked) = &at.blocked
    {
        return Some((step.rule().to_string(), blocked.clone()));
    }
    let job = ledger.job.as_ref().filter(|job| job.health == Health::Red).map(|job| match job.state {
        None => ("JobLost".to_owned(), "The JobManager does not know the job any more.".to_owned()),
        Some(state) => ("JobUnhealthy".to_owned(), format!("The job is {state}.")),
    });
    job.or_else(|| {
        let red = ledger.cluster.as_ref().is_some_and(|cluster| cluster.health == Health::Red);
        red.then(|| ("ClusterUnhealthy".to_owned(), "The JobManager does not answer.".to_owned()))
    })
}

fn condition(kind: &str, holds: bool, reason: &str, message: &str, generation: i64, now: Timestamp) -> Condition {
    Condition {
        type_: kind.to_owned(),
        status: if holds { "True" } else { "False" }.to_owned(),
        reason: reason.to_owned(),
        // The convention's limit, in bytes.
        message: message
            .chars()
            .scan(0, |used, char| {
                *used += char.len_utf8();
                (*used <= 32_768).then_some(char)
            })
            .collect(),
        observed_generation: Some(generation),
        last_transition_time: Time(Timestamp::from_second(now.as_second()).unwrap_or(now)),
    }
}

fn put(all: &mut Vec<Condition>, mut new: Condition) {
    match all.iter_mut().find(|old| old.type_ == new.type_) {
        None => all.push(new),
        Some(old) => {
            if old.status == new.status {
                new.last_transition_time = old.last_transition_time.clone();
            }
            *old = new;
        }
    }
}
