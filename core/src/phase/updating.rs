//! Updating: the objects of a new cluster are being created, beside whatever runs.

use jiff::Timestamp;

use crate::application::Spec;
use crate::effect::Effect;
use crate::manifest::{self, Manifests};
use crate::phase::{ClusterStarting, Phase, Updating};
use crate::rule::Rule;
use crate::snapshot::{Needs, Objects, TroubleClass};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish, clause};

/// How long the TaskManagers are held back while the JobManager's pod has no address, in milliseconds: one that looks up
/// its JobManager's name in vain asks again after ten seconds. A JobManager is ready after ten seconds at the earliest,
/// so nobody waits for this.
const HEAD_START_MS: u32 = 5_000;

/// Tries before the creation is given up; with the default delays about five minutes.
const TRIES: u32 = 15;

pub(super) fn needs() -> Needs {
    Needs { objects: true, ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &Updating) -> Step {
    match view.wish(&at.target) {
        Wish::Refused(refusal) => view.refuse(refusal),
        Wish::Deployed => view.revert(),
        Wish::Other(spec) => view.begin(Rule::TargetReplaced, spec),
        Wish::Target(spec) if spec.force_rollback => view.force_back(&at.target),
        Wish::Target(spec) => match view.objects() {
            None => view.kubernetes_awaited(),
            Some(objects) => create(view, at, spec, objects),
        },
    }
}

fn create(view: &View<'_>, at: &Updating, spec: &Spec, objects: &Objects) -> Step {
    if let Some(trouble) = view.trouble() {
        if trouble.class == TroubleClass::TryAgain && at.tries.failed < TRIES {
            let again = |tries| Phase::Updating(Updating { tries, ..at.clone() });
            let text = format!("revision {}: {}", at.target.id, trouble.message);
            return view
                .tried(Rule::ClusterCreationRetried, at.tries, trouble, again)
                .note(EventReason::CreateClusterFailed, text);
        }
        let text = format!(
            "The cluster of revision {} could not be created: {}. What runs was left alone; mend the cause and edit the \
             spec (restartNonce will do) to try again.",
            at.target.id,
            clause(&trouble.message)
        );
        return view.fail(Rule::ClusterCreationFailed, Some(&at.target), EventReason::ClusterCreationFailed, text);
    }
    if view.passed(at.since, view.policy.cluster_start_timeout_ms) {
        let limit = view.policy.cluster_start_timeout_ms / 1000;
        let text = format!(
            "The objects of revision {} did not all exist after {limit} s. What runs was left alone; mend the cause and \
             edit the spec (restartNonce will do) to try again.",
            at.target.id
        );
        return view.fail(Rule::ClusterCreationFailed, Some(&at.target), EventReason::ClusterCreationFailed, text);
    }
    if let Some(step) = view.backing_off(at.tries) {
        return step;
    }
    let (removals, _) = view.leftovers(objects, Some(&at.target.id));
    if !removals.is_empty() {
        return Rule::LeftoversRemoved.stay().run(removals);
    }
    let (before, taskmanagers) = missing(view, at, spec, objects);
    if !before.is_empty() {
        return Rule::ClusterRequested.stay().run(before);
    }
    if let Some(taskmanagers) = taskmanagers {
        return match head_start(view, at, objects) {
            Some(until) => Rule::AddressAwaited.stay().wake_at(until),
            None => Rule::TaskManagersRequested.stay().run([taskmanagers]),
        };
    }
    let phase = Phase::ClusterStarting(ClusterStarting { target: at.target.clone(), since: view.now });
    let text = format!("The objects of the cluster of revision {} exist.", at.target.id);
    Rule::ClusterCreated.to(view.with(phase)).note(EventReason::CreatingCluster, text)
}

/// Until when the TaskManagers are held back, if they are.
fn head_start(view: &View<'_>, at: &Updating, objects: &Objects) -> Option<Timestamp> {
    let jobmanager = objects.clusters.get(&at.target.id).and_then(|it| it.jobmanager.as_ref());
    let addressed = jobmanager.is_some_and(|it| it.addressed > 0);
    let until = view.deadline(at.since, HEAD_START_MS);
    (!addressed && view.now < until).then_some(until)
}

/// Creates of all objects that are not there to stay, in the order of contract K1, and of the TaskManagers, which are
/// the last. The name of one that is being deleted is not free yet: that is tried again, later each time.
fn missing(view: &View<'_>, at: &Updating, spec: &Spec, objects: &Objects) -> (Vec<Effect>, Option<Effect>) {
    let Manifests { jobmanager, taskmanager, generic_service, versioned_service, ingress } =
        manifest::render(view.app, spec, view.policy, &at.target);
    let entrance = manifest::names::entrance(&view.app.name, at.target.colour);
    let there = objects.clusters.get(&at.target.id);
    let mut effects = Vec::new();
    if there.and_then(|it| it.jobmanager.as_ref()).is_none_or(|it| it.deleting) {
        effects.push(Effect::CreateDeployment(Box::new(jobmanager)));
    }
    if !objects.entrances.contains_key(entrance.as_ref()) {
        effects.push(Effect::CreateService(Box::new(generic_service)));
    }
    if there.and_then(|it| it.service.as_ref()).is_none_or(|it| it.deleting) {
        effects.push(Effect::CreateService(Box::new(versioned_service)));
    }
    if let Some(ingress) = ingress.filter(|_| !objects.ingresses.contains_key(entrance.as_ref())) {
        effects.push(Effect::CreateIngress(Box::new(ingress)));
    }
    let taskmanagers = there.and_then(|it| it.taskmanager.as_ref()).is_none_or(|it| it.deleting);
    (effects, taskmanagers.then(|| Effect::CreateDeployment(Box::new(taskmanager))))
}
