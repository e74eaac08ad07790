//! The operator on a real Kubernetes with real Flink pods, given by E2E_KUBECONFIG; without it this says so. The job
//! fails as soon as a number is lost or comes twice, so a job that was never restarted has lost nothing.
//!
//! docs/testing.md says what the cluster needs, and which other variables there are.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "cluster/installed.rs"]
mod installed;
#[path = "deploy/rendered.rs"]
mod rendered;
mod support;
#[path = "cluster/visible.rs"]
mod visible;

use std::process::Command;
use std::time::Duration;

use flink_operator_core::crd::FlinkApplication;
use futures::StreamExt as _;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::ResourceQuota;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::runtime::watcher as watch;
use kube::runtime::watcher::{self, Event};
use serde_json::json;
use support::cut::Way;
use support::hand;
use support::site::{Site, now, until};
use support::{PROGRAM, word};

#[tokio::test]
async fn an_operator_outside_of_the_cluster_reaches_flink_through_the_api_server() {
    let Some(site) = Site::new("e2e-outside").await else { return };
    let mut operator = site.operator();
    site.create("stateful", json!({})).await;
    let first = site.until_running("stateful").await;
    let applied = now();
    let (effect, _) =
        tokio::join!(first_new_deployment(&site), site.patch("stateful", json!({ "programArgs": "--pause 11" })));
    let second = site.until_running("stateful").await;
    let (running, pods) = (now(), site.pods_took(&second).await);
    let from = second.status.clone().unwrap().deployed.unwrap().restored_from.unwrap();
    assert!(from.contains("/savepoints/savepoint-"), "{from}");
    assert_eq!(site.restarts(&second).await, 0, "nothing was lost or came twice");
    let stopped = operator.acted_at("SavepointRequested");
    let since = site.tasks_run_since(&second).await;
    eprintln!(
        "an update: {} ms from apply to the first effect, {} ms until it is Running (its pods needed {pods} s to \
         become ready), no job ran for {} ms",
        effect - applied,
        running - applied,
        since - stopped
    );
    assert_ne!(job(&first), job(&second));
    until("the first clean-up is told of", || site.told_at("ToreDownCluster")).await;
    visible::is_as_it_was(&site, &first, &second);

    is_planned_for_want_of_room(&site).await;
    operator.kill();
    let deployed = second.status.unwrap().deployed.unwrap();
    let job = hand::Job {
        client: &site.client,
        namespace: &site.namespace,
        application: "stateful",
        revision: deployed.revision.id.to_string(),
        id: deployed.job.to_string(),
        jar: "StatefulExample.jar",
        entry_class: "StatefulExample",
        arguments: "--pause 12".to_owned(),
        parallelism: 2,
    };
    let by_hand = job.moves_by_hand().await;
    let times = |took: i64, least: i64| took as f64 / least as f64;
    eprintln!("downtime: {:.2} times that of the same calls by hand", times(since - stopped, by_hand.pause));
    eprintln!(
        "the whole update: {:.2} times its pods and the calls by hand, {:.2} times a cluster and the calls by hand",
        times(running - applied, pods * 1000 + by_hand.pause),
        times(running - applied, by_hand.cluster + by_hand.pause)
    );
    site.clean_up().await;
}

/// The id of the deployed job.
fn job(application: &FlinkApplication) -> String {
    application.status.clone().unwrap().deployed.unwrap().job.to_string()
}

/// A quota that leaves no room for a second cluster is told of before it is met, and how long the last update took.
async fn is_planned_for_want_of_room(site: &Site) {
    let quotas: Api<ResourceQuota> = site.api();
    let quota = json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "3" } } });
    quotas.create(&PostParams::default(), &serde_json::from_value(quota).unwrap()).await.unwrap();
    let edited = site.manifest("stateful", &json!({ "programArgs": "--pause 13" }));
    let file = site.directory.write("edited.json", &serde_json::to_string(&edited).unwrap());
    let arguments = ["plan", "-f", word(&file), "--namespace", &site.namespace, "--kubeconfig", word(&site.kubeconfig)];
    let told = until("the quota is in the plan", || async {
        let begun = now();
        let output = Command::new(PROGRAM).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        eprintln!("planned in {} ms", now() - begun);
        text.contains("No room: quota small leaves").then_some(text)
    })
    .await;
    assert!(told.contains("Downtime: about "), "{told}");
    assert!(!told.contains("Not looked at"), "{told}");
    quotas.delete("small", &DeleteParams::default()).await.unwrap();
}

