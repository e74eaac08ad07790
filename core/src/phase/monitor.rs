//! What Running, DualRunning and DeployFailed share: watching the deployed jobs, and removing what is superseded.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::adopt::{self, Lost};
use crate::application::Colour;
use crate::backoff;
use crate::effect::{Effect, Target};
use crate::health::{self, ClusterFigures, Difference, JobFigures};
use crate::id::RevisionId;
use crate::manifest::names;
use crate::memory::{Deployed, Ledger, Memory};
use crate::phase::recovering;
use crate::rule::Rule;
use crate::snapshot::{FlinkNeeds, Job, JobState, Needs, Objects, Seen};
use crate::step::{EventReason, Step};
use crate::view::View;

/// For how long a request to stop that nobody answered is looked out for, in milliseconds. One that arrives later is
/// noticed with the next look at rest.
const ON_ITS_WAY_MS: u32 = 60_000;

pub(super) fn needs(ledger: &Ledger) -> Needs {
    needs_of(ledger.deployed.as_ref().filter(|_| ledger.stopped.is_none()), ledger)
}

/// The same where two versions run: one of them may be on its way out, whatever else is remembered of it.
pub(super) fn needs_of_both(ledger: &Ledger) -> Needs {
    needs_of(ledger.deployed.as_ref(), ledger)
}

fn needs_of(first: Option<&Deployed>, ledger: &Ledger) -> Needs {
    let first = first.map(|it| (it, &ledger.job));
    let second = ledger.second.as_ref().map(|it| (it, &ledger.second_job));
    let flink = first.into_iter().chain(second).map(|(deployed, figures)| {
        let job = Some(deployed.job.clone());
        // Asked once: it does not change while the job runs.
        let known = figures.as_ref().is_some_and(|figures| figures.checkpointing.is_some());
        let retention = job.clone().filter(|_| !known);
        let checkpoints = job.clone();
        let needs = FlinkNeeds { overview: true, job, restarts: true, checkpoints, retention, ..FlinkNeeds::default() };
        (deployed.revision.id.clone(), needs)
    });
    Needs { objects: true, flink: BTreeMap::from_iter(flink), ..Needs::default() }
}

/// Deletes what belongs to no deployed revision. While the last try failed, the next waits for the poll.
pub(super) fn clean_up(view: &View<'_>, objects: &Objects) -> Option<Step> {
    if view.trouble().is_some() {
        return None;
    }
    let (removals, _) = view.leftovers(objects, None);
    if removals.is_empty() {
        let unused = unused_entrances(view, objects);
        return (!unused.is_empty()).then(|| Rule::OldClusterRemoved.stay().run(unused));
    }
    let gone = objects.clusters.keys().filter(|id| !view.is_deployed(id));
    let text = format!(
        "The clusters of revisions other than the deployed one are deleted: {}.",
        gone.map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
    );
    Some(Rule::OldClusterRemoved.stay().run(removals).note(EventReason::ToreDownCluster, text))
}

/// Deletes of the Service and the Ingress of a colour that no version has: its deploy failed (BlueGreen).
fn unused_entrances(view: &View<'_>, objects: &Objects) -> Vec<Effect> {
    let Some(deployed) = view.deployed().filter(|deployed| deployed.revision.colour.is_some()) else {
        return Vec::new();
    };
    let used = |colour: Colour| {
        let mut versions = [Some(deployed), view.ledger().second.as_ref()].into_iter().flatten();
        versions.any(|version| version.revision.colour == Some(colour))
    };
    let unused = [Colour::Blue, Colour::Green].into_iter().filter(|colour| !used(*colour));
    unused.flat_map(|colour| entrance_removal(view, objects, Some(colour), &deployed.revision.id)).collect()
}

/// Deletes of the Service that leads to a version, and of its Ingress.
pub(super) fn entrance_removal(
    view: &View<'_>,
    objects: &Objects,
    colour: Option<Colour>,
    revision: &RevisionId,
) -> Vec<Effect> {
    let entrance = names::entrance(&view.app.name, colour);
    let target =
        |name: &str, uid: &str| Target { name: name.to_owned(), uid: uid.to_owned(), revision: revision.clone() };
    let service = objects.entrances.get(entrance.as_ref()).filter(|it| !it.deleting);
    let service = service.map(|it| Effect::DeleteService(target(&it.name, &it.uid)));
    let ingress = objects.ingresses.get(entrance.as_ref()).map(|it| Effect::DeleteIngress(target(&it.name, &it.uid)));
    service.into_iter().chain(ingress).collect()
}

/// A version that is watched, with what the status says of it.
struct Watched<'a> {
    deployed: &'a Deployed,
    cluster: Option<&'a ClusterFigures>,
    job: Option<&'a JobFigures>,
    /// Puts new figures where the old ones are.
    write: fn(&mut Ledger, Option<ClusterFigures>, Option<JobFigures>),
}

fn watched<'a>(view: &View<'a>) -> impl Iterator<Item = Watched<'a>> {
    let ledger = view.ledger();
    let first = view.deployed().filter(|_| ledger.stopped.is_none()).map(|deployed| Watched {
        deployed,
        cluster: ledger.cluster.as_ref(),
        job: ledger.job.as_ref(),
        write: |ledger, cluster, job| (ledger.cluster, ledger.job) = (cluster, job),
    });
    let second = ledger.second.as_ref().map(|deployed| Watched {
        deployed,
        cluster: ledger.second_cluster.as_ref(),
        job: ledger.second_job.as_ref(),
        write: |ledger, cluster, job| (ledger.second_cluster, ledger.second_job) = (cluster, job),
    });
    first.into_iter().chain(second)
}

