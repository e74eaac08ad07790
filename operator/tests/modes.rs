//! Every mode and every accident of the contract on a real Flink: two versions side by side, scaling in place, what
//! a failed deploy goes back to, jobs that end or are lost, and each way of deletion.
//!
//! Takes minutes, so it runs only when SANDBOX_REAL_FLINK is set; without Flink or a JDK it says so.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use flink_operator_fixtures::process::numbers;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use serde_json::{Value, json};
use support::real::{arguments, real_flink, until_parts};
use support::stage::Stage;
use support::until;

#[tokio::test]
async fn two_versions_run_side_by_side_until_one_is_torn_down() {
    if !real_flink() {
        return;
    }
    let mut stage = Stage::running(json!({ "deploymentMode": "BlueGreen" })).await;
    assert_eq!(stage.services().await.iter().filter(|name| *name == "numbers-green").count(), 1);

    stage.patch(json!({ "programArgs": arguments("blue", "blue") })).await;
    stage.until_phase("DualRunning").await;
    let blue = stage.directory.run().join("data/blue");
    until_parts(&blue, "blue", 2).await;
    stage.goes_on("deploy-1").await;
    assert_eq!(stage.running_jobs().await, 2, "both versions run");
    let status = stage.status().await;
    let (first, second) = (status.deployed.unwrap(), status.second.unwrap());
    let from = second.restored_from.unwrap();
    assert!(from.contains("/savepoints/savepoint-"), "the new version starts from a savepoint of the old: {from}");
    eprintln!("DualRunning: {:?}", stage.services().await);

    stage.patch(json!({ "tearDownVersionHash": first.revision.id })).await;
    stage.until_phase("Running").await;
    assert_eq!(stage.status().await.deployed.unwrap().job, second.job);
    assert_eq!(stage.running_jobs().await, 1, "the version that was not torn down runs");
    let services = stage.services().await;
    assert!(services.contains(&"numbers-blue".to_owned()) && !services.contains(&"numbers-green".to_owned()));
    until_parts(&blue, "blue", numbers::check(&blue).unwrap().parts.len() + 2).await;
    let (green, blue) = (stage.numbers(), numbers::check(&blue).unwrap());
    assert!(green.exactly_once(), "{green:#?}");
    assert!(blue.repeats.is_empty() && blue.gaps.len() == 1, "it goes on from the savepoint: {blue:#?}");
    assert!(blue.first <= green.last.map(|last| last + 1));
    eprintln!("torn down: green wrote 1 to {}, blue goes on from {}", green.last.unwrap(), blue.first.unwrap());
    stage.end().await;
}

#[tokio::test]
async fn a_job_is_scaled_up_and_down_in_place() {
    if !real_flink() {
        return;
    }
    let mut stage = Stage::running(json!({ "scaleMode": "InPlace" })).await;
    let (deployed, jobmanager) = (stage.status().await.deployed.unwrap(), jobmanagers(&stage).await);
    for parallelism in [3, 2] {
        stage.patch(json!({ "parallelism": parallelism })).await;
        let status = stage.until_running().await.status.unwrap();
        let after = status.deployed.unwrap();
        assert_eq!((&after.revision.id, jobmanagers(&stage).await), (&deployed.revision.id, jobmanager.clone()));
        assert!(after.restored_from.unwrap().contains("/savepoints/savepoint-"));
        let taskmanagers = || async { (pods(&stage, "taskmanager").await.len() == parallelism).then_some(()) };
        until("one TaskManager a slot", taskmanagers).await;
        stage.goes_on("deploy-1").await;
        eprintln!("scaled in place to {parallelism}");
    }
    let found = stage.numbers();
    assert!(found.exactly_once(), "{found:#?}");
    stage.end().await;
}

