//! The resource: its definition, and what the API server's schema keeps of what is written.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::BTreeSet;
use std::path::Path;

use flink_operator_core::application::Application;
use flink_operator_core::crd::{self, FlinkApplication};
use serde_json::{Map, Value, json};

const WORD_COUNT: &str = include_str!("resource/word-count.yaml");
const FULL: &str = include_str!("resource/full.yaml");

/// That the text is fresh is checked where it is generated, by `flinkk8soperator docs`.
#[test]
fn the_definition_in_deploy_reads_back_as_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/crd.yaml");
    let committed = std::fs::read_to_string(&path).unwrap();
    let same = yaml(&committed) == serde_json::to_value(crd::definition()).unwrap();
    assert!(same, "deploy/crd.yaml is stale; write it anew: cargo run -p flinkk8soperator -- docs");
}

#[test]
fn the_definition_fits_into_the_annotation_of_kubectl_apply() {
    assert!(serde_json::to_string(&crd::definition()).unwrap().len() < 128 * 1024);
}

#[test]
fn the_schema_is_structural() {
    // What the API server demands of every schema, and the words that it does not take.
    each_schema(crd::schema_of_the_resource(), "", &mut |schema, path| {
        let typed = schema.get("type").is_some_and(Value::is_string);
        let untyped = ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-int-or-string"];
        assert!(typed || untyped.iter().any(|word| schema.get(*word) == Some(&json!(true))), "{path} has no type");
        assert!(!schema.contains_key("default"), "{path} has a default");
        assert!(!schema.contains_key("$ref"), "{path} has a reference");
        for word in ["allOf", "anyOf", "oneOf", "not", "uniqueItems", "patternProperties", "const"] {
            assert!(!schema.contains_key(word), "{path} has {word}");
        }
    });
}

#[test]
fn every_field_of_ours_is_described() {
    let schema = crd::schema_of_the_resource();
    for object in ["spec", "status"] {
        for (name, field) in schema["properties"][object]["properties"].as_object().unwrap() {
            assert!(field["description"].is_string(), "{object}.{name}");
        }
    }
}

#[test]
fn kubectl_prints_the_columns_of_the_original() {
    let columns = crd::definition().spec.versions.remove(0).additional_printer_columns.unwrap();
    let titles: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    let expected = ["Phase", "Cluster Health", "Job Health", "Healthy TMs", "Total TMs", "Job Restarts", "Age"];
    assert_eq!(titles, expected);
    // A column whose path leads nowhere stays empty for ever.
    let schema = crd::schema_of_the_resource();
    for path in columns.iter().map(|column| &column.json_path).filter(|path| path.starts_with(".status")) {
        let pointer = path.replace('.', "/properties/");
        assert!(schema.pointer(&pointer).is_some(), "{path}");
    }
}

#[test]
fn a_manifest_written_for_the_original_is_read_unchanged() {
    for text in [WORD_COUNT, FULL] {
        let written = yaml(text);
        assert_eq!(crd::unknown_fields(&written), Vec::<String>::new());
        let read: FlinkApplication = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
        assert_eq!(crd::read(&written).unwrap(), read);
        let refusal = Application::parse(&read).spec.err();
        assert!(refusal.is_none(), "{}", refusal.unwrap());
    }
}

#[test]
fn quantities_and_ports_may_be_numbers() {
    let mut manifest = yaml(WORD_COUNT);
    manifest["spec"]["taskManagerConfig"]["resources"]["limits"] = json!({ "nvidia.com/gpu": 1, "cpu": 0.5 });
    manifest["spec"]["uiPort"] = 9081.into();
    let read: FlinkApplication = serde_json::from_value(manifest).unwrap();
    let spec = Application::parse(&read).spec.unwrap();
    let limits = spec.taskmanager.pod.resources.limits.as_ref().unwrap();
    assert_eq!((limits["nvidia.com/gpu"].0.as_str(), limits["cpu"].0.as_str()), ("1", "500m"));
}

#[test]
fn a_full_spec_survives_the_schema() {
    let full = yaml(FULL);
    let schema = crd::schema_of_the_resource();
    let own = schema["properties"]["spec"]["properties"].as_object().unwrap().keys();
    for field in own {
        assert!(full["spec"].get(field).is_some(), "the manifest leaves out {field}");
    }
    let mut pruned = full.clone();
    prune(schema, &mut pruned);
    assert_eq!(pruned["spec"], full["spec"]);
}

