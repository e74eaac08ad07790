//! Why a pod cannot run, in Kubernetes' own words.

use flink_operator_core::snapshot::PodTrouble;
use k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, ContainerStatus};
use kube::ResourceExt;

use super::view::{DeploymentView, PodStatusView, PodView};

/// Reasons of a container that waits because it is on its way.
const ON_ITS_WAY: [&str; 2] = ["ContainerCreating", "PodInitializing"];

/// What keeps a pod from running; None for one that runs, is on its way, or is being deleted.
pub(super) fn trouble(pod: &PodView) -> Option<PodTrouble> {
    let status = pod.status.as_ref().filter(|_| pod.metadata.deletion_timestamp.is_none())?;
    let containers = [&status.init_container_statuses, &status.container_statuses];
    let containers = containers.into_iter().flatten().flatten();
    let (reason, message) =
        containers.filter_map(container).next().or_else(|| whole(status)).or_else(|| unschedulable(status))?;
    Some(PodTrouble { pod: pod.name_any(), reason, message })
}

/// Why the API server takes no pod of a Deployment: a quota, the pod security standard, an admission webhook.
pub(super) fn refused(deployment: &DeploymentView) -> Option<PodTrouble> {
    let mut conditions = deployment.status.as_ref()?.conditions.iter().flatten();
    let failure = conditions.find(|it| it.kind == "ReplicaFailure" && it.status == "True")?;
    let reason = failure.reason.clone().unwrap_or_else(|| "FailedCreate".to_owned());
    Some(PodTrouble { pod: deployment.name_any(), reason, message: failure.message.clone().unwrap_or_default() })
}

fn container(status: &ContainerStatus) -> Option<(String, String)> {
    let last = status.last_state.as_ref().and_then(|state| state.terminated.as_ref());
    match status.state.as_ref()? {
        ContainerState { waiting: Some(waiting), .. } => {
            let reason = waiting.reason.clone().filter(|reason| !ON_ITS_WAY.contains(&reason.as_str()))?;
            let message = [waiting.message.clone(), last.map(ending)].into_iter().flatten().collect::<Vec<_>>();
            Some((reason, message.join("; ")))
        }
        ContainerState { terminated: Some(ended), .. } if ended.exit_code != 0 => {
            Some((reason_of(ended), ending(ended)))
        }
        // It runs again, and is not ready again.
        ContainerState { running: Some(_), .. } if !status.ready && status.restart_count > 0 => {
            let ended = last?;
            Some((reason_of(ended), format!("{}, restarted {} times", ending(ended), status.restart_count)))
        }
        ContainerState { .. } => None,
    }
}

/// `Evicted` and the like.
fn whole(status: &PodStatusView) -> Option<(String, String)> {
    let failed = status.phase.as_deref() == Some("Failed");
    let reason = status.reason.clone().filter(|_| failed)?;
    Some((reason, status.message.clone().unwrap_or_default()))
}

fn unschedulable(status: &PodStatusView) -> Option<(String, String)> {
    let scheduled = status.conditions.iter().flatten().find(|it| it.kind == "PodScheduled" && it.status == "False")?;
    let reason = scheduled.reason.clone().unwrap_or_else(|| "Unschedulable".to_owned());
    Some((reason, scheduled.message.clone().unwrap_or_default()))
}

fn reason_of(ended: &ContainerStateTerminated) -> String {
    ended.reason.clone().unwrap_or_else(|| "Error".to_owned())
}

