//! The objects we make, beside those that the original makes of the same resource.
//!
//! The original's objects were recorded by running it; the record is no part of this repository.
//! Where it is not at hand, that test says that it did not run.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod originals;

use flink_operator_core::application::{Application, Colour};
use flink_operator_core::crd::FlinkApplication;
use flink_operator_core::id::RevisionId;
use flink_operator_core::manifest::{self, Manifests, names};
use flink_operator_core::memory::Revision;
use flink_operator_core::policy::Policy;
use k8s_openapi::api::core::v1::{Container, EnvVar};
use serde::Serialize;
use serde_json::{Value, json};

/// Renders a manifest as revision `0a1b2c3d`, after `change`.
fn rendered(policy: &Policy, change: impl FnOnce(&mut Value)) -> Manifests {
    let mut manifest = json!({
        "apiVersion": "flink.k8s.io/v1beta1",
        "kind": "FlinkApplication",
        "metadata": { "name": "app", "namespace": "ns", "uid": "uid-1" },
        "spec": {
            "image": "repo/img:1", "flinkVersion": "1.16", "jarName": "a.jar", "parallelism": 5,
            "entryClass": "com.x.Main",
        },
    });
    change(&mut manifest);
    render(manifest, policy, "0a1b2c3d", None)
}

fn render(manifest: Value, policy: &Policy, hash: &str, colour: Option<Colour>) -> Manifests {
    let resource: FlinkApplication = serde_json::from_value(manifest).unwrap();
    let app = Application::parse(&resource);
    let spec = app.spec.clone().unwrap();
    let revision = Revision {
        id: RevisionId::known(hash),
        digest: Some(spec.digest().clone()),
        number: 1,
        generation: 1,
        job: spec.job.clone(),
        colour,
        cluster: None,
    };
    manifest::render(&app, &spec, policy, &revision)
}

fn container(deployment: &k8s_openapi::api::apps::v1::Deployment) -> Container {
    deployment.spec.clone().unwrap().template.spec.unwrap().containers.remove(0)
}

fn variable(container: &Container, name: &str) -> String {
    let found: Vec<&EnvVar> = container.env.as_ref().unwrap().iter().filter(|env| env.name == name).collect();
    assert_eq!(found.len(), 1, "{name}");
    found[0].value.clone().unwrap()
}

#[test]
fn our_objects_are_the_originals() {
    let Some(cases) = originals::golden() else { return };
    let mut compared = 0;
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        let input = originals::served(case);
        let colour = input["status"].get("updatingVersion").map(|it| serde_json::from_value(it.clone()).unwrap());
        let made = render(input, &originals::policy(case), case["hash"].as_str().unwrap(), colour);
        let parts = [
            ("jobmanager", without_its_cluster_id(plain(&made.jobmanager))),
            ("taskmanager", without_its_cluster_id(plain(&made.taskmanager))),
            ("genericService", plain(&made.generic_service)),
            ("versionedService", known_before_it_is_ready(plain(&made.versioned_service))),
            ("ingress", made.ingress.as_ref().map_or(Value::Null, plain)),
        ];
        for (part, ours) in parts {
            // Not every case recorded every object.
            if let Some(theirs) = case.get(part) {
                assert_eq!(normal(ours), normal(theirs.clone()), "{name}: {part}");
                compared += 1;
            }
        }
    }
    println!("{compared} objects compared");
    assert!(compared >= 3 * cases.len());
}

/// With high availability our clusters have an id of their own, where the original's share Flink's default.
fn without_its_cluster_id(mut deployment: Value) -> Value {
    let container = &mut deployment["spec"]["template"]["spec"]["containers"][0];
    for variable in container["env"].as_array_mut().unwrap() {
        if let Some(text) = variable["value"].as_str().filter(|text| text.contains("\nkubernetes.cluster-id: ")) {
            let (ours, others): (Vec<&str>, _) =
                text.split_inclusive('\n').partition(|line| line.starts_with("high-availability.cluster-id: "));
            assert_eq!(ours.len(), 1, "{text}");
            variable["value"] = others.concat().into();
        }
    }
    deployment
}

/// The one thing that our Services say and the original's do not.
fn known_before_it_is_ready(mut service: Value) -> Value {
    let said = service["spec"].as_object_mut().unwrap().remove("publishNotReadyAddresses");
    assert_eq!(said, Some(json!(true)));
    service
}

fn plain(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap()
}