#[test]
fn a_full_status_survives_the_schema() {
    let schema = crd::schema_of_the_resource();
    let status = full_status();
    for path in paths(&sample(&schema["properties"]["status"], false)) {
        assert!(paths(&status).contains(&path), "the status leaves out {path}");
    }
    let resource: FlinkApplication = serde_json::from_value(with_status(&status)).unwrap();
    let written = serde_json::to_value(&resource).unwrap();
    let mut pruned = written.clone();
    prune(schema, &mut pruned);
    assert_eq!(pruned, written);
    assert_eq!(pruned["status"], status);
}

#[test]
fn whatever_the_schema_admits_can_be_read() {
    // One resource that the API server admits and the types refuse would blind the whole watch.
    let schema = crd::schema_of_the_resource();
    for with_nulls in [false, true] {
        let mut admitted = sample(schema, with_nulls);
        admitted["metadata"] = json!({ "name": "app" });
        let read: FlinkApplication = serde_json::from_value(admitted.clone()).unwrap();
        admitted["apiVersion"] = "flink.k8s.io/v1beta1".into();
        admitted["kind"] = "FlinkApplication".into();
        assert_eq!(crd::read(&admitted).err().map(|refusal| refusal.to_string()), None);
        if !with_nulls {
            let written = paths(&serde_json::to_value(read).unwrap());
            let lost: Vec<_> = paths(&admitted).difference(&written).cloned().collect();
            assert_eq!(lost, Vec::<String>::new());
        }
    }
}

#[test]
fn a_status_of_the_original_is_read() {
    let status = json!({
        "phase": "", "deployHash": "", "retryCount": 0, "startedAt": null,
        "clusterStatus": { "availableTaskSlots": 0 },
        "jobStatus": { "jarName": "", "parallelism": 0, "lastFailingTime": null },
        "versionStatuses": [{ "clusterStatus": { "availableTaskSlots": 0 }, "jobStatus": {} }],
    });
    let resource: FlinkApplication = serde_json::from_value(with_status(&status)).unwrap();
    let status = resource.status.unwrap();
    assert_eq!((status.phase.as_deref(), status.deployed), (Some(""), None));
}

#[test]
fn a_misspelt_field_is_named() {
    let mut manifest = yaml(FULL);
    manifest["spec"]["paralelism"] = 3.into();
    manifest["spec"]["volumes"][1]["projekted"] = json!({});
    manifest["spec"]["flinkConfig"]["any.key"] = "is fine".into();
    manifest["specs"] = json!({});
    let unknown: BTreeSet<String> = crd::unknown_fields(&manifest).into_iter().collect();
    let expected = ["spec.paralelism", "spec.volumes[1].projekted", "specs"];
    assert_eq!(unknown, expected.map(str::to_owned).into());
}

#[test]
fn a_value_that_does_not_fit_is_named_with_its_field() {
    let cases = [
        ("/apiVersion", json!("apps/v1"), "apiVersion: it is \"apps/v1\"; write flink.k8s.io/v1beta1"),
        ("/kind", json!("Deployment"), "kind: it is \"Deployment\"; write FlinkApplication"),
        ("/spec", json!([]), "spec: it is a list; write a map"),
        ("/spec/parallelism", json!("3"), "spec.parallelism: it is a text; write a whole number"),
        ("/spec/parallelism", json!(0), "spec.parallelism: 0 is too small; write 1 or more"),
        ("/spec/uiPort", json!(70000), "spec.uiPort: 70000 is too large; write 65535 or less"),
        ("/spec/restartNonce", json!(7), "spec.restartNonce: it is a whole number; write a text in quotes"),
        (
            "/spec/volumeMounts/0/subPathExpr",
            json!(true),
            "spec.volumeMounts[0].subPathExpr: it is true or false; write a text in quotes",
        ),
        (
            "/spec/deleteMode",
            json!("Never"),
            "spec.deleteMode: \"Never\" is not known; write one of Savepoint, None, ForceCancel",
        ),
        (
            "/spec/jobManagerConfig/resources/limits/cpu",
            json!([]),
            "spec.jobManagerConfig.resources.limits.cpu: it is a list; write a number or a text",
        ),
        ("/spec/volumes/0", json!({}), "spec.volumes[0].name: it is missing; write it"),
    ];
    for (pointer, value, refusal) in cases {
        let mut manifest = yaml(FULL);
        *manifest.pointer_mut(pointer).unwrap() = value;
        assert_eq!(crd::read(&manifest).unwrap_err().to_string(), refusal);
    }
    let mut several = yaml(FULL);
    several["spec"].as_object_mut().unwrap().remove("jarName");
    several["spec"]["jarname"] = "a.jar".into();
    several["spec"]["volumes"] = Value::Null;
    let refusal = crd::read(&several).unwrap_err().to_string();
    let unknown = "spec.jarname: the resource has no such field; correct its spelling or leave it out";
    assert_eq!(refusal, format!("{unknown}. spec.jarName: it is missing; write it"));
    assert!(crd::read(&json!("text")).is_err());
}

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn with_status(status: &Value) -> Value {
    let mut manifest = yaml(WORD_COUNT);
    manifest["status"] = status.clone();
    manifest
}

