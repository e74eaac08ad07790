//! Deployments as they are written, for a comparison with a spec.

use std::collections::BTreeMap;

use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::names::{self, Role};
use flink_operator_core::snapshot::Written;
use k8s_openapi::api::apps::v1::Deployment;

/// The Deployments that the application with this uid controls, by the revision that their labels name.
pub(super) fn sort(uid: &str, deployments: Vec<Deployment>) -> BTreeMap<RevisionId, Written> {
    let mut all = BTreeMap::<RevisionId, Written>::new();
    for mut deployment in deployments.into_iter().filter(|it| is_controlled_by(it, uid)) {
        let labels = deployment.metadata.labels.as_ref();
        let (Some(revision), Some(role)) = (names::revision_of(labels), names::role_of(labels)) else { continue };
        deployment.metadata.managed_fields = None;
        deployment.status = None;
        let written = all.entry(revision).or_default();
        match role {
            Role::JobManager => written.jobmanager = Some(Box::new(deployment)),
            Role::TaskManager => written.taskmanager = Some(Box::new(deployment)),
        }
    }
    all
}

fn is_controlled_by(deployment: &Deployment, uid: &str) -> bool {
    let owners = deployment.metadata.owner_references.as_deref().unwrap_or_default();
    owners.iter().any(|owner| owner.controller == Some(true) && owner.uid == uid)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
mod tests {
    use serde_json::json;

    use super::*;

    fn deployment(name: &str, revision: &str, role: &str, owner: &str) -> Deployment {
        let owner = json!({ "apiVersion": "x/v1", "kind": "X", "name": "app", "uid": owner, "controller": true });
        let labels = json!({ "flink-app-hash": revision, "flink-deployment-type": role });
        let metadata = json!({ "name": name, "labels": labels, "ownerReferences": [owner] });
        serde_json::from_value(json!({ "metadata": metadata, "status": { "replicas": 1 } })).unwrap()
    }

    #[test]
    fn deployments_of_the_application_are_sorted_by_revision_and_role() {
        let all = sort(
            "uid-1",
            vec![
                deployment("app-1-jm", "1", "jobmanager", "uid-1"),
                deployment("app-1-tm", "1", "taskmanager", "uid-1"),
                deployment("app-2-jm", "2", "jobmanager", "uid-1"),
                deployment("app-3-jm", "3", "jobmanager", "another"),
            ],
        );
        let name = |it: &Option<Box<Deployment>>| it.as_ref().and_then(|it| it.metadata.name.clone());
        let found = all.iter().map(|(id, it)| (id.as_str(), name(&it.jobmanager), name(&it.taskmanager)));
        let named = |name: &str| Some(name.to_owned());
        let expected = vec![("1", named("app-1-jm"), named("app-1-tm")), ("2", named("app-2-jm"), None)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(all[&RevisionId::known("1")].jobmanager.as_ref().unwrap().status, None);
    }
}