/// Both sides without what differs on purpose or says nothing.
fn normal(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            // Go writes these although they are empty; the API server ignores them.
            fields.retain(|name, value| {
                let empty = matches!((name.as_str(), &*value), ("creationTimestamp", Value::Null) | ("status", _))
                    || (name == "targetPort" && *value == 0)
                    || (name == "resources" && *value == json!({}));
                !empty
            });
            for (name, value) in fields.iter_mut() {
                // The original draws the selector at random, we derive it.
                let selector = name == "pod-deployment-selector";
                *value = if selector { "derived".into() } else { normal(value.take()) };
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = normal(item.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

#[test]
fn a_small_application_becomes_two_deployments_and_two_services() {
    let made = rendered(&Policy::default(), |_| {});
    let name = |metadata: &k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta| metadata.name.clone().unwrap();
    assert_eq!(name(&made.jobmanager.metadata), "app-0a1b2c3d-jm");
    assert_eq!(name(&made.taskmanager.metadata), "app-0a1b2c3d-tm");
    assert_eq!(name(&made.generic_service.metadata), "app");
    assert_eq!(name(&made.versioned_service.metadata), "app-0a1b2c3d");
    assert_eq!(made.ingress, None);
    let owner = &made.jobmanager.metadata.owner_references.as_ref().unwrap()[0];
    assert_eq!((owner.uid.as_str(), owner.controller, owner.block_owner_deletion), ("uid-1", Some(true), Some(true)));
    let jobmanager = container(&made.jobmanager);
    assert_eq!(
        variable(&jobmanager, "FLINK_PROPERTIES"),
        "blob.server.port: 6125\njobmanager.memory.process.size: 2516582k\njobmanager.rpc.port: 6123\n\
         jobmanager.web.port: 8081\nmetrics.internal.query-service.port: 50101\nquery.server.port: 6124\n\
         taskmanager.memory.process.size: 838860k\ntaskmanager.numberOfTaskSlots: 16\n\n\
         jobmanager.rpc.address: app-0a1b2c3d\n"
    );
    let taskmanager = container(&made.taskmanager);
    assert!(variable(&taskmanager, "OPERATOR_FLINK_CONFIG").ends_with("taskmanager.host: $HOST_IP\n"));
    assert_eq!(taskmanager.args, Some(vec!["taskmanager".to_owned()]));
    assert_eq!(taskmanager.ports.unwrap().len() + 1, jobmanager.ports.unwrap().len());
}

#[test]
fn there_are_as_many_taskmanagers_as_the_parallelism_needs_slots() {
    let replicas = |parallelism: u32, slots: u32| {
        let made = rendered(&Policy::default(), |manifest| {
            manifest["spec"]["parallelism"] = parallelism.into();
            manifest["spec"]["taskManagerConfig"] = json!({ "taskSlots": slots });
        });
        made.taskmanager.spec.unwrap().replicas.unwrap()
    };
    assert_eq!((replicas(16, 16), replicas(17, 16), replicas(1, 16), replicas(5, 2)), (1, 2, 1, 3));
}

#[test]
fn services_select_the_jobmanager_of_their_revision_and_nothing_else() {
    let made = rendered(&Policy::default(), |manifest| {
        // A label that the original let stand in the way of its own (the Services then led nowhere).
        manifest["metadata"]["labels"] = json!({
            "flink-app": "other", "flink-app-hash": "other", "pod-deployment-selector": "other", "team": "a",
        });
    });
    let labels = |deployment: &k8s_openapi::api::apps::v1::Deployment| {
        deployment.spec.clone().unwrap().template.metadata.unwrap().labels.unwrap()
    };
    let (jobmanager, taskmanager) = (labels(&made.jobmanager), labels(&made.taskmanager));
    assert_eq!(jobmanager["team"], "a");
    assert!(!jobmanager.contains_key("flink-app-hash"));
    for service in [&made.generic_service, &made.versioned_service] {
        let selector = service.spec.as_ref().unwrap().selector.clone().unwrap();
        assert!(selector.iter().all(|label| jobmanager.get_key_value(label.0) == Some(label)));
        assert!(!selector.iter().all(|label| taskmanager.get_key_value(label.0) == Some(label)));
    }
    let selector = made.jobmanager.spec.unwrap().selector.match_labels.unwrap();
    assert_eq!(selector, jobmanager);
    assert_ne!(taskmanager["pod-deployment-selector"], jobmanager["pod-deployment-selector"]);
}

#[test]
fn high_availability_is_known_under_both_keys() {
    let address = |key: &str, value: &str| {
        let made = rendered(&Policy::default(), |manifest| manifest["spec"]["flinkConfig"] = json!({ key: value }));
        let properties = variable(&container(&made.jobmanager), "FLINK_PROPERTIES");
        properties.split("\n\n").nth(1).unwrap().to_owned()
    };
    let highly_available = "kubernetes.cluster-id: app-0a1b2c3d\n\
        high-availability.cluster-id: /ns/app-0a1b2c3d\njobmanager.rpc.address: $HOST_IP\n";
    assert_eq!(address("high-availability", " ZooKeeper "), highly_available);
    assert_eq!(address("high-availability.type", "kubernetes"), highly_available);
    assert_eq!(address("high-availability.type", "None"), "jobmanager.rpc.address: app-0a1b2c3d\n");
}

#[test]
fn memory_is_taken_from_the_limit_when_there_is_no_request() {
    let made = rendered(&Policy::default(), |manifest| {
        manifest["spec"]["taskManagerConfig"] = json!({ "resources": { "limits": { "memory": "2Gi", "cpu": 1 } } });
    });
    let properties = variable(&container(&made.taskmanager), "FLINK_PROPERTIES");
    assert!(properties.contains("taskmanager.memory.process.size: 1677721k\n"), "{properties}");
}

#[test]
fn flink_before_1_11_is_given_a_heap() {
    let made = rendered(&Policy::default(), |manifest| manifest["spec"]["flinkVersion"] = "1.7".into());
    let properties = variable(&container(&made.jobmanager), "FLINK_PROPERTIES");
    assert!(properties.contains("jobmanager.heap.size: 1572864k\n"), "{properties}");
    assert!(properties.contains("taskmanager.heap.size: 524288k\n"), "{properties}");
}

#[test]
fn numbers_and_booleans_of_the_configuration_are_printed_as_they_were_written() {
    let made = rendered(&Policy::default(), |manifest| {
        manifest["spec"]["flinkConfig"] = json!({
            "a.integer": 10_000_000, "a.fraction": 0.25, "a.switch": true, "a.text": "5s",
            // The operator's own keys: its values count.
            "taskmanager.numberOfTaskSlots": 99, "jobmanager.rpc.address": "nope",
        });
    });
    let properties = variable(&container(&made.jobmanager), "FLINK_PROPERTIES");
    assert!(properties.starts_with("a.fraction: 0.25\na.integer: 10000000\na.switch: true\na.text: 5s\n"));
    assert!(properties.contains("numberOfTaskSlots: 16\n") && !properties.contains("nope"), "{properties}");
}

#[test]
fn the_users_annotations_are_copied_but_not_kubectls_memory_of_the_application() {
    let made = rendered(&Policy::default(), |manifest| {
        manifest["metadata"]["annotations"] =
            json!({ "k": "v", "kubectl.kubernetes.io/last-applied-configuration": "{}" });
        manifest["spec"]["restartNonce"] = "again".into();
        manifest["spec"]["programArgs"] = "--in x".into();
    });
    let on_deployment = made.jobmanager.metadata.annotations.clone().unwrap();
    let expected = json!({
        "k": "v",
        "restart-nonce": "again",
        "flink-job-properties": "jarName: a.jar\nparallelism: 5\nentryClass:com.x.Main\nprogramArgs:\"--in x\"",
    });
    assert_eq!(plain(&on_deployment), expected);
    let on_pods = made.jobmanager.spec.unwrap().template.metadata.unwrap().annotations.unwrap();
    assert_eq!(plain(&on_pods), json!({ "k": "v", "flink-app-hash": "0a1b2c3d" }));
}

#[test]
fn the_policy_names_containers_scheduler_and_host() {
    let policy = Policy {
        container_name_format: "%s-flink".into(),
        scheduler_name: "late".into(),
        ingress_url_format: "{{$jobCluster}}.flink.example".into(),
        ..Policy::default()
    };
    let made = rendered(&policy, |manifest| manifest["spec"]["uiPort"] = 9000.into());
    assert_eq!(container(&made.taskmanager).name, "taskmanager-flink");
    assert_eq!(made.jobmanager.spec.unwrap().template.spec.unwrap().scheduler_name.as_deref(), Some("late"));
    let rule = plain(&made.ingress.unwrap().spec.unwrap().rules.unwrap()[0]);
    assert_eq!(rule["host"], "app.flink.example");
    assert_eq!(rule["http"]["paths"][0]["backend"]["service"], json!({ "name": "app", "port": { "number": 9000 } }));
    assert_eq!(manifest::ui_port(&made.versioned_service.spec.unwrap().ports.unwrap()).map(u16::from), Some(9000));
}

#[test]
fn a_format_that_makes_no_container_name_is_found_out() {
    assert_eq!(names::container_format_problem(""), None);
    assert_eq!(names::container_format_problem("%s-flink"), None);
    for format in ["%s_flink", "Flink-%s", "%d", "-%s"] {
        assert!(names::container_format_problem(format).unwrap().contains(format));
    }
}

#[test]
fn an_object_tells_what_it_is_by_its_labels() {
    let made = rendered(&Policy::default(), |_| {});
    for (metadata, role) in [
        (&made.jobmanager.metadata, Some(names::Role::JobManager)),
        (&made.taskmanager.metadata, Some(names::Role::TaskManager)),
        (&made.versioned_service.metadata, None),
    ] {
        let labels = metadata.labels.as_ref();
        assert!(names::belongs_to(labels, "app") && !names::belongs_to(labels, "ap"));
        assert_eq!(names::revision_of(labels), Some(RevisionId::known("0a1b2c3d")));
        assert_eq!(names::role_of(labels), role);
    }
    assert_eq!(names::revision_of(made.generic_service.metadata.labels.as_ref()), None);
}
