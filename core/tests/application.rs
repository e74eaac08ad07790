//! What a spec means, and what is said about one that means nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use flink_operator_core::application::{Application, DeleteMode, LastSpec, Problem, Spec};
use flink_operator_core::crd::FlinkApplication;
use serde_json::{Value, json};

fn manifest() -> Value {
    json!({
        "apiVersion": "flink.k8s.io/v1beta1",
        "kind": "FlinkApplication",
        "metadata": { "name": "app", "namespace": "ns", "uid": "uid-1", "generation": 3 },
        "spec": {
            "image": "repo/img:1", "flinkVersion": "1.16", "jarName": "a.jar", "parallelism": 5,
            "entryClass": "com.x.Main",
        },
    })
}

/// The application after a merge patch of its manifest: null takes a field away.
fn patched(patch: Value) -> Application {
    let mut patched = manifest();
    merge(&mut patched, patch);
    Application::parse(&serde_json::from_value(patched).unwrap())
}

fn merge(value: &mut Value, patch: Value) {
    match (value, patch) {
        (Value::Object(fields), Value::Object(patch)) => {
            for (name, patch) in patch {
                merge(fields.entry(name).or_insert(json!({})), patch);
            }
        }
        (value, patch) => *value = patch,
    }
}

fn with(spec: Value) -> Application {
    patched(json!({ "spec": spec }))
}

fn valid(spec: Value) -> Spec {
    Arc::unwrap_or_clone(with(spec).spec.unwrap())
}

fn problems(app: &Application) -> Vec<Problem> {
    app.spec.as_ref().unwrap_err().problems().cloned().collect()
}

