//! The main job on a real Flink: from manifest to upgrade to deletion, and how long no job ran.
//!
//! Takes a minute, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use flink_operator_fixtures::process::{jobs, numbers, tasks};
use jiff::Timestamp;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use support::real::{Flink, Operator, arguments, manifest, real_flink, until_parts, until_running};
use support::{Directory, until};

#[tokio::test]
async fn the_main_job_is_deployed_upgraded_and_deleted_and_no_number_is_lost_or_repeated() {
    if !real_flink() {
        return;
    }
    let directory = Directory::new();
    let mut sandbox = directory.start(&["--no-operator"]);
    let client = sandbox.client().await;
    let mut operator = Operator::start(&sandbox);
    let api: Api<FlinkApplication> = Api::default_namespaced(client.clone());
    let out = directory.run().join("data/numbers");

    api.create(&PostParams::default(), &manifest("numbers", "first")).await.unwrap();
    until_running(&api, "numbers", 1).await;
    until_parts(&out, "first", 3).await;
    let edits = [
        ("second", json!({"parallelism": 2, "programArgs": arguments("numbers", "second")})),
        ("third", json!({"programArgs": arguments("numbers", "third")})),
    ];
    for (generation, (label, spec)) in (2..).zip(edits) {
        api.patch("numbers", &PatchParams::default(), &Patch::Merge(json!({"spec": spec}))).await.unwrap();
        let status = until_running(&api, "numbers", generation).await.status.unwrap();
        let from = status.deployed.unwrap().restored_from.unwrap();
        assert!(from.starts_with("file:") && from.contains("/savepoints/savepoint-"), "{from}");
        until_parts(&out, label, 3).await;
    }
    api.delete("numbers", &DeleteParams::default()).await.unwrap();
    until("it is gone", || async { api.get_opt("numbers").await.unwrap().is_none().then_some(()) }).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let none = || async { pods.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(()) };
    until("its pods are gone", none).await;
    assert_eq!(std::fs::read_dir(directory.run().join("savepoints")).unwrap().count(), 3);
    let found = numbers::check(&out).unwrap();
    assert!(found.exactly_once(), "{found:#?}");
    eprintln!("{} numbers in {} files, no gap, no repeat", found.last.unwrap(), found.parts.len());

    sandbox.until_it_prints("numbers: switched in", 2).await;
    let output = sandbox.output();
    for line in output.lines().filter(|line| line.contains("switched in")) {
        eprintln!("by the operator: {}", line.trim());
    }
    by_hand(&client, &api, &mut operator).await;
    sandbox.signal("INT");
    assert!(sandbox.ended().await.success());
    drop(operator);
    assert_eq!(directory.processes(), Vec::new());
}

/// The same calls as in an update, made one after the other on a second cluster like the first.
async fn by_hand(client: &Client, api: &Api<FlinkApplication>, operator: &mut Operator) {
    let name = "hand";
    api.create(&PostParams::default(), &manifest(name, "first")).await.unwrap();
    let status = until_running(api, name, 1).await.status.unwrap();
    operator.kill();
    let deployed = status.deployed.unwrap();
    let (revision, job) = (deployed.revision.id.to_string(), deployed.job.to_string());
    let (old, new) = (Flink::of(client, &format!("{name}-{revision}")), Flink::of(client, &format!("{name}-00000000")));
    let copied = [format!("{name}-{revision}-jm"), format!("{name}-{revision}-tm")];
    for deployment in &copied {
        copy::<Deployment>(client, deployment, &revision).await;
    }
    copy::<Service>(client, &format!("{name}-{revision}"), &revision).await;
    until("the second cluster has a slot", || async {
        (new.get("/overview".to_owned()).await?["slots-available"] == 1).then_some(())
    })
    .await;

    let began = Timestamp::now().as_millisecond();
    let trigger = format!("{:032x}", 7);
    old.post(&format!("/jobs/{job}/stop"), &json!({"drain": false, "triggerId": trigger})).await;
    let savepoint = until_soon(|| async {
        let answer = old.get(format!("/jobs/{job}/savepoints/{trigger}")).await?;
        answer["operation"]["location"].as_str().map(str::to_owned)
    })
    .await;
    let stopped = Timestamp::now().as_millisecond();
    let new_job = format!("{:032x}", 8);
    let run = json!({
        "jobId": new_job, "entryClass": jobs::ENTRY_CLASS, "parallelism": 1, "savepointPath": savepoint,
        "programArgsList": arguments(name, "second").split(' ').collect::<Vec<_>>(),
    });
    new.post(&format!("/jars/{}/run", jobs::JAR), &run).await;
    let running = until("the tasks run", || tasks::running_since(&new_job, |path| new.get(path))).await;
    eprintln!(
        "by hand: switched in {} ms: {} ms from the stop request to the submission, {} ms until all new tasks ran",
        running - began,
        stopped - began,
        running - stopped
    );
}

/// Looks every 20 ms.
async fn until_soon<T, F: Future<Output = Option<T>>>(look: impl Fn() -> F) -> T {
    loop {
        if let Some(found) = look().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Makes an object like another one, of a revision that no operator knows.
async fn copy<K>(client: &Client, name: &str, revision: &str)
where
    K: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let api: Api<K> = Api::default_namespaced(client.clone());
    let text = serde_json::to_string(&api.get(name).await.unwrap()).unwrap();
    let mut object: Value = serde_json::from_str(&text.replace(revision, "00000000")).unwrap();
    let metadata = object["metadata"].as_object_mut().unwrap();
    metadata.retain(|key, _| key == "name" || key == "labels");
    object.as_object_mut().unwrap().remove("status");
    api.create(&PostParams::default(), &serde_json::from_value(object).unwrap()).await.unwrap();
}