/// A status in which nothing is left out.
fn full_status() -> Value {
    let (time, exact) = ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.678901Z");
    let job = json!({
        "jobOverviewURL": "app.example/#/jobs/a1", "jobID": "a1", "health": "Green", "state": "RUNNING",
        "jarName": "a.jar", "parallelism": 2, "entryClass": "com.x.Main", "programArgs": "--x",
        "allowNonRestoredState": false, "startTime": time, "jobRestartCount": 1, "completedCheckpointCount": 2,
        "failedCheckpointCount": 3, "restorePath": "s3://r", "restoreTime": time, "lastFailingTime": time,
        "lastCheckpoint": "s3://c", "lastCheckpointTime": time, "runningTasks": 4, "totalTasks": 4,
        "checkpointing": true,
        "refreshTime": time,
    });
    let cluster = json!({
        "clusterOverviewURL": "app.example/#/overview", "health": "Yellow", "numberOfTaskManagers": 2,
        "healthyTaskManagers": 1, "numberOfTaskSlots": 4, "availableTaskSlots": 0,
    });
    let revision = json!({
        "id": "0a1b2c3d", "digest": "d1", "number": 3, "generation": 7,
        "job": {
            "jarName": "a.jar", "entryClass": "com.x.Main", "programArgs": "", "parallelism": 2,
            "allowNonRestoredState": false,
        },
        "colour": "green",
        "cluster": {
            "digest": "c1", "taskmanagers": 1,
            "ports": { "rpc": 6123, "blob": 6125, "query": 6124, "ui": 8081, "metrics": 50101 },
        },
    });
    let deployed = json!({
        "revision": revision, "job": "a1", "nextStop": 1, "restoredFrom": "s3://s", "attempt": 2, "givenUp": true,
        "stopAsked": true,
    });
    let mut status = json!({
        "phase": "Savepointing", "startedAt": time, "lastUpdatedAt": time, "reason": "r",
        "deployVersion": "blue", "updatingVersion": "green",
        "clusterStatus": cluster, "jobStatus": job,
        "versionStatuses": [
            { "appVersion": "blue", "versionHash": "h", "clusterStatus": cluster, "jobStatus": job },
        ],
        "failedDeployHash": "f", "rollbackHash": "r", "deployHash": "d", "updatingHash": "u",
        "teardownHash": "t", "inPlaceUpdatedFromHash": "i", "savepointTriggerId": "s", "savepointPath": "s3://s",
        "retryCount": 2,
        "lastSeenError": {
            "appError": "e", "method": "SubmitJob", "errorCode": "500", "isRetryable": true, "isFailFast": false,
            "maxRetries": 20, "lastErrorUpdateTime": time,
        },
        "deploymentMode": "Dual",
        "observedGeneration": 7,
        "conditions": [{
            "type": "Ready", "status": "False", "reason": "SavepointRequested", "message": "m",
            "lastTransitionTime": time, "observedGeneration": 7,
        }],
        "deploys": 3,
        "deployed": deployed,
        "second": deployed,
        "tornDown": "d2",
        "failed": {
            "digest": "d0", "revision": "11111111", "generation": 6, "reason": "R", "message": "m", "time": exact,
        },
        "stopped": { "job": "a1", "state": "s3://s" },
    });
    status.as_object_mut().unwrap().append(memory_of_every_phase(&revision).as_object_mut().unwrap());
    status
}

