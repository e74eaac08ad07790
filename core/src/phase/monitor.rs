//! What Running and DeployFailed share: watching the deployed job, and removing what is superseded.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::backoff;
use crate::health::{self, Difference};
use crate::memory::Ledger;
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, JobState, Needs, Objects, Seen};
use crate::step::{EventReason, Step};
use crate::view::View;

pub(super) fn needs(ledger: &Ledger) -> Needs {
    let flink = ledger.deployed.as_ref().filter(|_| ledger.savepoint.is_none()).map(|deployed| {
        let job = Some(deployed.job.clone());
        let needs = FlinkNeeds { overview: true, job: job.clone(), savepoint: None, checkpoints: job };
        (deployed.revision.id.clone(), needs)
    });
    Needs { objects: true, flink: BTreeMap::from_iter(flink), ..Needs::default() }
}

/// Deletes what belongs to no deployed revision. While the last try failed, the next waits for the poll.
pub(super) fn clean_up(view: &View<'_>, objects: &Objects) -> Option<Step> {
    let deployed = view.deployed().map(|deployed| &deployed.revision.id);
    let (removals, _) = view.leftovers(objects, &[deployed]);
    if removals.is_empty() || view.trouble().is_some() {
        return None;
    }
    let gone = objects.clusters.keys().filter(|id| Some(*id) != deployed).map(|id| id.as_str());
    let text = format!(
        "The clusters of revisions other than the deployed one are deleted: {}.",
        gone.collect::<Vec<_>>().join(", ")
    );
    Some(Rule::OldClusterRemoved.stay().run(removals).note(EventReason::ToreDownCluster, text))
}

/// Brings the figures of the status up to date: at once if they matter, once a refresh period if they only tell.
pub(super) fn refresh(view: &View<'_>) -> Option<Step> {
    let deployed = view.deployed().filter(|_| view.deployed_job_untouched())?;
    let flink = view.flink(&deployed.revision.id);
    let objects = view.objects().and_then(|objects| objects.clusters.get(&deployed.revision.id));
    let ledger = view.ledger();
    let sight = health::Sight { now: view.now, objects, flink };
    match sight.difference(ledger.cluster.as_ref(), ledger.job.as_ref()) {
        Difference::None => None,
        Difference::Tells if !refresh_due(view) => None,
        Difference::Tells => {
            let mut memory = view.memory.clone();
            (memory.ledger.cluster, memory.ledger.job) = sight.figures(ledger.job.as_ref());
            Some(Rule::FiguresRefreshed.to(memory))
        }
        Difference::Matters => {
            let mut memory = view.memory.clone();
            (memory.ledger.cluster, memory.ledger.job) = sight.figures(ledger.job.as_ref());
            let step = Rule::HealthChanged.to(memory);
            Some(match lost(&flink.job, ledger) {
                None => step,
                Some(what) => step.note(EventReason::JobLost, format!("Job {} {what}", deployed.job)),
            })
        }
    }
}

/// The deployed job has finished with a savepoint: one that an earlier deploy asked for and gave up on.
pub(super) fn was_stopped(view: &View<'_>) -> bool {
    view.deployed().map(|deployed| view.flink(&deployed.revision.id)).is_some_and(|flink| {
        let finished = flink.job.present().is_some_and(|job| job.state == JobState::Finished);
        finished && flink.checkpoints.present().is_some_and(|history| history.savepoint.is_some())
    })
}

/// What to tell of a job that has just stopped running without being asked to.
fn lost(job: &Seen<crate::snapshot::Job>, ledger: &Ledger) -> Option<String> {
    let before = ledger.job.as_ref().and_then(|job| job.state);
    let now = job.present().map(|job| job.state);
    if before == now {
        return None;
    }
    match job {
        Seen::Absent => Some("is not known to its JobManager any more.".to_owned()),
        Seen::Present(job) if job.state.has_ended() && job.state != JobState::Finished => {
            Some(format!("is {}: {}", job.state, job.failure.as_deref().unwrap_or("Flink names no cause")))
        }
        Seen::Present(_) | Seen::NotAsked | Seen::Unreachable(_) => None,
    }
}

fn refresh_due(view: &View<'_>) -> bool {
    match &view.ledger().job {
        None => true,
        Some(job) => view.now >= backoff::after(job.refreshed, view.policy.status_refresh_ms),
    }
}

/// When a resting application looks at its job again.
pub(super) fn next_look(view: &View<'_>) -> Timestamp {
    backoff::after(view.now, view.policy.poll_interval_ms)
}