/// Brings the figures of the status up to date: at once if they matter, once a refresh period if they only tell.
pub(super) fn refresh(view: &View<'_>) -> Option<Step> {
    watched(view).find_map(|watched| refreshed(view, &watched))
}

fn refreshed(view: &View<'_>, watched: &Watched<'_>) -> Option<Step> {
    let Watched { deployed, cluster, job, write } = watched;
    let flink = view.flink(&deployed.revision.id);
    let objects = view.objects().and_then(|objects| objects.clusters.get(&deployed.revision.id));
    let sight = health::Sight { now: view.now, objects, flink };
    let moved = |rule: Rule| {
        let mut memory: Memory = view.memory.clone();
        let (cluster, job) = sight.figures(*job);
        write(&mut memory.ledger, cluster, job);
        rule.to(memory)
    };
    match sight.difference(*cluster, *job) {
        Difference::None => None,
        Difference::Tells if !refresh_due(view, *job) => None,
        Difference::Tells => Some(moved(Rule::FiguresRefreshed)),
        Difference::Matters => {
            let step = moved(Rule::HealthChanged);
            Some(match ended(&flink.job, *job) {
                None => step,
                Some((reason, what)) => step.note(reason, format!("Job {} {what}", deployed.job)),
            })
        }
    }
}

/// A request to stop the job arrived when its deploy had been given up or taken back: the job is started again.
pub(super) fn resume(view: &View<'_>) -> Option<Step> {
    let deployed = view.deployed().filter(|_| was_stopped(view))?;
    let text = format!("Job {} was stopped by a deploy that had been given up or taken back.", deployed.job);
    Some(recovering::enter(view, view.ledger().clone(), Rule::StoppedJobResumed, &deployed.revision, text))
}

/// What is deployed, if a deploy came as far as asking its job to stop and nobody knows yet whether it did.
fn asked_to_stop<'a>(view: &View<'a>) -> Option<&'a Deployed> {
    view.deployed().filter(|deployed| deployed.stop_asked && view.deployed_job_untouched())
}

/// The deployed job has finished with a savepoint that an earlier deploy asked for. (A job that shows the savepoint that
/// it started from is shown wrongly, and would be started for ever.)
pub(super) fn was_stopped(view: &View<'_>) -> bool {
    asked_to_stop(view).is_some_and(|deployed| {
        let flink = view.flink(&deployed.revision.id);
        let finished = flink.job.present().is_some_and(|job| job.state == JobState::Finished);
        let savepoint = flink.checkpoints.present().and_then(|history| history.savepoint.as_ref());
        let path = savepoint.and_then(|savepoint| savepoint.path.as_ref());
        finished && path.is_some() && path != deployed.restored_from.as_ref()
    })
}

/// A deploy that had come as far as asking the job to stop has just been given up or taken back.
fn may_be_stopped(view: &View<'_>) -> bool {
    asked_to_stop(view).is_some()
        && view.memory.phase.since().is_some_and(|since| view.now < backoff::after(since, ON_ITS_WAY_MS))
}

/// A job that its JobManager forgot while it ran is started again. One that had ended is not: Flink forgets those
/// after a while.
pub(super) fn recover(view: &View<'_>) -> Option<Step> {
    let deployed = view.deployed().filter(|_| view.deployed_job_untouched())?;
    let known = view.ledger().job.as_ref().filter(|job| job.state.is_none())?;
    if view.flink(&deployed.revision.id).job != Seen::Absent {
        return None;
    }
    if view.may_come_back(known.refreshed).is_some() {
        return None;
    }
    match adopt::lost(view, deployed) {
        Lost::Really => {}
        Lost::Perhaps => return None,
        Lost::Mistaken(step) => return Some(*step),
    }
    let ledger = view.ledger().clone();
    Some(recovering::enter(view, ledger, Rule::LostJobRecovered, &deployed.revision, recovering::lost(deployed)))
}

/// What to tell of a job that has just stopped running.
fn ended(job: &Seen<Job>, known: Option<&JobFigures>) -> Option<(EventReason, String)> {
    let before = known.and_then(|job| job.state);
    if before == job.present().map(|job| job.state) {
        return None;
    }
    match job {
        Seen::Absent => Some((EventReason::JobLost, "is not known to its JobManager any more.".to_owned())),
        Seen::Present(job) if job.state == JobState::Finished => {
            Some((EventReason::JobFinished, "has come to its own end.".to_owned()))
        }
        Seen::Present(job) if job.state.has_ended() => {
            let cause = job.failure.as_deref().unwrap_or("Flink names no cause");
            Some((EventReason::JobLost, format!("is {}: {cause}", job.state)))
        }
        Seen::Present(_) | Seen::NotAsked | Seen::Unreachable(_) => None,
    }
}

fn refresh_due(view: &View<'_>, job: Option<&JobFigures>) -> bool {
    match job {
        None => true,
        Some(job) => view.now >= backoff::after(job.refreshed, view.policy.status_refresh_ms),
    }
}

/// When a resting application looks at its job again.
pub(super) fn next_look(view: &View<'_>) -> Timestamp {
    let after = |ms| backoff::after(view.now, ms);
    let poll = view.policy.poll_interval_ms;
    if may_be_stopped(view) {
        return after(poll.min(2_000));
    }
    match view.ledger().job.as_ref().filter(|_| view.deployed_job_untouched()) {
        Some(job) if job.state.is_none() => after(poll.min(1_000)),
        // Until its first checkpoint is known a job that is lost would be lost with all that it did.
        Some(job) if job.last_checkpoint.is_none() && job.checkpointing == Some(true) => after(poll.min(5_000)),
        Some(_) | None => after(poll),
    }
}