#[tokio::test]
async fn what_fails_or_is_forced_back_goes_on_as_the_job_before_with_its_state() {
    if !real_flink() {
        return;
    }
    let mut stage = Stage::running(json!({})).await;
    let before = stage.status().await.deployed.unwrap();

    // The program of the new version throws.
    stage.patch(json!({ "programArgs": "--nothing 1" })).await;
    stage.until_phase("DeployFailed").await;
    let status = stage.status().await;
    let (after, failed) = (status.deployed.unwrap(), status.failed.unwrap());
    assert_eq!((&after.revision.id, after.attempt), (&before.revision.id, 2));
    assert!(after.restored_from.unwrap().contains("/savepoints/savepoint-"));
    stage.goes_on("deploy-1").await;
    assert_eq!(stage.running_jobs().await, 1);
    eprintln!("rolled back: {}", failed.message);

    // The user gives the deploy up while its cluster starts: the job before was not touched.
    stage.edit(json!({})).await;
    stage.until_phase("ClusterStarting").await;
    stage.patch(json!({ "forceRollback": true })).await;
    stage.until_phase("DeployFailed").await;
    assert_eq!(stage.status().await.deployed.unwrap().attempt, 2);
    stage.goes_on("deploy-1").await;

    // The same while the new job is being submitted: the job before is started again.
    stage.edit(json!({ "forceRollback": false, "restartNonce": "again" })).await;
    stage.until_phase("SubmittingJob").await;
    stage.patch(json!({ "forceRollback": true })).await;
    stage.until_phase("DeployFailed").await;
    let status = stage.status().await;
    assert_eq!(status.deployed.unwrap().attempt, 3);
    assert_eq!(stage.running_jobs().await, 1);
    stage.goes_on("deploy-1").await;
    eprintln!("forced back: {}", status.failed.unwrap().message);

    stage.edit(json!({ "forceRollback": false, "restartNonce": "once more" })).await;
    stage.until_running().await;
    until_parts(&stage.out(), &stage.label(), 2).await;
    let found = stage.numbers();
    assert!(found.exactly_once(), "{found:#?}");
    stage.end().await;
}

#[tokio::test]
async fn a_job_that_finishes_is_a_good_end_and_is_deleted_without_a_savepoint() {
    if !real_flink() {
        return;
    }
    let stage = Stage::start().await;
    stage.create(json!({ "programArgs": format!("{} --last 3000", arguments("numbers", "deploy-1")) })).await;
    let finished = until("the job has finished", || async {
        let status = stage.status().await;
        (status.job_status.clone()?.state? == "FINISHED").then_some(status)
    })
    .await;
    assert_eq!(finished.phase.as_deref(), Some("Running"));
    eprintln!(
        "finished: {:?}",
        finished.conditions.unwrap().iter().map(|it| (&it.type_, &it.message)).collect::<Vec<_>>()
    );
    assert_eq!(stage.numbers().last, Some(3000));
    stage.delete().await;
    stage.until_nothing_is_left().await;
    assert_eq!(savepoints(&stage), 0);
    stage.end().await;
}

#[tokio::test]
async fn a_job_that_its_killed_jobmanager_forgot_goes_on_from_its_last_checkpoint() {
    if !real_flink() {
        return;
    }
    let keep = json!({ "flinkConfig": { "state.checkpoints.num-retained": "1000" } });
    let stage = Stage::running(keep).await;
    until("a checkpoint is known", || async { stage.status().await.job_status?.last_checkpoint_path }).await;
    let before = stage.status().await.deployed.unwrap();
    stage.directory.kill("StandaloneSessionClusterEntrypoint");
    let recovered = until("the job is recovered", || async {
        let status = stage.status().await;
        let deployed = status.deployed.clone()?;
        (deployed.attempt == 2 && status.phase.as_deref() == Some("Running")).then_some(deployed)
    })
    .await;
    assert_eq!(recovered.revision.id, before.revision.id);
    let from = recovered.restored_from.unwrap();
    assert!(from.contains("/chk-"), "{from}");
    stage.goes_on("deploy-1").await;
    assert_eq!(stage.running_jobs().await, 1);
    let found = stage.numbers();
    assert!(found.gaps.is_empty(), "{found:#?}");
    eprintln!("recovered from {from}; {:?} came again", found.repeats);
    stage.end().await;
}

#[tokio::test]
async fn each_delete_mode_ends_the_job_in_its_own_way() {
    if !real_flink() {
        return;
    }
    for (mode, left) in [("Savepoint", 1), ("ForceCancel", 0), ("None", 0)] {
        let stage = Stage::running(json!({ "deleteMode": mode })).await;
        stage.delete().await;
        stage.until_nothing_is_left().await;
        assert_eq!(savepoints(&stage), left, "{mode}");
        let found = stage.numbers();
        assert!(found.exactly_once(), "{mode}: {found:#?}");
        eprintln!("deleted with {mode}: {left} savepoints, {} numbers", found.last.unwrap());
        stage.end().await;
    }
}

fn savepoints(stage: &Stage) -> usize {
    std::fs::read_dir(stage.directory.run().join("savepoints")).map_or(0, Iterator::count)
}

async fn pods(stage: &Stage, role: &str) -> Vec<Pod> {
    let pods: Api<Pod> = Api::default_namespaced(stage.client.clone());
    let labels = ListParams::default().labels(&format!("flink-deployment-type={role}"));
    pods.list(&labels).await.unwrap().items
}

/// The uids of the JobManagers' pods.
async fn jobmanagers(stage: &Stage) -> Vec<Value> {
    pods(stage, "jobmanager").await.into_iter().map(|pod| json!(pod.metadata.uid)).collect()
}