/// No status has all of these; each is of one phase.
fn memory_of_every_phase(revision: &Value) -> Value {
    let exact = "2026-01-02T03:04:05.678901Z";
    let tries = json!({ "failed": 1, "notBefore": exact });
    let launch = json!({
        "target": revision, "since": exact, "attempt": 1, "tries": tries,
        "restoreFrom": "s3://s", "accepted": exact,
    });
    json!({
        "updating": { "target": revision, "since": exact, "tries": tries },
        "clusterStarting": { "target": revision, "since": exact },
        "savepointing": { "target": revision, "since": exact, "tries": tries },
        "rescaling": { "target": revision, "since": exact },
        "cancelling": { "target": revision, "since": exact, "tries": tries },
        "recovering": { "target": revision, "since": exact, "cause": "c", "cancelling": exact, "tries": tries },
        "submittingJob": launch,
        "rollingBackJob": { "since": exact, "clear": "a1", "launch": launch, "tries": tries },
        "dualRunning": { "since": exact, "tearing": { "revision": "0a1b2c3d", "since": exact, "tries": tries } },
        "running": { "since": exact },
        "deployFailed": { "since": exact },
        "deleting": {
            "since": exact, "holders": [{ "revision": "0a1b2c3d", "job": "a1", "nextStop": 2 }], "target": revision,
            "tries": tries, "blocked": "b",
        },
    })
}

/// Drops what the schema does not name, as the API server does.
fn prune(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            if schema["x-kubernetes-preserve-unknown-fields"] == true {
                return;
            }
            let below = |name: &str| schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
            // The API server knows metadata by itself.
            fields.retain(|name, _| below(name).is_some());
            let inside = fields.iter_mut().filter(|(name, _)| *name != "metadata");
            inside.for_each(|(name, value)| prune(below(name).unwrap(), value));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| prune(&schema["items"], item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A value with everything that a schema allows; null wherever it may be, if that is asked for.
fn sample(schema: &Value, with_nulls: bool) -> Value {
    if with_nulls && schema["nullable"] == true {
        return Value::Null;
    }
    let first = |words: &Value| words.as_array().unwrap()[0].clone();
    match (schema.get("enum"), schema["type"].as_str()) {
        (Some(words), _) => first(words),
        (None, Some("object")) => {
            let named = schema["properties"].as_object().into_iter().flatten();
            let mut fields: Map<String, Value> =
                named.map(|(name, below)| (name.clone(), sample(below, with_nulls))).collect();
            if let Some(below) = schema.get("additionalProperties") {
                fields.insert("key".into(), sample(below, with_nulls));
            }
            fields.into()
        }
        (None, Some("array")) => json!([sample(&schema["items"], with_nulls)]),
        (None, Some("integer")) => 1.into(),
        (None, Some("number")) => 0.5.into(),
        (None, Some("boolean")) => true.into(),
        (None, Some("string")) if schema["format"] == "date-time" => "2026-01-02T03:04:05.678901Z".into(),
        (None, Some("string")) => "text".into(),
        (None, None) => {
            if with_nulls {
                json!(1.5)
            } else {
                json!(1)
            }
        }
        (None, Some(unknown)) => panic!("a type {unknown}"),
    }
}

fn each_schema(schema: &Value, path: &str, visit: &mut impl FnMut(&Map<String, Value>, &str)) {
    visit(schema.as_object().unwrap(), path);
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        each_schema(below, &format!("{path}.{name}"), visit);
    }
    for word in ["items", "additionalProperties"] {
        if let Some(below) = schema.get(word) {
            each_schema(below, &format!("{path}.{word}"), visit);
        }
    }
}

/// The paths of all leaves.
fn paths(value: &Value) -> BTreeSet<String> {
    let below = |name: &str, value: &Value| -> Vec<String> {
        paths(value).into_iter().map(|path| format!(".{name}{path}")).collect()
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            fields.iter().flat_map(|(name, value)| below(name, value)).collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| below("[]", item)).collect(),
        Value::Object(_) | Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => [String::new()].into(),
    }
}