#[tokio::test]
async fn an_api_server_that_is_away_in_mid_upgrade_costs_time_and_nothing_else() {
    let Some(site) = Site::new("e2e-away").await else { return };
    let way = Way::to(&site.kubeconfig, &site.directory).await;
    let mut operator = site.operator_by(&way.kubeconfig, &[]);
    site.create("stateful", json!({})).await;
    site.until_running("stateful").await;
    site.patch("stateful", json!({ "programArgs": "--pause 11" })).await;
    site.until_phase("stateful", "ClusterStarting").await;
    way.cut();
    // Longer than its Lease is valid, and than the new pods need.
    tokio::time::sleep(Duration::from_secs(20)).await;
    way.open();
    let second = site.until_running("stateful").await;
    assert_eq!(site.running_jobs("stateful").await, 1);
    assert_eq!(site.restarts(&second).await, 0, "nothing was lost or came twice");
    assert!(operator.runs(), "it waits, and does not end");

    // A version that does not start: the old job goes on from the savepoint that it left.
    site.patch("stateful", json!({ "entryClass": "Nope" })).await;
    let failed = site.until_phase("stateful", "DeployFailed").await;
    let until_back = || async { (site.running_jobs("stateful").await == 1).then_some(()) };
    until("the job runs again", until_back).await;
    assert_eq!(site.restarts(&failed).await, 0, "nothing was lost or came twice");
    let described = site.kubectl(&["describe", "flinkapplication", "stateful"], "");
    assert!(described.contains("Nope"), "{described}");

    site.applications().delete("stateful", &DeleteParams::default()).await.unwrap();
    site.until_gone("stateful").await;
    assert!(site.told_at("CanceledJob").await.is_some(), "with a savepoint");
    site.until_no_pod_is_left().await;
    site.clean_up().await;
}

#[tokio::test]
async fn two_versions_run_side_by_side_until_one_is_torn_down() {
    let Some(site) = Site::new("e2e-versions").await else { return };
    let _operator = site.operator();
    site.create("stateful", json!({ "deploymentMode": "BlueGreen", "deleteMode": "ForceCancel" })).await;
    let first = site.until_phase("stateful", "Running").await;
    let hash = first.status.unwrap().deployed.unwrap().revision.id.to_string();
    site.patch("stateful", json!({ "programArgs": "--pause 11" })).await;
    let both = site.until_phase("stateful", "DualRunning").await;
    assert_eq!(site.running_jobs("stateful").await, 2);
    let columns = site.kubectl(&["get", "flinkapplication", "stateful"], "");
    assert!(columns.contains("DualRunning"), "{columns}");

    let versions = both.status.unwrap().version_statuses.unwrap();
    let old = versions.iter().find(|version| version.version_hash.as_deref() == Some(&hash)).unwrap();
    site.patch("stateful", json!({ "tearDownVersionHash": old.version_hash })).await;
    site.until_phase("stateful", "Running").await;
    assert_eq!(site.running_jobs("stateful").await, 1);
    site.applications().delete("stateful", &DeleteParams::default()).await.unwrap();
    site.until_gone("stateful").await;
    site.clean_up().await;
}

/// When the first Deployment from now on was created, as a watch tells it.
async fn first_new_deployment(site: &Site) -> i64 {
    let api: Api<Deployment> = site.api();
    let mut events = Box::pin(watch(api, watcher::Config::default()));
    let mut listed = false;
    while let Some(event) = events.next().await {
        match event.unwrap() {
            Event::InitDone => listed = true,
            Event::Apply(deployment) if listed && deployment.metadata.generation == Some(1) => return now(),
            Event::Init | Event::InitApply(_) | Event::Apply(_) | Event::Delete(_) => {}
        }
    }
    panic!("the watch ended")
}

