//! DualRunning (BlueGreen): the version before and the newer one both run, until the user names the one that is to
//! be torn down. An edit of the spec waits for that.

use crate::adopt;
use crate::backoff;
use crate::effect::Effect;
use crate::manifest::names;
use crate::memory::{Deployed, Memory};
use crate::phase::{DualRunning, Phase, Running, Teardown, monitor, repair};
use crate::rule::Rule;
use crate::snapshot::{ClusterObjects, JobState, Objects, Seen};
use crate::step::{EventReason, Step};
use crate::view::{View, clause, removal};

/// How often is looked how far a teardown is. The other version runs meanwhile, so nothing waits for it.
const TEARDOWN_POLL_MS: u32 = 1_000;

pub(super) fn step(view: &View<'_>, at: &DualRunning) -> Step {
    let (Some(first), Some(second)) = (view.deployed(), &view.ledger().second) else {
        return Rule::OneVersionLeft.to(view.with(Phase::Running(Running { since: view.now })));
    };
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    match &at.tearing {
        Some(tearing) if tearing.revision == first.revision.id => teardown(view, at, tearing, first, objects),
        Some(tearing) if tearing.revision == second.revision.id => teardown(view, at, tearing, second, objects),
        Some(_) | None => watch(view, at, first, second, objects),
    }
}

fn watch(view: &View<'_>, at: &DualRunning, first: &Deployed, second: &Deployed, objects: &Objects) -> Step {
    let named = view.spec().ok().and_then(|spec| spec.tear_down.as_ref());
    if let Some(version) = [first, second].into_iter().find(|it| named == Some(&it.revision.id)) {
        let (id, colour) = (&version.revision.id, colour(version));
        let tearing = Teardown { revision: id.clone(), since: view.now, tries: Default::default() };
        let phase = Phase::DualRunning(DualRunning { tearing: Some(tearing), ..at.clone() });
        let text = format!("The {colour} version, revision {id}, is being torn down.");
        return Rule::TeardownBegun.to(view.with(phase)).note(EventReason::TeardownInitated, text);
    }
    adopt::second(view)
        .or_else(|| monitor::clean_up(view, objects))
        .or_else(|| repair::deployed(view, objects))
        .or_else(|| monitor::refresh(view))
        .unwrap_or_else(|| {
            let rest = Rule::BothVersionsRest.stay().wake_at(monitor::next_look(view));
            match unheard(view, first, second) {
                None => rest,
                Some(why) => rest.because(why),
            }
        })
}

/// What the spec says beyond the two versions.
fn unheard(view: &View<'_>, first: &Deployed, second: &Deployed) -> Option<String> {
    let choice = || {
        format!(
            "set tearDownVersionHash to {} ({}) or {} ({})",
            first.revision.id,
            colour(first),
            second.revision.id,
            colour(second)
        )
    };
    match view.spec() {
        Err(refusal) => Some(refusal.to_string()),
        Ok(spec) if second.revision.digest.as_ref() == Some(spec.digest()) => None,
        Ok(_) => Some(format!("the edit of the spec waits until one version is torn down: {}", choice())),
    }
}

fn colour(version: &Deployed) -> &'static str {
    version.revision.colour.map_or("older", Into::into)
}

fn teardown(view: &View<'_>, at: &DualRunning, tearing: &Teardown, version: &Deployed, objects: &Objects) -> Step {
    let cluster = objects.clusters.get(&version.revision.id);
    let wake = backoff::after(view.now, TEARDOWN_POLL_MS);
    if cluster.and_then(|cluster| cluster.jobmanager.as_ref()).is_none_or(|it| it.deleting) {
        return remove(view, version, cluster, objects);
    }
    match &view.flink(&version.revision.id).job {
        Seen::Present(job) if job.state.has_ended() => remove(view, version, cluster, objects),
        Seen::Absent => remove(view, version, cluster, objects),
        Seen::Present(job) if job.state == JobState::Cancelling => Rule::JobEndAwaited.stay().wake_at(wake),
        Seen::Present(_) => cancel(view, at, tearing, version),
        Seen::Unreachable(trouble) => {
            let name = names::deployment(&view.app.name, &version.revision, names::Role::JobManager);
            let why = format!(
                "{}; to tear the version down without asking its JobManager, delete Deployment {name}",
                trouble.message
            );
            Rule::FlinkAwaited.stay().because(why).wake_at(wake)
        }
        Seen::NotAsked => Rule::FlinkAwaited.stay().wake_at(wake),
    }
}

fn cancel(view: &View<'_>, at: &DualRunning, tearing: &Teardown, version: &Deployed) -> Step {
    if let Some(trouble) = view.trouble() {
        let again = |tries| {
            let tearing = Teardown { tries, ..tearing.clone() };
            Phase::DualRunning(DualRunning { tearing: Some(tearing), ..at.clone() })
        };
        let text =
            format!("The job of the {} version cannot be cancelled: {}.", colour(version), clause(&trouble.message));
        let step = view.tried(Rule::CancelRetried, tearing.tries, trouble, again);
        return step.note(EventReason::TeardownFailed, text);
    }
    if let Some(step) = view.backing_off(tearing.tries) {
        return step;
    }
    let (revision, job) = (version.revision.id.clone(), version.job.clone());
    let text = format!("Job {job} of the {} version, revision {revision}, is cancelled.", colour(version));
    Rule::CancelRequested
        .stay()
        .run([Effect::CancelJob { revision, job }])
        .note(EventReason::ForceCanceling, text)
        .wake_at(backoff::after(view.now, TEARDOWN_POLL_MS))
}

/// The job runs no more: all objects of the version go, and then it is forgotten.
fn remove(view: &View<'_>, version: &Deployed, cluster: Option<&ClusterObjects>, objects: &Objects) -> Step {
    let id = &version.revision.id;
    let mut removals = cluster.map(|cluster| removal(id, cluster)).unwrap_or_default();
    removals.extend(monitor::entrance_removal(view, objects, version.revision.colour, id));
    if !removals.is_empty() {
        let text = format!("The objects of the {} version, revision {id}, are deleted.", colour(version));
        return Rule::TornVersionRemoved.stay().run(removals).note(EventReason::ToreDownCluster, text);
    }
    if cluster.is_some_and(|it| it.jobmanager.is_some() || it.taskmanager.is_some()) {
        return Rule::LeftoversAwaited.stay().wake_at(backoff::after(view.now, TEARDOWN_POLL_MS));
    }
    completed(view, version)
}

fn completed(view: &View<'_>, version: &Deployed) -> Step {
    let mut ledger = view.ledger().clone();
    let second = ledger.second.take();
    let (second_cluster, second_job) = (ledger.second_cluster.take(), ledger.second_job.take());
    if ledger.deployed.as_ref().is_some_and(|first| first.revision.id == version.revision.id) {
        (ledger.deployed, ledger.cluster, ledger.job) = (second, second_cluster, second_job);
        ledger.stopped = None;
    }
    ledger.torn_down.clone_from(&version.revision.digest);
    ledger.last_error = None;
    let text = format!("The {} version, revision {}, was torn down.", colour(version), version.revision.id);
    let phase = Phase::Running(Running { since: view.now });
    Rule::TeardownCompleted.to(Memory { phase, ledger }).note(EventReason::TeardownCompleted, text)
}
