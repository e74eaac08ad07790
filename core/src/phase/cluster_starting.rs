//! ClusterStarting: the new cluster's pods come up while the old job runs on.

use std::collections::BTreeMap;

use crate::backoff;
use crate::phase::{ClusterStarting, Phase, Updating, cancelling, launch, savepointing};
use crate::rule::Rule;
use crate::snapshot::{ClusterObjects, DeploymentSeen, FlinkNeeds, FlinkSeen, Needs, ServiceSeen};
use crate::step::{EventReason, Step};
use crate::view::{View, Wish};

/// How long pods that come up are left alone, should no watch tell of them; in milliseconds.
const PODS_MS: u32 = 5_000;

pub(super) fn needs(at: &ClusterStarting) -> Needs {
    let flink = FlinkNeeds { overview: true, ..FlinkNeeds::default() };
    Needs { objects: true, flink: BTreeMap::from([(at.target.id.clone(), flink)]), ..Needs::default() }
}

pub(super) fn step(view: &View<'_>, at: &ClusterStarting) -> Step {
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
    let cluster = objects.clusters.get(&at.target.id);
    let Some((cluster, jobmanager, taskmanager, _)) = cluster.and_then(whole) else {
        let phase = Updating { target: at.target.clone(), since: view.now, tries: Default::default() };
        return Rule::ClusterObjectLost.to(view.with(Phase::Updating(phase)));
    };
    let Some(lacks) = lacks(at, view.flink(&at.target.id), jobmanager, taskmanager) else {
        return ready(view, at);
    };
    let next = match lacks {
        // A watch tells of them; Flink, which cannot be there yet, need not be asked all the time.
        Lacks::Pods(_) => backoff::after(view.now, PODS_MS),
        Lacks::Slots(_) => backoff::next_poll(at.since, view.now),
    };
    let (Lacks::Pods(waits_for) | Lacks::Slots(waits_for)) = lacks;
    let why = explain(waits_for, cluster);
    let deadline = view.deadline(at.since, view.policy.cluster_start_timeout_ms);
    if view.now >= deadline {
        let text = format!(
            "The cluster of revision {} was not ready after {} s: {why}. What runs was left alone; mend the cause and \
             edit the spec (restartNonce will do) to try again.",
            at.target.id,
            view.policy.cluster_start_timeout_ms / 1000
        );
        return view.fail(Rule::ClusterStartTimedOut, Some(&at.target), EventReason::ClusterCreationFailed, text);
    }
    Rule::ClusterAwaited.stay().because(why).wake_at(deadline.min(next))
}

/// The cluster with its objects, if all of them are there to stay.
fn whole(cluster: &ClusterObjects) -> Option<(&ClusterObjects, &DeploymentSeen, &DeploymentSeen, &ServiceSeen)> {
    let jobmanager = cluster.jobmanager.as_ref().filter(|it| !it.deleting)?;
    let taskmanager = cluster.taskmanager.as_ref().filter(|it| !it.deleting)?;
    let service = cluster.service.as_ref().filter(|it| !it.deleting)?;
    Some((cluster, jobmanager, taskmanager, service))
}

/// What a cluster still lacks, in a clause.
enum Lacks {
    Pods(String),
    Slots(String),
}

/// What the cluster still lacks, if anything.
fn lacks(
    at: &ClusterStarting,
    flink: &FlinkSeen,
    jobmanager: &DeploymentSeen,
    taskmanager: &DeploymentSeen,
) -> Option<Lacks> {
    if jobmanager.available == 0 {
        return Some(Lacks::Pods("the JobManager is not ready".to_owned()));
    }
    if taskmanager.available < taskmanager.replicas {
        let (ready, wanted) = (taskmanager.available, taskmanager.replicas);
        return Some(Lacks::Pods(format!("{ready} of {wanted} TaskManagers are ready")));
    }
    let slots = flink.overview.present().map_or(0, |overview| overview.slots_total);
    let wanted = at.target.job.parallelism.get();
    let why = || format!("{slots} of the {wanted} slots that the job needs have registered");
    (slots < wanted).then(|| Lacks::Slots(why()))
}

fn explain(waits_for: String, cluster: &ClusterObjects) -> String {
    match cluster.pod_troubles.first() {
        None => waits_for,
        Some(trouble) => format!("{waits_for} (pod {}: {} {})", trouble.pod, trouble.reason, trouble.message),
    }
}

fn ready(view: &View<'_>, at: &ClusterStarting) -> Step {
    let submitting = |restore_from| view.with(launch::of(view, &at.target, restore_from));
    match (view.deployed(), &view.ledger().stopped) {
        (_, Some(stopped)) => Rule::SavepointInHand.to(submitting(stopped.state.clone())),
        (None, None) => {
            let restore_from = view.spec().ok().and_then(|spec| spec.initial_savepoint.clone());
            Rule::FirstClusterReady.to(submitting(restore_from))
        }
        (Some(_), None) if !savepoint_disabled(view) => savepointing::enter(view, &at.target, Rule::ClusterReady),
        (Some(_), None) if at.target.colour.is_some() => Rule::SecondClusterReady.to(submitting(None)),
        (Some(_), None) => Rule::ClusterReadyToCancel.to(view.with(cancelling::of(view, &at.target))),
    }
}

pub(super) fn savepoint_disabled(view: &View<'_>) -> bool {
    view.spec().is_ok_and(|spec| spec.savepoint_disabled)
}