#[tokio::test]
async fn what_the_definition_forbids_is_refused_by_the_api_server() {
    let Some(site) = Site::new("e2e-refusals").await else { return };
    let refused = async |spec| {
        let manifest = site.manifest("wrong", &spec);
        site.applications().create(&PostParams::default(), &manifest).await.unwrap_err().to_string()
    };
    for (spec, said) in [
        (json!({ "parallelism": 0 }), "spec.parallelism"),
        (json!({ "scaleMode": "InPlace", "deploymentMode": "BlueGreen" }), "scaleMode"),
        (json!({ "deleteMode": "Gently" }), "spec.deleteMode"),
    ] {
        let error = refused(spec).await;
        assert!(error.contains(said), "{error}");
    }
    // What nobody knows is told where kubectl asks for it, and dropped elsewhere.
    let mut manifest = serde_json::to_value(site.manifest("unknown", &json!({}))).unwrap();
    manifest["spec"]["paralelism"] = 3.into();
    let text = manifest.to_string();
    let (done, said) = site.try_kubectl(&["apply", "--validate=strict", "-f", "-"], &text);
    assert!(!done && said.contains("paralelism"), "{said}");
    site.clean_up().await;
}

#[tokio::test]
async fn why_pods_do_not_start_is_told_in_the_condition() {
    let Some(site) = Site::new("e2e-pods").await else { return };
    let _operator = site.operator();
    site.create("unpulled", json!({ "image": "localhost:1/no-such-image:1" })).await;
    let huge = json!({ "resources": { "requests": { "cpu": "1000", "memory": "1Gi" } } });
    site.create("unscheduled", json!({ "taskManagerConfig": huge })).await;
    for (name, reasons) in
        [("unpulled", &["ImagePullBackOff", "ErrImagePull"][..]), ("unscheduled", &["Unschedulable"])]
    {
        let told = || async {
            let said = site.condition(name, "Progressing").await;
            reasons.iter().any(|reason| said.contains(reason)).then_some(said)
        };
        eprintln!("{name}: {}", until(&format!("{name} says {reasons:?}"), told).await);
    }
    let none = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": { "name": "none" }, "spec": { "hard": { "pods": "0" } },
    });
    site.kubectl(&["apply", "-f", "-"], &none.to_string());
    site.create("forbidden", json!({})).await;
    let told =
        || async { Some(site.condition("forbidden", "Progressing").await).filter(|it| it.contains("exceeded quota")) };
    eprintln!("forbidden: {}", until("the quota is named", told).await);
    for name in ["unpulled", "unscheduled", "forbidden"] {
        site.applications().delete(name, &DeleteParams::default()).await.unwrap();
        site.until_gone(name).await;
    }
    // The garbage collector follows the owner references.
    let deployments: Api<Deployment> = site.api();
    let none = || async { deployments.list(&ListParams::default()).await.unwrap().items.is_empty().then_some(()) };
    until("all Deployments are gone", none).await;
    site.clean_up().await;
}

#[tokio::test]
async fn two_installations_in_one_namespace_are_told_of_and_run_no_job_twice() {
    let Some(site) = Site::new("e2e-rivals").await else { return };
    let _one = site.operator();
    let _other = site.operator_with(&["--lease-name", "another"]);
    site.create("stateful", json!({ "deleteMode": "None" })).await;
    site.until_running("stateful").await;
    site.patch("stateful", json!({ "programArgs": "--pause 11" })).await;
    let second = site.until_running("stateful").await;
    assert_eq!(site.running_jobs("stateful").await, 1);
    assert_eq!(site.restarts(&second).await, 0, "nothing was lost or came twice");
    until("they are told of", || site.told_at("AnotherOperator")).await;
    site.applications().delete("stateful", &DeleteParams::default()).await.unwrap();
    site.until_gone("stateful").await;
    site.clean_up().await;
}
