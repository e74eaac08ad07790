//! What stands in the way of an application, and what would unblock it.

use flink_operator_core::application::Application;
use flink_operator_core::memory::Memory;
use flink_operator_core::phase::Phase;
use flink_operator_core::snapshot::{ClusterObjects, JobState, PodTrouble, Seen, Snapshot};
use flink_operator_core::step::Step;
use serde::Serialize;

use super::account::memory;

/// Something in the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Hindrance {
    /// What it is.
    pub what: String,
    /// What to do; None where the text says it, or where nothing can be done but wait.
    pub advice: Option<String>,
}

impl Hindrance {
    fn new(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { what: what.into(), advice: Some(advice.into()) }
    }

    fn told(what: impl Into<String>) -> Self {
        Self { what: what.into(), advice: None }
    }
}

/// All that stands in the way, the nearest to the user first.
pub fn all(snapshot: &Snapshot, step: &Step) -> Vec<Hindrance> {
    let app = &snapshot.application;
    let Some(memory) = memory(snapshot) else {
        return step.why().map(Hindrance::told).into_iter().collect();
    };
    let mut all = refused(app);
    all.extend(given_up(memory, step, &all));
    all.extend(pods(snapshot));
    all.extend(missing_pods(snapshot));
    all.extend(silent(snapshot));
    all.extend(jobs(snapshot));
    all.extend(
        memory
            .ledger
            .last_error
            .as_ref()
            .map(|error| Hindrance::told(format!("the last try failed ({}): {}", error.method, error.message))),
    );
    all
}

fn refused(app: &Application) -> Vec<Hindrance> {
    let refusal = app.spec.as_ref().err();
    let problems = refusal.into_iter().flat_map(|refusal| refusal.problems());
    problems.map(|problem| Hindrance::new(format!("{}: {}", problem.field, problem.problem), &problem.advice)).collect()
}

/// What the operator itself gave up or is about to, in its own words, which say what to do.
fn given_up(memory: &Memory, step: &Step, refused: &[Hindrance]) -> Option<Hindrance> {
    if let Phase::Deleting(at) = &memory.phase {
        let blocked = at.blocked.as_ref()?;
        let advice = "set spec.deleteMode to ForceCancel or None to delete without a savepoint";
        return Some(Hindrance::new(format!("no last savepoint can be taken: {blocked}"), advice));
    }
    let fails = |memory: &Memory| matches!(memory.phase, Phase::DeployFailed(_));
    let failed = step.next().filter(|next| fails(next)).or(Some(memory).filter(|memory| fails(memory)))?;
    let failed = failed.ledger.failed.as_ref().filter(|_| refused.is_empty())?;
    Some(Hindrance::told(&failed.message))
}

fn clusters(snapshot: &Snapshot) -> impl Iterator<Item = &ClusterObjects> {
    snapshot.observed.objects.present().into_iter().flat_map(|objects| objects.clusters.values())
}

fn pods(snapshot: &Snapshot) -> Vec<Hindrance> {
    let namespace = &snapshot.application.namespace;
    let troubles = clusters(snapshot).flat_map(|cluster| &cluster.pod_troubles);
    let told = troubles.map(|trouble| {
        let PodTrouble { pod, reason, message } = trouble;
        let text = if message.is_empty() { String::new() } else { format!(": {message}") };
        Hindrance::new(format!("{pod}: {reason}{text}"), pod_advice(namespace, trouble))
    });
    told.collect()
}

/// Kubernetes' own reasons; there are more than these.
fn pod_advice(namespace: &str, trouble: &PodTrouble) -> String {
    let pod = &trouble.pod;
    match trouble.reason.as_str() {
        "ImagePullBackOff" | "ErrImagePull" | "InvalidImageName" => {
            "correct spec.image or spec.imagePullSecrets, or make the image available".to_owned()
        }
        "CrashLoopBackOff" => format!("read why it ends: kubectl -n {namespace} logs {pod} --previous"),
        "Unschedulable" => {
            "make room on the nodes, or ask for less in the resources, nodeSelector or affinity of the spec".to_owned()
        }
        "CreateContainerConfigError" => {
            "make the Secret or ConfigMap that it names, or take it out of the spec".to_owned()
        }
        "OOMKilled" => "raise the memory in the resources of the spec".to_owned(),
        "FailedCreate" => "raise the quota or mend the policy that refuses the pod".to_owned(),
        _ => format!("kubectl -n {namespace} describe pod {pod}"),
    }
}

/// Pods that nobody gave a reason for.
fn missing_pods(snapshot: &Snapshot) -> Vec<Hindrance> {
    let namespace = &snapshot.application.namespace;
    let unexplained = clusters(snapshot).filter(|cluster| cluster.pod_troubles.is_empty());
    let deployments = unexplained.flat_map(|cluster| cluster.jobmanager.iter().chain(&cluster.taskmanager));
    let short = deployments.filter(|it| !it.deleting && it.available < it.replicas);
    let told = short.map(|it| {
        let what = format!("{}: {} of {} pods are ready", it.name, it.available, it.replicas);
        match it.existing < it.replicas {
            true => Hindrance::new(
                what,
                format!("see why none is made: kubectl -n {namespace} describe deployment {}", it.name),
            ),
            false => Hindrance::told(what),
        }
    });
    told.collect()
}

/// JobManagers that should answer.
fn silent(snapshot: &Snapshot) -> Vec<Hindrance> {
    let Some(objects) = snapshot.observed.objects.present() else { return Vec::new() };
    let namespace = &snapshot.application.namespace;
    let silent = snapshot.observed.flink.iter().filter_map(|(revision, seen)| {
        let Seen::Unreachable(trouble) = &seen.overview else { return None };
        let jobmanager = objects.clusters.get(revision)?.jobmanager.as_ref()?;
        let what = format!("the JobManager of revision {revision} does not answer: {}", trouble.message);
        let advice = format!("kubectl -n {namespace} logs deployment/{}", jobmanager.name);
        // One whose pod is not ready is told of as such.
        (jobmanager.available > 0).then(|| Hindrance::new(what, advice))
    });
    silent.collect()
}

fn jobs(snapshot: &Snapshot) -> Vec<Hindrance> {
    let jobs = snapshot.observed.flink.iter().filter_map(|(revision, seen)| Some((revision, seen.job.present()?)));
    let failing = jobs.filter(|(_, job)| match job.state {
        JobState::Failing | JobState::Failed | JobState::Restarting => true,
        JobState::Initializing
        | JobState::Created
        | JobState::Running
        | JobState::Cancelling
        | JobState::Canceled
        | JobState::Finished
        | JobState::Suspended
        | JobState::Reconciling => false,
    });
    let told = failing.map(|(revision, job)| {
        let cause = job.failure.as_deref().map_or(String::new(), |cause| format!(": {cause}"));
        Hindrance::new(
            format!("the job of revision {revision} is {}{cause}", job.state),
            "mend the program or what it reads and writes",
        )
    });
    told.collect()
}
