//! The objects (2.1, K5 to K15, K19).

use flink_operator_core::application::Colour;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::{made, plain};

fn pod(deployment: &Deployment) -> Value {
    plain(deployment)["spec"]["template"]["spec"].take()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn names_of_a_version_carry_its_colour() {
    let named = |colour| {
        let made = made(json!({}), colour);
        let name = |object: Value| object["metadata"]["name"].as_str().unwrap().to_owned();
        let template = plain(&made.taskmanager)["spec"]["template"]["metadata"]["name"].as_str().unwrap().to_owned();
        [
            name(plain(&made.jobmanager)),
            name(plain(&made.taskmanager)),
            template,
            name(plain(&made.generic_service)),
            name(plain(&made.versioned_service)),
            name(plain(&made.ingress)),
        ]
    };
    let dual = ["app-0a1b2c3d-jm", "app-0a1b2c3d-tm", "app-0a1b2c3d-tm-pod", "app", "app-0a1b2c3d", "app"];
    assert_eq!(named(None), dual);
    let blue =
        ["app-0a1b2c3d-blue-jm", "app-0a1b2c3d-blue-tm", "app-0a1b2c3d-tm-pod", "app-blue", "app-0a1b2c3d", "app-blue"];
    assert_eq!(named(Some(Colour::Blue)), blue);
}

#[test]
fn labels_and_annotations_are_where_the_original_has_them() {
    let jobmanager = plain(&made(json!({ "restartNonce": "n" }), Some(Colour::Blue)).jobmanager);
    let shared = json!({
        "flink-app": "app", "flink-application-version": "blue", "flink-deployment-type": "jobmanager", "team": "a",
    });
    let with = |key: &str, value: &str| {
        let mut labels = shared.clone();
        labels[key] = value.into();
        labels
    };
    assert_eq!(jobmanager["metadata"]["labels"], with("flink-app-hash", "0a1b2c3d"));
    let selector = with("pod-deployment-selector", "0a1b2c3d");
    assert_eq!(jobmanager["spec"]["selector"], json!({ "matchLabels": selector }));
    let template = &jobmanager["spec"]["template"]["metadata"];
    assert_eq!(template["labels"], selector);
    assert_eq!(template["namespace"], "ns");
    let annotations = json!({
        "flink-application-version": "blue", "note": "b", "restart-nonce": "n",
        "flink-job-properties": "jarName: a.jar\nparallelism: 5\nentryClass:com.x.Main\nprogramArgs:\"\"",
    });
    assert_eq!(jobmanager["metadata"]["annotations"], annotations);
    assert_eq!(template["annotations"], json!({ "flink-app-hash": "0a1b2c3d", "note": "b" }));
}

#[test]
fn pods_are_recreated_and_their_count_follows_from_the_spec() {
    let made = made(json!({ "jobManagerConfig": { "replicas": 2 }, "taskManagerConfig": { "taskSlots": 2 } }), None);
    for (deployment, replicas) in [(&made.jobmanager, 2), (&made.taskmanager, 3)] {
        let spec = &plain(deployment)["spec"];
        assert_eq!((&spec["strategy"], &spec["replicas"]), (&json!({ "type": "Recreate" }), &json!(replicas)));
    }
}

#[test]
fn a_pod_has_one_container_and_what_the_spec_gives_it() {
    let bare = pod(&made(json!({}), None).taskmanager);
    assert_eq!(keys(&bare), ["containers"]);
    let container = &bare["containers"][0];
    assert_eq!(keys(container), ["args", "env", "image", "imagePullPolicy", "name", "ports", "resources"]);
    assert_eq!((&container["args"], &container["name"]), (&json!(["taskmanager"]), &json!("taskmanager")));
    assert_eq!((&container["image"], &container["imagePullPolicy"]), (&json!("repo/img:1"), &json!("IfNotPresent")));
    let amounts = json!({ "cpu": "2", "memory": "1Gi" });
    assert_eq!(container["resources"], json!({ "limits": amounts, "requests": amounts }));
    let amounts = json!({ "cpu": "4", "memory": "3Gi" });
    let jobmanager = pod(&made(json!({}), None).jobmanager);
    assert_eq!(jobmanager["containers"][0]["resources"], json!({ "limits": amounts, "requests": amounts }));

    let given = json!({
        "volumes": [{ "name": "v", "emptyDir": {} }], "volumeMounts": [{ "name": "v", "mountPath": "/v" }],
        "imagePullSecrets": [{ "name": "s" }], "serviceAccountName": "flink", "securityContext": { "runAsUser": 1 },
        "taskManagerConfig": {
            "nodeSelector": { "a": "b" }, "tolerations": [{ "operator": "Exists" }],
            "affinity": { "podAffinity": {} },
            "envConfig": { "envFrom": [{ "configMapRef": { "name": "c" } }] },
        },
    });
    let full = pod(&made(given.clone(), None).taskmanager);
    for field in ["volumes", "imagePullSecrets", "serviceAccountName", "securityContext"] {
        assert_eq!(full[field], given[field], "{field}");
    }
    for field in ["nodeSelector", "tolerations", "affinity"] {
        assert_eq!(full[field], given["taskManagerConfig"][field], "{field}");
    }
    assert_eq!(full["containers"][0]["volumeMounts"], given["volumeMounts"]);
    assert_eq!(full["containers"][0]["envFrom"], given["taskManagerConfig"]["envConfig"]["envFrom"]);
    assert_eq!(pod(&made(given, None).jobmanager).get("nodeSelector"), None);
}

#[test]
fn ports_stand_in_the_originals_order() {
    let ports = |deployment: &Deployment| {
        let pod = pod(deployment);
        let ports = pod["containers"][0]["ports"].as_array().unwrap().clone();
        ports.iter().map(|port| format!("{} {}", port["name"].as_str().unwrap(), port["containerPort"])).collect()
    };
    let found: [Vec<String>; 2] = [ports(&made(json!({}), None).jobmanager), ports(&made(json!({}), None).taskmanager)];
    assert_eq!(found[0], ["rpc 6123", "blob 6125", "query 6124", "ui 8081", "metrics 50101"]);
    assert_eq!(found[1], ["rpc 6123", "blob 6125", "query 6124", "metrics 50101"]);
    let given = json!({ "rpcPort": 1, "blobPort": 2, "queryPort": 3, "uiPort": 4, "metricsQueryPort": 5 });
    assert_eq!(ports(&made(given, None).jobmanager), ["rpc 1", "blob 2", "query 3", "ui 4", "metrics 5"]);
}

#[test]
fn a_jobmanager_is_ready_when_its_overview_answers() {
    let made = made(json!({ "uiPort": 9081 }), None);
    let probe = json!({
        "httpGet": { "path": "/overview", "port": 9081 }, "initialDelaySeconds": 10, "timeoutSeconds": 1,
        "periodSeconds": 5, "successThreshold": 1, "failureThreshold": 2,
    });
    assert_eq!(pod(&made.jobmanager)["containers"][0]["readinessProbe"], probe);
    assert_eq!(pod(&made.taskmanager)["containers"][0].get("readinessProbe"), None);
}

#[test]
fn services_are_headless_and_lead_to_the_jobmanager_and_the_versioned_one_before_it_is_ready() {
    let made = made(json!({}), Some(Colour::Green));
    let ports = [("rpc", 6123), ("blob", 6125), ("query", 6124), ("ui", 8081), ("metrics", 50101)];
    let mut spec = json!({
        "type": "ClusterIP", "clusterIP": "None",
        "ports": ports.map(|(name, port)| json!({ "name": name, "port": port })),
        "selector": {
            "flink-app": "app", "flink-application-version": "green", "flink-deployment-type": "jobmanager",
            "pod-deployment-selector": "0a1b2c3d",
        },
    });
    let mut labels = json!({ "flink-app": "app", "flink-application-version": "green" });
    let generic = plain(&made.generic_service);
    assert_eq!((&generic["spec"], &generic["metadata"]["labels"]), (&spec, &labels));
    labels["flink-app-hash"] = "0a1b2c3d".into();
    spec["publishNotReadyAddresses"] = true.into();
    let versioned = plain(&made.versioned_service);
    assert_eq!((&versioned["spec"], &versioned["metadata"]["labels"]), (&spec, &labels));
    assert_eq!((generic["metadata"].get("annotations"), versioned["metadata"].get("annotations")), (None, None));
}

#[test]
fn an_ingress_has_one_rule_and_nothing_else() {
    for (colour, name) in [(None, "app"), (Some(Colour::Blue), "app-blue")] {
        let ingress = plain(&made(json!({ "uiPort": 9081 }), colour).ingress);
        let service = json!({ "name": name, "port": { "number": 9081 } });
        let path = json!({ "backend": { "service": service }, "pathType": "ImplementationSpecific" });
        let rule = json!({ "host": format!("{name}.example"), "http": { "paths": [path] } });
        assert_eq!(ingress["spec"], json!({ "rules": [rule] }));
        assert_eq!(ingress["apiVersion"], "networking.k8s.io/v1");
        assert_eq!(
            (&ingress["metadata"]["labels"]["team"], ingress["metadata"].get("annotations")),
            (&json!("a"), None)
        );
        assert_eq!(ingress["metadata"]["labels"]["flink-app"], "app");
    }
}

#[test]
fn every_object_goes_with_its_application() {
    let made = made(json!({}), None);
    let owner = json!([{
        "apiVersion": "flink.k8s.io/v1beta1", "kind": "FlinkApplication", "name": "app", "uid": "uid-1",
        "controller": true, "blockOwnerDeletion": true,
    }]);
    let objects = [
        plain(&made.jobmanager),
        plain(&made.taskmanager),
        plain(&made.generic_service),
        plain(&made.versioned_service),
        plain(&made.ingress),
    ];
    for object in objects {
        assert_eq!(object["metadata"]["ownerReferences"], owner, "{}", object["kind"]);
    }
}
