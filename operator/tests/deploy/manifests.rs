//! The overlays, and that the chart installs the same.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::rendered::{chart, kustomize, of_kind, the};

/// Each overlay, and the values with which the chart is the same.
const SAME: [(&str, &[&str]); 3] =
    [("cluster", &[]), ("namespaced", &["rbac.scope=namespaced"]), ("ha", &["replicas=2"])];

#[test]
fn the_chart_installs_what_kustomize_installs() {
    for (overlay, values) in SAME {
        let (Some(overlaid), Some(charted)) = (kustomize(overlay), chart(values)) else { return };
        let (overlaid, charted) = (by_name(overlaid), by_name(charted));
        let names = |objects: &BTreeMap<String, Value>| objects.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&overlaid), names(&charted), "{overlay}");
        for (name, object) in &overlaid {
            assert_eq!(object, &charted[name], "{overlay}: {name}");
        }
    }
}

/// Objects by kind, namespace and name, without what only one of the two can say.
fn by_name(objects: Vec<Value>) -> BTreeMap<String, Value> {
    // Helm makes the namespace itself.
    let objects = objects.into_iter().filter(|object| object["kind"] != "Namespace");
    objects
        .map(|mut object| {
            let metadata = &object["metadata"];
            let name = format!("{} {}/{}", object["kind"], metadata["namespace"], metadata["name"]);
            if object["kind"] == "CustomResourceDefinition" {
                // Copies of one file, which are compared below.
                object = Value::Null;
            }
            if let Some(config) = object.pointer_mut("/data/config") {
                *config = serde_saphyr::from_str(config.as_str().unwrap()).unwrap();
            }
            if let Some(Value::Object(annotations)) = object.pointer_mut("/spec/template/metadata/annotations") {
                annotations.remove("flink.k8s.io/configuration");
            }
            (name, object)
        })
        .collect()
}

#[test]
fn the_operators_pod_keeps_the_restricted_standard() {
    for (overlay, _) in SAME {
        let Some(objects) = kustomize(overlay) else { return };
        let deployment = the(&objects, "Deployment", "flinkoperator");
        let pod = &deployment["spec"]["template"]["spec"];
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(pod["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
        for container in pod["containers"].as_array().unwrap() {
            let context = &container["securityContext"];
            assert_eq!(context["allowPrivilegeEscalation"], false);
            assert_eq!(context["readOnlyRootFilesystem"], true);
            assert_eq!(context["capabilities"], json!({ "drop": ["ALL"] }));
        }
        for field in ["hostNetwork", "hostPID", "hostIPC", "priorityClassName"] {
            assert_eq!(pod[field], Value::Null, "{field}");
        }
    }
}

#[test]
fn a_namespaced_installation_gives_the_operator_no_right_outside_of_its_namespace() {
    let kinds = ["ClusterRoleBinding", "RoleBinding", "Role"];
    let all = [kustomize("namespaced"), chart(&["rbac.scope=namespaced"])];
    for objects in all.into_iter().flatten() {
        let [everywhere, bindings, roles] = kinds.map(|kind| of_kind(&objects, kind));
        assert!(everywhere.is_empty(), "{everywhere:?}");
        for object in bindings.iter().chain(&roles) {
            assert_eq!(object["metadata"]["namespace"], "flink-operator");
        }
        assert!(bindings.iter().all(|binding| binding["roleRef"]["kind"] == "Role"));
        let names: Vec<_> = roles.iter().map(|role| &role["metadata"]["name"]).collect();
        assert_eq!(names, ["flinkoperator", "flinkoperator-lease"]);
    }
}

#[test]
fn what_selects_the_operators_pods_selects_them() {
    let Some(objects) = kustomize("ha") else { return };
    let labels = &the(&objects, "Deployment", "flinkoperator")["spec"]["template"]["metadata"]["labels"];
    let selectors = objects.iter().flat_map(|object| {
        let places =
            ["/spec/selector", "/spec/podSelector", "/spec/selector/matchLabels", "/spec/podSelector/matchLabels"];
        places.into_iter().filter_map(|place| object.pointer(place)).filter(|found| found["matchLabels"].is_null())
    });
    let mut count = 0;
    for selector in selectors {
        for (label, value) in selector.as_object().unwrap() {
            assert_eq!(&labels[label], value);
        }
        count += 1;
    }
    // Deployment, Service, NetworkPolicy, PodDisruptionBudget.
    assert_eq!(count, 4);
}

/// People who look, and people who edit, by the roles that Kubernetes itself has.
#[test]
fn users_may_edit_applications_and_not_what_the_operator_remembers() {
    let Some(objects) = kustomize("cluster") else { return };
    let edit = the(&objects, "ClusterRole", "flinkapplications-edit");
    for rule in edit["rules"].as_array().unwrap() {
        assert_eq!(rule["resources"], json!(["flinkapplications"]));
    }
    for (role, granted) in [("view", ["view", "edit", "admin"].as_slice()), ("edit", &["edit", "admin"])] {
        let role = the(&objects, "ClusterRole", &format!("flinkapplications-{role}"));
        let labels = role["metadata"]["labels"].as_object().unwrap();
        let mut to: Vec<_> =
            labels.keys().filter_map(|label| label.strip_prefix("rbac.authorization.k8s.io/aggregate-to-")).collect();
        let mut granted = granted.to_vec();
        to.sort_unstable();
        granted.sort_unstable();
        assert_eq!(to, granted);
    }
}