fn ending(ended: &ContainerStateTerminated) -> String {
    let message = ended.message.as_deref().map(|message| format!(": {message}")).unwrap_or_default();
    format!("the container ended with {} (exit code {}){message}", reason_of(ended), ended.exit_code)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn trouble_of(status: Value) -> Option<(String, String)> {
        let pod = json!({ "metadata": { "name": "app-1-tm-x" }, "status": status });
        let pod: PodView = serde_json::from_value(pod).unwrap();
        trouble(&pod).map(|trouble| {
            assert_eq!(trouble.pod, "app-1-tm-x");
            (trouble.reason, trouble.message)
        })
    }

    fn containers(status: Value) -> Value {
        let mut all = json!({ "name": "c", "image": "i", "imageID": "", "ready": false, "restartCount": 0 });
        all.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
        json!({ "containerStatuses": [all] })
    }

    #[test]
    fn an_image_that_cannot_be_pulled_is_named() {
        let waiting = json!({ "reason": "ImagePullBackOff", "message": "Back-off pulling image \"nowhere/x:1\"" });
        let (reason, message) = trouble_of(containers(json!({ "state": { "waiting": waiting } }))).unwrap();
        assert_eq!((reason.as_str(), message.as_str()), ("ImagePullBackOff", "Back-off pulling image \"nowhere/x:1\""));
    }

    #[test]
    fn a_crash_loop_tells_how_the_container_ended() {
        let state = json!({
            "state": { "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 40s restarting" } },
            "lastState": { "terminated": { "reason": "OOMKilled", "exitCode": 137 } },
        });
        let (reason, message) = trouble_of(containers(state)).unwrap();
        assert_eq!(reason, "CrashLoopBackOff");
        assert_eq!(message, "back-off 40s restarting; the container ended with OOMKilled (exit code 137)");
    }

    #[test]
    fn a_pod_on_its_way_or_well_is_no_trouble() {
        assert_eq!(trouble_of(containers(json!({ "state": { "waiting": { "reason": "ContainerCreating" } } }))), None);
        assert_eq!(trouble_of(containers(json!({ "state": { "running": {} } }))), None);
        let recovered = json!({
            "ready": true, "restartCount": 3, "state": { "running": {} },
            "lastState": { "terminated": { "reason": "Error", "exitCode": 1 } },
        });
        assert_eq!(trouble_of(containers(recovered)), None);
    }

    #[test]
    fn a_container_that_ended_and_has_not_recovered_is_trouble() {
        let ended = json!({ "state": { "terminated": { "reason": "Error", "exitCode": 1 } } });
        assert_eq!(trouble_of(containers(ended)).unwrap().0, "Error");
        let again = json!({
            "restartCount": 2, "state": { "running": {} },
            "lastState": { "terminated": { "reason": "OOMKilled", "exitCode": 137 } },
        });
        let (reason, message) = trouble_of(containers(again)).unwrap();
        assert_eq!(reason, "OOMKilled");
        assert!(message.ends_with("restarted 2 times"), "{message}");
    }

    #[test]
    fn a_pod_that_fits_no_node_is_unschedulable() {
        let message = "0/3 nodes are available: 3 Insufficient cpu.";
        let condition =
            json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message });
        let found = trouble_of(json!({ "phase": "Pending", "conditions": [condition] })).unwrap();
        assert_eq!(found, ("Unschedulable".to_owned(), message.to_owned()));
    }

    #[test]
    fn a_pod_that_a_quota_forbids_is_told_of_by_its_deployment() {
        let message = "pods \"app-1-tm-x\" is forbidden: exceeded quota: team";
        let refusal =
            json!({ "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message });
        let deployment = json!({ "metadata": { "name": "app-1-tm" }, "status": { "conditions": [refusal] } });
        let found = refused(&serde_json::from_value(deployment).unwrap()).unwrap();
        assert_eq!(
            (found.pod.as_str(), found.reason.as_str(), found.message.as_str()),
            ("app-1-tm", "FailedCreate", message)
        );
    }

    #[test]
    fn an_evicted_pod_says_so() {
        let found = trouble_of(json!({ "phase": "Failed", "reason": "Evicted", "message": "low on memory" })).unwrap();
        assert_eq!(found.0, "Evicted");
    }

    #[test]
    fn a_pod_that_is_being_deleted_is_no_trouble() {
        let waiting = containers(json!({ "state": { "waiting": { "reason": "CrashLoopBackOff" } } }));
        let metadata = json!({ "name": "x", "deletionTimestamp": "2026-01-01T00:00:00Z" });
        let pod: PodView = serde_json::from_value(json!({ "metadata": metadata, "status": waiting })).unwrap();
        assert_eq!(trouble(&pod), None);
    }
}