#[test]
fn a_problem_names_the_field_the_cause_and_what_to_do() {
    let taskmanager = |config: Value| json!({ "spec": { "taskManagerConfig": config } });
    let cases = [
        (json!({ "spec": { "parallelism": 0 } }), "spec.parallelism", "0 is out of range", "from 1"),
        (json!({ "spec": { "parallelism": 3_000_000_000_u32 } }), "spec.parallelism", "out of range", "from 1"),
        (taskmanager(json!({ "taskSlots": 0 })), "spec.taskManagerConfig.taskSlots", "0 is", "from 1"),
        (json!({ "spec": { "jobManagerConfig": { "replicas": -1 } } }), "spec.jobManagerConfig.replicas", "-1", "1"),
        (
            taskmanager(json!({ "resources": { "limits": { "memory": "1gb" } } })),
            "spec.taskManagerConfig.resources.limits[\"memory\"]",
            "\"1gb\" is not a quantity",
            "1Gi",
        ),
        (
            taskmanager(json!({ "resources": { "requests": { "memory": "3Gi" }, "limits": { "memory": "3G" } } })),
            "spec.taskManagerConfig.resources.requests[\"memory\"]",
            "request 3Gi is more than the limit 3G",
            "lower the request",
        ),
        (
            taskmanager(json!({ "resources": { "limits": { "cpu": "1" } } })),
            "spec.taskManagerConfig.resources",
            "name any memory",
            "write requests.memory",
        ),
        (
            taskmanager(json!({ "resources": { "limits": { "memory": "1Gi", "cpu": "-1" } } })),
            "spec.taskManagerConfig.resources.limits[\"cpu\"]",
            "-1 is negative",
            "positive",
        ),
        (
            taskmanager(json!({ "offHeapMemoryFraction": 0.3 })),
            "spec.taskManagerConfig.offHeapMemoryFraction",
            "versions below 1.11, and spec.flinkVersion is 1.16",
            "write systemMemoryFraction",
        ),
        (
            json!({ "spec": { "flinkVersion": "1.7", "jobManagerConfig": { "systemMemoryFraction": 0.3 } } }),
            "spec.jobManagerConfig.systemMemoryFraction",
            "1.11 and later, and spec.flinkVersion is 1.7",
            "write offHeapMemoryFraction",
        ),
        (
            taskmanager(json!({ "systemMemoryFraction": 1.5 })),
            "spec.taskManagerConfig.systemMemoryFraction",
            "1.5 is no fraction",
            "0 to 1",
        ),
        (
            json!({ "spec": { "flinkConfig": { "a.b": ["c"] } } }),
            "spec.flinkConfig[\"a.b\"]",
            "neither a string, a number nor a boolean",
            "in quotes",
        ),
        (json!({ "spec": { "uiPort": 70000 } }), "spec.uiPort", "70000 is no port", "65535"),
        (json!({ "spec": { "uiPort": 6123 } }), "spec.uiPort", "port of something else", "another port"),
        (json!({ "spec": { "deleteMode": "Never" } }), "spec.deleteMode", "\"Never\" is not known", "ForceCancel"),
        (json!({ "spec": { "imagePullPolicy": "x" } }), "spec.imagePullPolicy", "not known", "IfNotPresent"),
        (json!({ "spec": { "deploymentMode": "x" } }), "spec.deploymentMode", "not known", "Dual"),
        (json!({ "spec": { "jarName": "lib/a.jar" } }), "spec.jarName", "by their file name", "without a path"),
        (json!({ "spec": { "jarName": "" } }), "spec.jarName", "empty", "write it"),
        (json!({ "spec": { "image": "" } }), "spec.image", "empty", "write it"),
        (
            json!({ "spec": { "deploymentMode": "BlueGreen", "scaleMode": "InPlace" } }),
            "spec.scaleMode",
            "BlueGreen runs two",
            "leave scaleMode out",
        ),
        (json!({ "spec": { "scaleMode": "x" } }), "spec.scaleMode", "not known", "NewCluster"),
        (json!({ "metadata": { "name": "1-app" } }), "metadata.name", "cannot name a Service", "with a letter"),
        (json!({ "metadata": { "name": "my.app" } }), "metadata.name", "cannot name a Service", "a-z"),
        (json!({ "metadata": { "name": "a".repeat(55) } }), "metadata.name", "55 characters", "at most 54"),
    ];
    for (patch, field, problem, advice) in cases {
        let app = patched(patch.clone());
        let found = problems(&app);
        let [only] = found.as_slice() else { panic!("{patch}: {found:?}") };
        assert_eq!(only.field, field);
        assert!(only.problem.contains(problem), "{only}");
        assert!(only.advice.contains(advice), "{only}");
        assert_eq!(app.spec.unwrap_err().to_string(), format!("{field}: {}; {}", only.problem, only.advice));
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let app = with(json!({ "parallelism": 0, "jarName": "", "uiPort": 0, "deleteMode": "x" }));
    let fields: Vec<_> = problems(&app).into_iter().map(|problem| problem.field).collect();
    assert_eq!(fields.len(), 4, "{fields:?}");
    assert_eq!(app.spec.unwrap_err().to_string().matches("; write").count(), 4);
}

#[test]
fn an_application_that_is_refused_still_has_its_name_and_its_uid() {
    let app = with(json!({ "parallelism": 0 }));
    assert_eq!((app.namespace.as_str(), app.name.as_str(), app.uid.as_str()), ("ns", "app", "uid-1"));
    assert_eq!(app.generation, 3);
}

#[test]
fn the_longest_name_is_served() {
    let app = patched(json!({ "metadata": { "name": "a".repeat(54) } }));
    assert!(app.spec.is_ok());
}

#[test]
fn defaults_are_the_originals() {
    let spec = valid(json!({}));
    assert_eq!(spec.ports.named().map(|(_, port)| port.get()), [6123, 6125, 6124, 8081, 50101]);
    assert_eq!((spec.image_pull_policy.as_str(), spec.delete_mode), ("IfNotPresent", DeleteMode::Savepoint));
    assert_eq!((spec.taskmanager.slots.get(), spec.taskmanager.replicas.get()), (16, 1));
    assert_eq!(spec.max_checkpoint_restore_age_seconds.get(), 3600);
    assert_eq!(spec.warnings, []);
}

#[test]
fn the_first_deploy_starts_from_the_savepoint_path_or_else_from_the_deprecated_one() {
    let old = json!({ "savepointInfo": { "savepointLocation": "s3://old" } });
    assert_eq!(valid(old).initial_savepoint.as_deref(), Some("s3://old"));
    let both = json!({ "savepointInfo": { "savepointLocation": "s3://old" }, "savepointPath": "s3://new" });
    assert_eq!(valid(both).initial_savepoint.as_deref(), Some("s3://new"));
    assert_eq!(valid(json!({ "savepointPath": "" })).initial_savepoint, None);
}

#[test]
fn what_is_hardly_meant_is_a_warning() {
    let fields = |spec: Value| valid(spec).warnings.into_iter().map(|warning| warning.field).collect::<Vec<_>>();
    let several = json!({ "jobManagerConfig": { "replicas": 2 } });
    assert_eq!(fields(several), ["spec.jobManagerConfig.replicas"]);
    let available =
        json!({ "jobManagerConfig": { "replicas": 2 }, "flinkConfig": { "high-availability.type": "zookeeper" } });
    assert_eq!(fields(available), Vec::<String>::new());
    let lost = json!({ "flinkConfig": { "jobmanager.rpc.port": 1 } });
    assert_eq!(fields(lost), ["spec.flinkConfig[\"jobmanager.rpc.port\"]"]);
}

#[test]
fn what_shapes_pods_or_job_changes_the_digest() {
    let changes = [
        json!({ "image": "repo/img:2" }),
        json!({ "imagePullPolicy": "Always" }),
        json!({ "imagePullSecrets": [{ "name": "s" }] }),
        json!({ "serviceAccountName": "flink" }),
        json!({ "securityContext": { "runAsUser": 1 } }),
        json!({ "flinkConfig": { "a": "b" } }),
        json!({ "flinkVersion": "1.7" }),
        json!({ "jobManagerConfig": { "replicas": 2 } }),
        json!({ "jobManagerConfig": { "systemMemoryFraction": 0.3 } }),
        json!({ "jobManagerConfig": { "nodeSelector": { "a": "b" } } }),
        json!({ "taskManagerConfig": { "taskSlots": 4 } }),
        json!({ "taskManagerConfig": { "tolerations": [{ "operator": "Exists" }] } }),
        json!({ "taskManagerConfig": { "envConfig": { "env": [{ "name": "A", "value": "b" }] } } }),
        json!({ "taskManagerConfig": { "resources": { "limits": { "memory": "2Gi" } } } }),
        json!({ "jarName": "b.jar" }),
        json!({ "parallelism": 6 }),
        json!({ "entryClass": "com.x.Other" }),
        json!({ "programArgs": "--x" }),
        json!({ "rpcPort": 7000 }),
        json!({ "uiPort": 7000 }),
        json!({ "volumes": [{ "name": "v", "emptyDir": {} }] }),
        json!({ "volumeMounts": [{ "name": "v", "mountPath": "/v" }] }),
        json!({ "restartNonce": "again" }),
    ];
    let mut digests = vec![valid(json!({})).digest().clone()];
    digests.extend(changes.map(|change| valid(change).digest().clone()));
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn what_is_said_in_other_words_is_the_same_digest() {
    let plain = valid(json!({})).digest().clone();
    let same = [
        json!({ "imagePullPolicy": "IfNotPresent", "uiPort": 8081, "rpcPort": 6123 }),
        json!({ "taskManagerConfig": { "taskSlots": 16, "systemMemoryFraction": 0.2, "tolerations": [] } }),
        json!({ "taskManagerConfig": { "resources": {
            "requests": { "cpu": "2000m", "memory": "1Gi" }, "limits": { "cpu": 2, "memory": "1048576Ki" },
        } } }),
        json!({ "taskManagerConfig": { "resources": { "limits": { "cpu": "2", "memory": "1Gi" } } } }),
        json!({ "programArgs": "", "restartNonce": "", "serviceAccountName": "", "volumes": [], "flinkConfig": {} }),
        json!({ "securityContext": {}, "jobManagerConfig": { "affinity": {}, "replicas": 1 } }),
        json!({ "flinkVersion": "1.20", "flinkConfig": { "jobmanager.rpc.address": "lost" } }),
        // Modes, and what only the first deploy or the end of the job asks for.
        json!({ "deploymentMode": "Dual", "deleteMode": "None", "scaleMode": "NewCluster" }),
        json!({ "savepointPath": "s3://x", "allowNonRestoredState": true, "maxCheckpointRestoreAgeSeconds": 5 }),
    ];
    for spec in same {
        assert_eq!(*valid(spec.clone()).digest(), plain, "{spec}");
    }
    let noise = patched(json!({ "metadata": { "labels": { "a": "b" }, "annotations": { "c": "d" } } }));
    assert_eq!(*noise.spec.unwrap().digest(), plain);
    let number = valid(json!({ "flinkConfig": { "a": 1 } }));
    assert_eq!(number.digest(), valid(json!({ "flinkConfig": { "a": "1" } })).digest());
}

#[test]
fn the_digest_stays_what_it_is_from_release_to_release() {
    // Another digest deploys every running application again. Change it only where that is meant.
    let spec = valid(json!({
        "flinkConfig": { "state.backend": "rocksdb", "parallelism.default": 2 },
        "volumes": [{ "name": "v", "emptyDir": { "sizeLimit": "1Gi" } }],
        "taskManagerConfig": { "resources": { "limits": { "cpu": "1", "memory": "2Gi" } } },
    }));
    assert_eq!(spec.digest().as_str(), "27a4bdcba50e9f3cffbafc01ac29be20b7d7a7e4e395bd7cb08be0b4ace7d3ae");
}

#[test]
fn an_application_is_written_as_its_manifest_without_the_status() {
    let mut written = manifest();
    written["metadata"]["finalizers"] = json!(["other", "job.finalizers.flink.k8s.io"]);
    written["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z".into();
    written["metadata"]["labels"] = json!({ "team": "a" });
    let mut resource: FlinkApplication = serde_json::from_value(written.clone()).unwrap();
    resource.status = Some(Default::default());
    let app = Application::parse(&resource);
    assert!(app.finalized);
    assert_eq!(app.deletion.map(|time| time.to_string()).as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(app.labels["team"], "a");
    assert_eq!(serde_json::to_value(&app).unwrap(), written);
    let reread: Application = serde_json::from_value(written).unwrap();
    assert_eq!(reread, app);
    assert_eq!(reread.spec, app.spec);
}

#[test]
fn a_spec_is_read_anew_with_its_generation_and_its_application_and_not_otherwise() {
    let mut last = LastSpec::default();
    let mut images = |patch: Value| {
        let mut patched = manifest();
        merge(&mut patched, patch);
        let resource = Arc::new(serde_json::from_value(patched).unwrap());
        Application::parse_again(&resource, &mut last).spec.unwrap().image.clone()
    };
    assert_eq!(images(json!({})), "repo/img:1");
    let cheat = json!({ "image": "repo/img:2" });
    assert_eq!(images(json!({ "spec": cheat })), "repo/img:1", "it was read anew, though its generation is the same");
    assert_eq!(images(json!({ "spec": cheat, "metadata": { "generation": 4 } })), "repo/img:2");
    assert_eq!(images(json!({ "metadata": { "generation": 4, "uid": "uid-2" } })), "repo/img:1");
    assert_eq!(images(json!({ "spec": cheat, "metadata": { "generation": null } })), "repo/img:2");
}
