//! Rescaling: nothing but the parallelism has changed, so the running cluster gets more TaskManagers. Surplus ones
//! go later, when no job runs.

use std::collections::BTreeMap;

use crate::backoff;
use crate::phase::{Phase, Rescaling, cancelling, cluster_starting, repair, savepointing};
use crate::rule::Rule;
use crate::snapshot::{DeploymentSeen, FlinkNeeds, Needs};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish, warned};

pub(super) fn needs(at: &Rescaling) -> Needs {
    let flink = FlinkNeeds { overview: true, ..FlinkNeeds::default() };
    Needs { objects: true, flink: BTreeMap::from([(at.target.id.clone(), flink)]), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &Rescaling) -> Step {
    match view.wish(&at.target) {
        Wish::Refused(refusal) => return view.refuse(refusal),
        Wish::Deployed => return view.revert(),
        Wish::Other(spec) => return view.begin(Rule::TargetReplaced, spec),
        Wish::Target(spec) if spec.force_rollback => return view.force_back(&at.target),
        Wish::Target(_) => {}
    }
    let Some(objects) = view.objects() else {
        return view.kubernetes_awaited();
    };
    let taskmanager = objects.clusters.get(&at.target.id).and_then(|cluster| cluster.taskmanager.as_ref());
    let more = |it: &&DeploymentSeen| at.target.cluster.as_ref().is_some_and(|plan| it.replicas < plan.taskmanagers);
    let Some(waits_for) = obstacle(view, at, taskmanager) else {
        return match cluster_starting::savepoint_disabled(view) {
            false => savepointing::enter(view, &at.target, Rule::ClusterRescaled),
            true => Rule::ClusterRescaledToCancel.to(view.with(cancelling::of(view, &at.target))),
        };
    };
    let deadline = view.deadline(at.since, view.policy.cluster_start_timeout_ms);
    if view.now >= deadline {
        let text = format!(
            "The cluster of revision {} did not get its TaskManagers within {} s: {waits_for}. The job runs on as it \
             was; mend the cause and edit the spec (restartNonce will do) to try again.",
            at.target.id,
            view.policy.cluster_start_timeout_ms / 1000
        );
        return view.fail(Rule::RescalingTimedOut, Some(&at.target), EventReason::ClusterScaleUpFailed, text);
    }
    if taskmanager.filter(more).is_some()
        && view.trouble().is_none()
        && let Some(step) = repair::scaling(objects, &at.target)
    {
        return step;
    }
    let why = match view.trouble() {
        Some(trouble) => format!("{waits_for} ({})", trouble.message),
        None => waits_for,
    };
    Rule::TaskManagersAwaited.stay().because(why).wake_at(deadline.min(backoff::next_poll(at.since, view.now)))
}

/// What the cluster still lacks, if anything.
fn obstacle(view: &View<'_>, at: &Rescaling, taskmanager: Option<&DeploymentSeen>) -> Option<String> {
    let wanted = at.target.cluster.as_ref().map_or(0, |plan| plan.taskmanagers);
    let available = taskmanager.map_or(0, |it| it.available);
    if available < wanted {
        return Some(format!("{available} of {wanted} TaskManagers are ready"));
    }
    let slots = view.flink(&at.target.id).overview.present().map_or(0, |overview| overview.slots_total);
    let parallelism = at.target.job.parallelism.get();
    (slots < parallelism).then(|| format!("{slots} of the {parallelism} slots that the job needs have registered"))
}

/// The deployed cluster can take this spec as it is, but for the count of its TaskManagers.
pub(super) fn begin(view: &View<'_>, spec: &crate::application::Spec) -> Option<Step> {
    let deployed = view.deployed().filter(|_| spec.scales_in_place && view.deployed_job_untouched())?;
    let plan = deployed.revision.cluster.as_ref()?;
    if plan.digest != *spec.cluster_digest() {
        return None;
    }
    let revision = &deployed.revision;
    let target = view.revision(revision.id.clone(), revision.number, None, spec);
    let text = format!(
        "The cluster of revision {} is scaled in place: {} TaskManagers for parallelism {}, {} for {} so far.",
        revision.id, spec.taskmanager.replicas, spec.job.parallelism, plan.taskmanagers, revision.job.parallelism
    );
    let mut memory = view.with(Phase::Rescaling(Rescaling { target, since: view.now }));
    memory.ledger.failed = None;
    memory.ledger.last_error = None;
    Some(warned(Rule::RescalingBegun.to(memory).note(EventReason::ClusterScaleUp, text), spec))
}
