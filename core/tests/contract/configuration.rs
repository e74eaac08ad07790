//! Environment and configuration of the containers (2.4, E1 to E9).

use flink_operator_core::application::Colour;
use k8s_openapi::api::apps::v1::Deployment;
use serde_json::{Value, json};

use crate::{application, made, plain};

fn environment(deployment: &Deployment) -> Vec<Value> {
    plain(deployment)["spec"]["template"]["spec"]["containers"][0]["env"].as_array().unwrap().clone()
}

fn properties(deployment: &Deployment) -> String {
    let found = environment(deployment).into_iter().find(|it| it["name"] == "FLINK_PROPERTIES").unwrap();
    found["value"].as_str().unwrap().to_owned()
}

#[test]
fn the_environment_stands_in_the_originals_order() {
    let spec = json!({ "taskManagerConfig": { "envConfig": { "env": [{ "name": "MINE", "value": "1" }] } } });
    let made = made(spec, Some(Colour::Blue));
    let found = environment(&made.taskmanager);
    let names: Vec<&str> = found.iter().map(|variable| variable["name"].as_str().unwrap()).collect();
    let expected = [
        "AWS_METADATA_SERVICE_TIMEOUT",
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS",
        "APP_NAME",
        "OPERATOR_FLINK_CONFIG",
        "FLINK_PROPERTIES",
        "HOST_NAME",
        "HOST_IP",
        "FLINK_APPLICATION_VERSION",
        "FLINK_DEPLOYMENT_TYPE",
        "MINE",
    ];
    assert_eq!(names, expected);
    let values: Vec<&Value> = [0, 1, 2, 7, 8].into_iter().map(|index| &found[index]["value"]).collect();
    assert_eq!(values, ["5", "20", "app", "blue", "taskmanager"]);
    assert_eq!(found[3]["value"], found[4]["value"]);
    let field = |index: usize| found[index]["valueFrom"]["fieldRef"]["fieldPath"].clone();
    assert_eq!((field(5), field(6)), (json!("metadata.name"), json!("status.podIP")));
}

#[test]
fn addresses_follow_from_the_role_and_from_high_availability() {
    let addresses = |deployment: &Deployment| properties(deployment).split("\n\n").nth(1).unwrap().to_owned();
    let plain = made(json!({}), None);
    assert_eq!(addresses(&plain.jobmanager), "jobmanager.rpc.address: app-0a1b2c3d\n");
    let host = "taskmanager.host: $HOST_IP\n";
    assert_eq!(addresses(&plain.taskmanager), format!("jobmanager.rpc.address: app-0a1b2c3d\n{host}"));
    let available = made(json!({ "flinkConfig": { "high-availability": "zookeeper" } }), None);
    let id = "kubernetes.cluster-id: app-0a1b2c3d\nhigh-availability.cluster-id: /ns/app-0a1b2c3d\n";
    assert_eq!(addresses(&available.jobmanager), format!("{id}jobmanager.rpc.address: $HOST_IP\n"));
    assert_eq!(addresses(&available.taskmanager), format!("{id}{host}"));
}

#[test]
fn a_cluster_id_of_the_user_is_told_and_does_not_count() {
    let ids = json!({ "high-availability.cluster-id": "/mine", "kubernetes.cluster-id": "mine" });
    let with = |kind: &str| {
        let mut config = ids.clone();
        config["high-availability.type"] = kind.into();
        json!({ "flinkConfig": config })
    };
    let available = made(with("zookeeper"), None);
    for deployment in [&available.jobmanager, &available.taskmanager] {
        assert!(!properties(deployment).contains("mine"));
    }
    assert!(properties(&made(with("none"), None).jobmanager).contains("\nhigh-availability.cluster-id: /mine\n"));
    let told = |kind: &str| {
        let spec = application(with(kind)).spec.unwrap();
        spec.warnings.iter().filter(|told| told.field.contains("cluster-id")).count()
    };
    assert_eq!((told("zookeeper"), told("none")), (2, 0));
}

#[test]
fn memory_is_what_its_fraction_leaves_in_whole_kibibytes() {
    let size = |version: &str, config: Value| {
        let made = made(json!({ "flinkVersion": version, "jobManagerConfig": config }), None);
        let properties = properties(&made.jobmanager);
        let line = properties
            .lines()
            .find(|line| line.starts_with("jobmanager.heap.size") || line.contains("jobmanager.memory"));
        line.unwrap().to_owned()
    };
    assert_eq!(size("1.10", json!({})), "jobmanager.heap.size: 1572864k");
    assert_eq!(size("1.10", json!({ "offHeapMemoryFraction": 0.25 })), "jobmanager.heap.size: 2359296k");
    assert_eq!(size("1.11", json!({ "systemMemoryFraction": 0.0 })), "jobmanager.memory.process.size: 3145728k");
    let odd = json!({ "systemMemoryFraction": 0.3, "resources": { "requests": { "memory": "1000001" } } });
    assert_eq!(size("2.1", odd), "jobmanager.memory.process.size: 683k");
}
