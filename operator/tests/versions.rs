//! The road of an application on each Flink that is served: deploy, update, rollback, a lost job, two versions side
//! by side, deletion.
//!
//! Takes minutes, so it runs only when SANDBOX_REAL_FLINK is set; a version that is not in the cache is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use flink_operator_fixtures::process::numbers;
use serde_json::{Value, json};
use support::real::{arguments, real_flink_of, until_parts};
use support::stage::Stage;
use support::until;

#[tokio::test]
async fn flink_1_13_is_served_which_knows_no_trigger_ids_of_ours() {
    road_of("1.13.6").await;
}

#[tokio::test]
async fn flink_1_20_is_served() {
    road_of("1.20.5").await;
}

#[tokio::test]
async fn the_newest_flink_is_served() {
    road_of("2.3.0").await;
}

async fn road_of(version: &str) {
    if !real_flink_of(version) {
        return;
    }
    dual(version).await;
    blue_green(version).await;
    eprintln!("Flink {version} is served");
}

fn spec(version: &str, more: Value) -> Value {
    let (minor, _) = version.rsplit_once('.').unwrap();
    let mut spec = json!({
        "image": format!("flink:{version}"),
        "flinkVersion": minor,
        "flinkConfig": { "state.checkpoints.num-retained": "1000" },
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    spec
}

async fn dual(version: &str) {
    let mut stage = Stage::running_on(version, spec(version, json!({}))).await;
    stage.edit(json!({ "parallelism": 2 })).await;
    let from = stage.until_running().await.status.unwrap().deployed.unwrap().restored_from.unwrap();
    assert!(from.contains("/savepoints/savepoint-"), "{from}");
    until_parts(&stage.out(), "deploy-2", 2).await;

    stage.patch(json!({ "entryClass": "NoSuchClass" })).await;
    stage.until_phase("DeployFailed").await;
    let status = stage.status().await;
    assert_eq!(status.deployed.unwrap().attempt, 2, "{:?}", status.failed);
    stage.goes_on("deploy-2").await;
    assert_eq!(stage.running_jobs().await, 1);
    assert!(stage.numbers().exactly_once(), "{version}: {:#?}", stage.numbers());

    stage.directory.kill("StandaloneSessionClusterEntrypoint");
    let from = until("the job is recovered", || async {
        let deployed = stage.status().await.deployed?;
        (deployed.attempt == 3).then_some(deployed.restored_from)
    })
    .await;
    assert!(from.unwrap().contains("/chk-"));
    stage.goes_on("deploy-2").await;
    assert_eq!(stage.running_jobs().await, 1);
    assert!(stage.numbers().gaps.is_empty(), "{version}: {:#?}", stage.numbers());
    stage.delete().await;
    stage.until_nothing_is_left().await;
    stage.end().await;
}

async fn blue_green(version: &str) {
    let mut stage = Stage::running_on(version, spec(version, json!({ "deploymentMode": "BlueGreen" }))).await;
    stage.patch(json!({ "programArgs": arguments("blue", "blue") })).await;
    stage.until_phase("DualRunning").await;
    let blue = stage.directory.run().join("data/blue");
    until_parts(&blue, "blue", 2).await;
    assert_eq!(stage.running_jobs().await, 2);
    let (first, second) = (stage.status().await.deployed.unwrap(), stage.status().await.second.unwrap());
    assert!(second.restored_from.unwrap().contains("/savepoints/savepoint-"));
    stage.patch(json!({ "tearDownVersionHash": first.revision.id })).await;
    stage.until_phase("Running").await;
    assert_eq!(stage.running_jobs().await, 1);
    let found = numbers::check(&blue).unwrap();
    assert!(found.repeats.is_empty() && found.gaps.len() == 1, "{version}: {found:#?}");
    stage.end().await;
}
